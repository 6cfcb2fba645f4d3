"""A key of its own, outside the table of keys: get it, or load it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from fleetcache.cache.filling import Layer
from fleetcache.cache.reading import DATABASE
from fleetcache.clock import Clock


@dataclass(frozen=True)
class Single:
    """The key: its name, the shape of its value and its seconds to live."""

    name: str
    shape: Any
    ttl: float
    topics: frozenset[str] = frozenset()
    family: Sequence[str] = ()


@dataclass(frozen=True)
class Made:
    """What its loader made, and when (seconds since the epoch)."""

    value: Any
    computed_at: float
    day: date
    day_ends_at: float | None = None
    epoch: str | None = None
    versions: dict[str, int] | None = None


def loader(name: str, load: Callable[[], Any], *, nothing_ttl: float | None, clock: Clock) -> Layer:
    """The one layer below Redis of such a key. That there is nothing (None) is true for no longer
    than ``nothing_ttl`` seconds."""

    def made(_names: Sequence[str]) -> dict[str, Made]:
        now = clock.now()
        value = load()
        ends_at = now + nothing_ttl if value is None and nothing_ttl is not None else None
        return {name: Made(value, now, datetime.fromtimestamp(now, UTC).date(), ends_at)}

    return Layer(DATABASE, "loader", made)
