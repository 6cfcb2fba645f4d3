"""From an invalidation by one process until the memory of another serves the new value."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import redis

from benchmarks.caches import Cache, Place
from benchmarks.crew import Crew
from benchmarks.document import plain, title
from benchmarks.measure import Table, median, percentile, turns, us
from benchmarks.ours import OURS
from benchmarks.peers import CONTESTANTS
from benchmarks.server import ADDRESS, Valkey

PREFIX, CHANNEL = "co:", "co-changes"
READY = "ready"
BULK = [f"{PREFIX}bulk:{n}" for n in range(1000)]
COHERENT = ("cashews client side (memory over Redis)",)
COLUMNS = (
    "way",
    "told p50 us",
    "p95",
    "new value p50 us",
    "p95",
    "1,000 keys p50 us",
    "p95",
    "sending p50 us",
)
TEXT = (
    "Two processes, redis-py alone. A writes a new value and invalidates; B's listening thread is told and "
    "GETs the new value. “1,000 keys” are removed by one UNLINK, until B was told of all of them (pub/sub "
    "was given the names in one message). “B busy”: another thread of B computes without pause, at a "
    "switch interval of 5 ms (Python's default) or 0.5 ms. Times run from before A sends, by the machine's "
    "monotonic clock; “sending” is what A itself waits. {count} changes and {rounds} bulks of each way."
)
END_COLUMNS = ("contestant", "p50 us", "p95 us", "worst us", "old for over 2 s")
END_TEXT = (
    "Two instances in two processes, each with the value in memory; A changes the source and invalidates; "
    "B reads every 0.1 ms or so until it gets the new value. {count} changes. Peers without coherence serve the "
    "old value from memory until its TTL and are not listed."
)

Wait = Callable[[], Sequence[bytes]]


def tracking(connection: Any) -> Wait:
    """Be told of every key of ours that changes."""
    connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", PREFIX)
    connection.read_response()
    connection._parser.set_invalidation_push_handler(lambda push: push[1])
    return lambda: connection.read_response(push_request=True) or ()


def subscription(connection: Any) -> Wait:
    """Hear the channel."""
    connection.send_command("SUBSCRIBE", CHANNEL)
    connection.read_response(push_request=True)
    return lambda: connection.read_response(push_request=True)[2].split()


def alone(client: Any, names: Sequence[str], *change: Any) -> None:
    """With tracking the change itself tells."""
    client.execute_command(*change)


def published(client: Any, names: Sequence[str], *change: Any) -> None:
    """The change and the word of it, in one round trip."""
    with client.pipeline(transaction=False) as pipe:
        pipe.execute_command(*change)
        pipe.publish(CHANNEL, " ".join(names))
        pipe.execute()


WAYS = {"RESP3 tracking BCAST": (tracking, alone), "PUBLISH / SUBSCRIBE": (subscription, published)}
MOODS: dict[str, float | None] = {"B idle": None, "B busy, 5 ms": 0.005, "B busy, 0.5 ms": 0.0005}


def run(quick: bool) -> list[Table]:
    """The ways redis-py has, and the coherent contestants."""
    return [_ways(2 if quick else 20, 50), _contestants(10 if quick else 300)]


def _ways(rounds: int, count: int) -> Table:
    entrants = [(way, mood) for way in WAYS for mood in MOODS]
    samples: dict[tuple[str, str], list[list[int]]] = {each: [[], [], [], []] for each in entrants}
    with Valkey() as server, Crew(1) as crew:
        for way, mood in turns(entrants, rounds, "coherence"):
            server.client.mset(dict.fromkeys(BULK, "old"))
            crew.start(follow, server.port, way, MOODS[mood], count)
            began, ended = _change(server.client, WAYS[way][1], count)
            ((told, served),) = crew.answers()
            single, bulk, served_after, sending = samples[way, mood]
            after = [heard - sent for heard, sent in zip(told, began, strict=True)]
            single += after[:-1]
            bulk += after[-1:]
            served_after += [shown - sent for shown, sent in zip(served, began, strict=False)]
            sending += [done - sent for done, sent in zip(ended, began[:-1], strict=True)]
    rows = []
    for (way, mood), (told, bulk, served, sending) in samples.items():
        figures = [us(percentile(kept, share)) for kept in (told, served, bulk) for share in (0.5, 0.95)]
        rows.append((f"{way}, {mood}", *figures, us(median(sending))))
    text = TEXT.format(count=f"{rounds * count:,}", rounds=rounds)
    return Table("Coherence, the ways", text, COLUMNS, rows)


def _change(client: redis.Redis, send: Callable[..., None], count: int) -> tuple[list[int], list[int]]:
    """A: so many changes and a bulk, each when B is ready; when each was sent and when done."""
    began, ended = [], []
    for number in range(count + 1):
        client.blpop(READY)
        time.sleep(0.001)
        began.append(time.monotonic_ns())
        if number < count:
            send(client, [f"{PREFIX}{number}"], "SET", f"{PREFIX}{number}", number)
        else:
            send(client, BULK, "UNLINK", *BULK)
        ended.append(time.monotonic_ns())
    return began, ended[:-1]


def follow(port: int, way: str, busy: float | None, count: int) -> tuple[list[int], list[int]]:
    """B: when it was told of each change, and when it had each new value."""
    client = redis.Redis(ADDRESS, port)
    pool = redis.ConnectionPool(host=ADDRESS, port=port, protocol=3)
    connection = pool.get_connection()
    wait = WAYS[way][0](connection)
    interval = sys.getswitchinterval()
    ending = threading.Event()
    if busy is not None:
        sys.setswitchinterval(busy)
        threading.Thread(target=_compute, args=(ending,)).start()
    told, served = [], []
    for _ in range(count):
        client.rpush(READY, 1)
        (name,) = wait()
        told.append(time.monotonic_ns())
        client.get(name)
        served.append(time.monotonic_ns())
    held = {name.encode() for name in BULK}
    client.rpush(READY, 1)
    while held:
        held.difference_update(wait())
    told.append(time.monotonic_ns())
    ending.set()
    sys.setswitchinterval(interval)
    pool.disconnect()
    client.close()
    return told, served


def _compute(ending: threading.Event) -> None:
    while not ending.is_set():
        sum(n * n for n in range(1000))


CURRENT = "current:"
KEYS = 10
LATE, PAUSE = 2.0, 0.0001


def _contestants(count: int) -> Table:
    contestants = [*(each.name for each in OURS), *COHERENT]
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    late = dict.fromkeys(contestants, 0)
    with Valkey() as server, Crew(1) as one, Crew(1) as other:
        place = Place(server.port, ttl=600)
        for number, name in enumerate(turns(contestants, count, "coherence of contestants")):
            key, new = f"end:{name}:{number % KEYS}", f"version {number}"
            one.ask(read, name, place, key)
            other.start(until_new, name, place, key, new)
            time.sleep(0.02)
            (began,) = one.ask(change, name, place, key, new)
            (ended,) = other.answers()
            if ended is None:
                late[name] += 1
            else:
                samples[name].append(max(0, ended - began))
    rows = [
        (name, *(us(percentile(kept, share)) if kept else "-" for share in (0.5, 0.95, 1.0)), f"{late[name]}")
        for name, kept in samples.items()
    ]
    return Table("Coherence, the contestants", END_TEXT.format(count=count), END_COLUMNS, rows)


@cache
def sharing(name: str, place: Place) -> Cache:
    """This process's instance of a contestant over the one source of both, which lies in Redis."""
    source = redis.Redis(ADDRESS, place.port, decode_responses=True)

    def load(key: str) -> Any:
        return plain(str(source.get(CURRENT + key)))

    return CONTESTANTS[name].build(place, load)


def read(name: str, place: Place, key: str) -> None:
    """Have it in memory."""
    for _ in range(3):
        sharing(name, place).read(key)


def change(name: str, place: Place, key: str, new: str) -> int:
    """Change the source and invalidate; the moment at which the invalidation began."""
    source = redis.Redis(ADDRESS, place.port)
    source.set(CURRENT + key, new)
    source.close()
    began = time.monotonic_ns()
    sharing(name, place).drop(key)
    return began


def until_new(name: str, place: Place, key: str, new: str) -> int | None:
    """The moment at which a read gives the new value; None when none does in time."""
    memory = sharing(name, place)
    deadline = time.monotonic() + LATE
    while time.monotonic() < deadline:
        if title(memory.read(key)) == new:
            return time.monotonic_ns()
        time.sleep(PAUSE)
    return None
