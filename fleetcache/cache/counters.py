"""Hits, misses and their times: counted in memory, kept in Redis by the minute.

Every instance writes its own running totals of a minute under its own name. Writing the same
total twice changes nothing, so a flush whose answer was lost can simply be sent again, and the
totals of several instances add up. A minute that nobody wrote is a gap, not a zero.

The idea of counting in memory and flushing to minute buckets is the one of Sidekiq's metrics.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fleetcache.cache.link import Link, reply
from fleetcache.cache.names import Names
from fleetcache.cache.reading import DATABASE, LAYERS, MEMORY, NOBODY, REDIS, VIEW
from fleetcache.clock import SYSTEM, Clock

KEPT_SECONDS = 2 * 24 * 3600
WAITING_MINUTES = 120
STEPS = 4
"""Buckets of a time per doubling of it, the first at a microsecond."""
_TOGETHER = 10  # minutes asked for at a time
_MANY = 10_000  # events that wait to be added up


@dataclass
class Minute:
    """What was counted in one minute over all instances.

    ``served`` reads of pages and the API by (layer, key), of those ``stale`` the flagged ones and
    ``shared`` those that only waited for the load of another;
    ``missed`` by (layer, reason, key); ``loaded`` and ``failed`` by (layer, key); ``times`` a
    histogram by (layer, hit or miss, step).
    """

    served: Counter[tuple[str, str]] = field(default_factory=Counter)
    stale: Counter[tuple[str, str]] = field(default_factory=Counter)
    shared: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    loaded: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    times: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def reads(self, layer: str | None = None) -> int:
        """Reads of pages and the API, of one layer or of all."""
        return sum(n for (by, _), n in self.served.items() if layer in (None, by))

    def add(self, other: Minute) -> None:
        """Take another's counts in."""
        self.served.update(other.served)
        self.stale.update(other.stale)
        self.shared.update(other.shared)
        self.missed.update(other.missed)
        self.loaded.update(other.loaded)
        self.failed.update(other.failed)
        self.times.update(other.times)

    @property
    def hit_rate(self) -> float | None:
        """Share of reads served by memory or Redis, percent; None without reads."""
        reads = self.reads()
        return 100 * (self.reads(MEMORY) + self.reads(REDIS)) / reads if reads else None

    @property
    def without_query_rate(self) -> float | None:
        """Share of reads that needed no database query of their own, percent; None without reads. One
        that got an old value from memory had asked for a newer."""
        reads = self.reads()
        asked = self.reads(VIEW) + self.reads(DATABASE) + self.reads(NOBODY)
        asked += sum(n for (layer, _), n in self.stale.items() if layer == MEMORY)
        return 100 * (reads - asked + self.shared.total()) / reads if reads else None

    def latency(self, layer: str, outcome: str, share: float) -> float | None:
        """The time, in seconds, within which ``share`` of a layer's answers came; None without any."""
        steps = sorted(
            (step, n) for (by, how, step), n in self.times.items() if (by, how) == (layer, outcome)
        )
        wanted = share * sum(n for _, n in steps)
        for step, n in steps:
            wanted -= n
            if wanted <= 0:
                return float(2 ** ((step + 0.5) / STEPS) / 1e6)
        return None


class Counts(Protocol):
    """Whoever takes note of how reads went."""

    def served(self, layer: str, key: str, *, stale: bool = False, shared: bool = False) -> None:
        """A page or the API got ``key`` from ``layer``; ``stale`` when it was flagged as old,
        ``shared`` when another had asked the database for it."""

    def missed(self, layer: str, reason: str, key: str) -> None:
        """``layer`` could not give ``key``."""

    def failed(self, layer: str, key: str) -> None:
        """``layer`` answered with an error."""

    def timed(self, layer: str, outcome: str, seconds: float) -> None:
        """``layer`` took so long for a ``hit`` or a ``miss``."""


class Uncounted:
    """Takes the place of the counters for reads of the program's own."""

    def served(self, layer: str, key: str, *, stale: bool = False, shared: bool = False) -> None:
        """Not a read of a person."""

    def missed(self, layer: str, reason: str, key: str) -> None:
        """Not a miss that anybody waited for."""

    def failed(self, layer: str, key: str) -> None:
        """Not a failure that anybody saw."""

    def timed(self, layer: str, outcome: str, seconds: float) -> None:
        """Not a time that anybody spent."""


UNCOUNTED = Uncounted()


