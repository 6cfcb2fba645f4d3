"""Hits, misses and their times: counted in memory, kept in Redis by the minute.

Every instance writes its own running totals of a minute under its own name. Writing the same
total twice changes nothing, so a flush whose answer was lost can simply be sent again, and the
totals of several instances add up. A minute that nobody wrote is a gap, not a zero.

The idea of counting in memory and flushing to minute buckets is the one of Sidekiq's metrics.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import redis

from fleetcache.cache.client import errors
from fleetcache.cache.names import Names
from fleetcache.cache.reading import DATABASE, LAYERS, MEMORY, NOBODY, REDIS, VIEW
from fleetcache.clock import SYSTEM, Clock

KEPT_SECONDS = 2 * 24 * 3600
WAITING_MINUTES = 120
_STEPS = 4  # buckets per doubling of the time


@dataclass
class Minute:
    """What was counted in one minute over all instances.

    ``served`` reads of pages and the API by (layer, key); ``missed`` by (layer, reason, key);
    ``loaded`` and ``failed`` by (layer, key); ``times`` a histogram by (layer, hit or miss, step).
    """

    served: Counter[tuple[str, str]] = field(default_factory=Counter)
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
        """Share of reads that needed no database query at all, percent; None without reads."""
        reads = self.reads()
        asked = self.reads(VIEW) + self.reads(DATABASE) + self.reads(NOBODY)
        return 100 * (reads - asked) / reads if reads else None

    def latency(self, layer: str, outcome: str, share: float) -> float | None:
        """The time, in seconds, within which ``share`` of a layer's answers came; None without any."""
        steps = sorted(
            (step, n) for (by, how, step), n in self.times.items() if (by, how) == (layer, outcome)
        )
        wanted = share * sum(n for _, n in steps)
        for step, n in steps:
            wanted -= n
            if wanted <= 0:
                return float(2 ** ((step + 0.5) / _STEPS) / 1e6)
        return None


class HitCounters:
    """Counts of this instance, on their way to Redis. Safe to use from many threads."""

    def __init__(
        self, client: redis.Redis, names: Names, *, instance: str, clock: Clock = SYSTEM
    ) -> None:
        self._client = client
        self._names = names
        self._instance = instance
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[int, Counter[str]] = {}
        self._past: dict[int, Minute | None] = {}

    def served(self, layer: str, key: str) -> None:
        """A page or the API got ``key`` from ``layer``."""
        self._add(f"served|{layer}|{key}")

    def missed(self, layer: str, reason: str, key: str) -> None:
        """``layer`` could not give ``key``."""
        self._add(f"missed|{layer}|{reason}|{key}")

    def loaded(self, layer: str, key: str) -> None:
        """``key`` was taken from ``layer`` into Redis."""
        self._add(f"loaded|{layer}|{key}")

    def failed(self, layer: str, key: str) -> None:
        """``layer`` answered with an error."""
        self._add(f"failed|{layer}|{key}")

    def timed(self, layer: str, outcome: str, seconds: float) -> None:
        """``layer`` took so long for a ``hit`` or a ``miss``."""
        step = max(0, math.floor(_STEPS * math.log2(max(seconds * 1e6, 1))))
        self._add(f"times|{layer}|{outcome}|{step}")

    def _add(self, name: str) -> None:
        with self._lock:
            minute = int(self._clock.now() // 60)
            self._waiting.setdefault(minute, Counter())[name] += 1

    def flush(self) -> None:
        """Write what is not yet in Redis, and that this instance is there to count.

        Raises StoreDown; the counts then wait, for up to two hours.
        """
        minute = int(self._clock.now() // 60)
        with self._lock:
            self._waiting.setdefault(minute, Counter())
            for old in [m for m in self._waiting if m < minute - WAITING_MINUTES]:
                del self._waiting[old]
            copies = {m: dict(counts) for m, counts in self._waiting.items()}
        with errors(), self._client.pipeline(transaction=False) as pipe:
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
        with errors(), self._client.pipeline(transaction=False) as pipe:
            for minute in wanted:
                pipe.hgetall(self._names.minute(minute))
            replies = pipe.execute()
        fresh = {m: _parse(reply) if reply else None for m, reply in zip(wanted, replies, strict=True)}
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
            case ["served", layer, key] if layer in (*LAYERS, NOBODY):
                minute.served[layer, key] += n
            case ["missed", layer, reason, key]:
                minute.missed[layer, reason, key] += n
            case ["loaded", layer, key]:
                minute.loaded[layer, key] += n
            case ["failed", layer, key]:
                minute.failed[layer, key] += n
            case ["times", layer, outcome, step]:
                minute.times[layer, outcome, int(step) if step.isdigit() else 0] += n
            case _:
                pass  # "here", or a newer program's counter
    return minute
