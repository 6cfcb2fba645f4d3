"""A key of its own, outside the table of keys: get it, or load it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fleetcache.cache.layer import Layer
from fleetcache.cache.reading import DATABASE
from fleetcache.clock import Clock
from fleetcache.label import Label


@dataclass(frozen=True, eq=False)
class Single:
    """The key: its name, the shape of its value, its seconds to live and those that there is none."""

    name: str
    shape: Any
    ttl: float
    nothing_ttl: float | None = None
    topics: frozenset[str] = frozenset()
    family: Sequence[str] = ()


@dataclass(frozen=True)
class Made:
    """What its loader made, and when (seconds since the epoch)."""

    value: Any
    computed_at: float
    label: Label | None = None
    current: Label | None = None


def loader(name: str, load: Callable[[], Any], *, clock: Clock) -> Layer:
    """The one layer below Redis of such a key."""
    return Layer(DATABASE, "loader", lambda _names: {name: Made(load(), clock.now())})