class HitCounters:
    """Counts of this instance, on their way to Redis. Safe to use from many threads.

    ``harvest`` gives the hits that memory counted by itself since it was last asked; they fall
    into the minute in which they are asked for.
    """

    def __init__(
        self,
        link: Link,
        names: Names,
        *,
        instance: str,
        harvest: Callable[[], Mapping[str, int]] = dict,
        clock: Clock = SYSTEM,
    ) -> None:
        self._link = link
        self._names = names
        self._instance = instance
        self._harvest = harvest
        self._clock = clock
        self._lock = threading.Lock()
        self._events: deque[tuple[str | int, ...]] = deque()
        self._waiting: dict[int, Counter[str]] = {}
        self._ever: Counter[str] = Counter()
        self._past: dict[int, Minute | None] = {}

    def served(self, layer: str, key: str, *, stale: bool = False, shared: bool = False) -> None:
        """A page or the API got ``key`` from ``layer``; ``stale`` when it was flagged as old,
        ``shared`` when another had asked the database for it."""
        self._add("served", layer, key)
        if stale:
            self._add("stale", layer, key)
        elif shared and layer in (VIEW, DATABASE):
            self._add("shared", layer, key)

    def missed(self, layer: str, reason: str, key: str) -> None:
        """``layer`` could not give ``key``."""
        self._add("missed", layer, reason, key)

    def loaded(self, layer: str, key: str) -> None:
        """``key`` was taken from ``layer`` into the levels above."""
        self._add("loaded", layer, key)

    def failed(self, layer: str, key: str) -> None:
        """``layer`` answered with an error."""
        self._add("failed", layer, key)

    def timed(self, layer: str, outcome: str, seconds: float) -> None:
        """``layer`` took so long for a ``hit`` or a ``miss``."""
        step = max(0, math.floor(STEPS * math.log2(max(seconds * 1e6, 1))))
        self._add("times", layer, outcome, step)

    def memory_hit_rate(self) -> float | None:
        """Share of this instance's reads that its memory served in this minute and the last,
        percent; None without reads."""
        minute = int(self._clock.now() // 60)
        self._gather()
        hits = reads = 0
        with self._lock:
            for m in (minute - 1, minute):
                for name, n in self._waiting.get(m, {}).items():
                    if name.startswith("served|"):
                        reads += n
                        hits += n if name.startswith(f"served|{MEMORY}|") else 0
        return 100 * hits / reads if reads else None

    def _add(self, *event: str | int) -> None:
        # An append needs no lock of ours; the sums are made when they are asked for.
        self._events.append((int(self._clock.now() // 60), *event))
        if len(self._events) > _MANY:
            self._gather()

    def _gather(self) -> None:
        """Add up what happened since the last time."""
        with self._lock:
            happened = [self._events.popleft() for _ in range(len(self._events))]
            for (minute, *event), n in Counter(happened).items():
                self._count(int(minute), "|".join(map(str, event)), n)
            for key, hits in self._harvest().items():
                self._count(int(self._clock.now() // 60), f"served|{MEMORY}|{key}", hits)

    def _count(self, minute: int, name: str, n: int) -> None:
        self._waiting.setdefault(minute, Counter())[name] += n
        self._ever[name] += n

    def ever(self) -> Minute:
        """What this instance has counted since its start."""
        self._gather()
        with self._lock:
            return _parse({f"|{name}".encode(): b"%d" % n for name, n in self._ever.items()})

    def flush(self) -> None:
        """Write what is not yet in Redis, and that this instance is there to count.

        Raises StoreDown; the counts then wait, for up to two hours.
        """
        self._gather()
        minute = int(self._clock.now() // 60)
        with self._lock:
            self._waiting.setdefault(minute, Counter())
            for old in [m for m in self._waiting if m < minute - WAITING_MINUTES]:
                del self._waiting[old]
            copies = {m: dict(counts) for m, counts in self._waiting.items()}
        with self._link as client, client.pipeline(transaction=False) as pipe:
            for m, counts in copies.items():
                bucket = self._names.minute(m)
                here: dict[Any, Any] = {f"{self._instance}|here": 1}
                fields = {f"{self._instance}|{name}": n for name, n in counts.items()}
                pipe.hset(bucket, mapping=here | fields)
                pipe.expire(bucket, KEPT_SECONDS)
            pipe.execute()
        with self._lock:
            for m, counts in copies.items():
                # A while longer than the minute lasts: a count that came late must add to the
                # total, not start a new one.
                if m < minute - 2 and self._waiting.get(m) == counts:
                    del self._waiting[m]

    def minutes(self, first: int, last: int) -> dict[int, Minute | None]:
        """What all instances counted, by minute since the epoch; None for one nobody wrote.

        Minutes so old that no instance can add to them are asked for once. Raises StoreDown.
        """
        final = int(self._clock.now() // 60) - WAITING_MINUTES - 1
        span = range(first, last + 1)
        wanted = [minute for minute in span if minute not in self._past]
        replies: list[dict[bytes, bytes]] = []
        # A day of busy minutes is more than one deadline's worth of bytes.
        for start in range(0, len(wanted), _TOGETHER):
            with self._link as client, client.pipeline(transaction=False) as pipe:
                for minute in wanted[start : start + _TOGETHER]:
                    pipe.hgetall(self._names.minute(minute))
                replies += reply(pipe.execute(), list)
        fresh = {m: _parse(fields) if fields else None for m, fields in zip(wanted, replies, strict=True)}
        found = {m: fresh[m] if m in fresh else self._past[m] for m in span}
        self._past = {m: minute for m, minute in found.items() if m <= final}
        return found


def _parse(fields: dict[bytes, bytes]) -> Minute:
    minute = Minute()
    for name, value in fields.items():
        if not value.isdigit():
            continue
        n = int(value)
        match name.decode("utf-8", "replace").split("|")[1:]:
            case ["served", layer, *key] if layer in (*LAYERS, NOBODY):
                minute.served[layer, "|".join(key)] += n
            case ["stale", layer, *key]:
                minute.stale[layer, "|".join(key)] += n
            case ["shared", layer, *key]:
                minute.shared[layer, "|".join(key)] += n
            case ["missed", layer, reason, *key]:
                minute.missed[layer, reason, "|".join(key)] += n
            case ["loaded", layer, *key]:
                minute.loaded[layer, "|".join(key)] += n
            case ["failed", layer, *key]:
                minute.failed[layer, "|".join(key)] += n
            case ["times", layer, outcome, step]:
                minute.times[layer, outcome, int(step) if step.isdigit() else 0] += n
            case _:
                pass  # "here", or a newer program's counter
    return minute
