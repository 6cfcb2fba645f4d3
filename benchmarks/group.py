"""Invalidation of 10,000 keys among 100,000 foreign ones."""

from __future__ import annotations

import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Any

import redis

from benchmarks.caches import Place
from benchmarks.crew import SPAWN
from benchmarks.document import plain
from benchmarks.measure import Table, median, ms, turns
from benchmarks.ours import OURS
from benchmarks.peers import GROUP, GROUP_ONLY, REDIS
from benchmarks.server import ADDRESS, Valkey

FOREIGN = 100_000
START = "group:"
HOW = {
    "redis-py GET + orjson": "redis-py SCAN + UNLINK",
    "dogpile.cache Redis": "dogpile.cache `delete_multi` of all names",
    "cashews Redis `@cache`": "cashews `delete_match`",
    "aiocache Redis": "aiocache `clear(namespace)`",
    "django-redis `get_or_set`": "django-redis `delete_pattern`",
    "Flask-Caching Redis": "Flask-Caching `clear` with a prefix",
}
COLUMNS = ("contestant", "ms", "left over", "tells how many", "slowest GET of another client ms")
TEXT = (
    "10,000 keys of a group are invalidated while 100,000 foreign keys lie beside them and a client in "
    "another process GETs one of those without pause. dogpile.cache has no groups on Redis: it was given "
    "every name. Medians of {trials} trials."
)


def run(quick: bool) -> list[Table]:
    """Time, count and disturbance of each contestant."""
    contestants = [*OURS, *(each for each in REDIS if each.name in HOW), *GROUP_ONLY]
    trials = 1 if quick else 7
    took: dict[str, list[float]] = {each.name: [] for each in contestants}
    worst: dict[str, list[float]] = {each.name: [] for each in contestants}
    left: dict[str, int] = {each.name: 0 for each in contestants}
    counts: dict[str, set[int | None]] = {each.name: set() for each in contestants}
    with Valkey() as server:
        _fill(server.client, (f"foreign:{n}" for n in range(FOREIGN)))
        place = Place(server.port, ttl=3600)
        caches = {each.name: each.build(place, plain) for each in contestants}
        ours, theirs = SPAWN.Pipe()
        neighbour = SPAWN.Process(target=_get_on, args=(server.port, theirs), daemon=True)
        neighbour.start()
        for contestant in turns(contestants, trials, "group"):
            name, cache = contestant.name, caches[contestant.name]
            assert cache.drop_group is not None
            _fill(server.client, (cache.physical(f"{START}{n}") for n in range(GROUP)))
            before = int(server.client.dbsize())
            ours.send("begin")
            time.sleep(0.05)
            began = time.perf_counter()
            counts[name].add(cache.drop_group(START))
            took[name].append(time.perf_counter() - began)
            ours.send("end")
            worst[name].append(ours.recv())
            left[name] = GROUP - (before - int(server.client.dbsize()))
        neighbour.kill()
        neighbour.join()
        for cache in caches.values():
            cache.close()
    rows = [
        (
            HOW.get(name, name),
            ms(median(took[name])),
            str(left[name]),
            "exactly" if counts[name] == {GROUP} else "no" if counts[name] == {None} else "wrongly",
            ms(median(worst[name])),
        )
        for name in took
    ]
    return [Table("Group invalidation", TEXT.format(trials=trials), COLUMNS, rows)]


def _fill(client: Any, keys: Iterable[str]) -> None:
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.set(key, b"x" * 64)
        pipe.execute()


def _get_on(port: int, pipe: Connection) -> None:
    """GET without pause from "begin" to "end", then send the slowest."""
    client = redis.Redis(ADDRESS, port)
    while pipe.recv():
        slowest = 0.0
        while not pipe.poll():
            began = time.perf_counter()
            client.get("foreign:1")
            slowest = max(slowest, time.perf_counter() - began)
        pipe.recv()
        pipe.send(slowest)
