"""A loader reads the old value, is held up, the value changes and is invalidated; then it stores."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.caches import Cache, Contestant, Place
from benchmarks.document import plain, title
from benchmarks.measure import Table, turns
from benchmarks.ours import OURS
from benchmarks.peers import MEMORY, REDIS
from benchmarks.server import Valkey

TTL, WATCHED, AT_ONCE = 3, 9, 50
NOT_HERE = ("plain dict", "redis-py GET + msgspec")
COLUMNS = ("contestant", "trials", "alone: same instance", "alone: other", "not alone: second reader",
           "not alone: same", "not alone: other", "healed after s")  # fmt: skip
TEXT = (
    "A loader reads the old value and is held up; the value changes and the key is invalidated; the loader "
    "is let go and stores; then this instance and another one are read. In half of the trials (“not alone”) "
    "a second reader comes after the invalidation and before the store. Counted are the reads that gave "
    "the old value, though each of them began after the invalidation had returned. TTL 3 s, watched for "
    "9 s, {at_once} keys at a time."
)


class Held:
    """A source whose old values take until they are let go."""

    def __init__(self) -> None:
        self.current: dict[str, str] = {}
        self.arrived = threading.Semaphore(0)
        self.go = threading.Event()

    def load(self, key: str) -> Any:
        """What the source had when the load began."""
        value = self.current[key]
        if value == "old":
            self.arrived.release()
            self.go.wait()
        return plain(value)


class Trial:
    """One contestant as two instances over one source, and what was seen of it."""

    def __init__(self, contestant: Contestant, place: Place) -> None:
        self.name = contestant.name
        self.source = Held()
        self.one: Cache = contestant.build(place, self.source.load)
        self.other: Cache = contestant.build(place, self.source.load)
        self.trials = 0
        self.stale = [0] * 5
        self.healed = 0.0

    def go(self, keys: list[str], *, heal: bool) -> None:
        """One trial for each key, all at once."""
        source = self.source
        source.current |= dict.fromkeys(keys, "old")
        source.go.clear()
        loading = _all(self.one.read, keys)
        for _ in keys:
            assert source.arrived.acquire(timeout=10), f"{self.name}: a load did not begin"
        source.current |= dict.fromkeys(keys, "new")
        for key in keys:
            self.one.drop(key)
        alone, crowded = keys[::2], keys[1::2]
        got: list[Any] = []
        reading = _all(lambda key: got.append(self.one.read(key)), crowded)
        time.sleep(0.05)
        source.go.set()
        for thread in (*loading, *reading):
            thread.join()
        stored = time.monotonic()
        self.trials += len(keys)
        seen = [_old(map(cache.read, part)) for part in (alone, crowded) for cache in (self.one, self.other)]
        seen.insert(2, _old(got))
        self.stale = [so_far + now for so_far, now in zip(self.stale, seen, strict=True)]
        if heal:
            while self.healed < WATCHED and (
                _old(map(self.one.read, keys)) or _old(map(self.other.read, keys))
            ):
                self.healed = time.monotonic() - stored
                time.sleep(0.02)

    def row(self) -> tuple[str, ...]:
        """The verdict."""
        healed = f"> {WATCHED}" if self.healed >= WATCHED else f"{self.healed:.1f}" if self.healed else "-"
        return self.name, *map(str, (self.trials, *self.stale)), healed


def run(quick: bool) -> list[Table]:
    """Stale reads of each contestant."""
    contestants = [each for each in (*OURS, *REDIS, *MEMORY) if each.name not in NOT_HERE]
    rounds = 2 if quick else 20
    with Valkey() as server:
        trials = [Trial(each, Place(server.port, ttl=TTL)) for each in contestants]
        for number, trial in enumerate(turns(trials, rounds, "staleset")):
            last = number >= len(trials) * (rounds - 1)
            trial.go([f"race:{number}:{n}" for n in range(AT_ONCE)], heal=last)
        for trial in trials:
            trial.one.close()
            trial.other.close()
    return [Table("Stale-set race", TEXT.format(at_once=AT_ONCE), COLUMNS, [trial.row() for trial in trials])]


def _all(call: Callable[[str], Any], keys: Iterable[str]) -> list[threading.Thread]:
    threads = [threading.Thread(target=call, args=(key,), daemon=True) for key in keys]
    for thread in threads:
        thread.start()
    return threads


def _old(values: Iterable[Any]) -> int:
    return sum(title(value) == "old" for value in values)
