"""What an action on the cache would touch, before it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fleetcache.cache.counters import Minute
from fleetcache.cache.envelope import Envelope
from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.reading import DATABASE, VIEW
from fleetcache.cache.store import Held
from fleetcache.errors import Conflict

WINDOW_MINUTES = 60


@dataclass(frozen=True)
class Touched:
    """One value that would be removed: its bytes, seconds left, and seconds since it was counted (None for
    one of another version of the program, which cannot be read)."""

    name: str
    current: bool
    memory: int
    ttl: float
    age: float | None


@dataclass(frozen=True)
class Preview:
    """Values by name, and how long a load takes (p50 of the last hour, seconds; None where none was
    measured) from the view and from raw queries. Equal stamps stand for equal sets of values."""

    values: tuple[Touched, ...]
    stamp: str
    from_view: float | None
    from_tables: float | None

    @property
    def memory(self) -> int:
        """Bytes of all of them."""
        return sum(value.memory for value in self.values)

    @property
    def oldest(self) -> float | None:
        """Seconds since the oldest of them was counted."""
        return max((value.age for value in self.values if value.age is not None), default=None)

    def document(self) -> dict[str, Any]:
        """The JSON of a dry run, without what it says in words."""
        return {
            "stamp": self.stamp,
            "bytes": self.memory,
            "values": [
                {
                    "key": value.name,
                    "current": value.current,
                    "bytes": value.memory,
                    "secondsLeft": round(value.ttl, 3),
                    "ageSeconds": None if value.age is None else round(value.age, 3),
                }
                for value in self.values
            ],
            "loadMs": {VIEW: _milliseconds(self.from_view), DATABASE: _milliseconds(self.from_tables)},
        }


def preview(cache: LayeredCache, held: Sequence[Held]) -> Preview:
    """What removing these values means. Raises StoreDown."""
    names = [row.name for row in held if row.current]
    envelopes = cache.store.get_many(names, Envelope)
    now = cache.now()
    ages = {
        name: max(0.0, now - one.computed_at) for name, one in envelopes.items() if isinstance(one, Envelope)
    }
    values = [
        Touched(row.name, row.current, row.memory, row.ttl, ages.get(row.name) if row.current else None)
        for row in held
    ]
    measured = Minute()
    minute = int(now // 60)
    for counted in cache.counters.minutes(minute - WINDOW_MINUTES + 1, minute).values():
        if counted is not None:
            measured.add(counted)
    return Preview(
        tuple(values), stamp(held), measured.latency(VIEW, "hit", 0.5), measured.latency(DATABASE, "hit", 0.5)
    )


def stamp(held: Sequence[Held]) -> str:
    """A short word for a set of values, by their names alone."""
    names = sorted((row.name, row.current) for row in held)
    return hashlib.sha256(repr(names).encode()).hexdigest()[:16]


def expect(shown: str, held: Sequence[Held]) -> Sequence[Held]:
    """The same, if these are the values that were shown under a stamp. Raises Conflict."""
    if shown != stamp(held):
        raise Conflict(f"What would be removed has changed since it was shown; now it is {len(held)} values.")
    return held


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
