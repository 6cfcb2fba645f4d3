"""What a layer gives, and what a reader gets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

import msgspec

from fleetcache.label import Label

MEMORY, REDIS, VIEW, DATABASE = LAYERS = ("memory", "redis", "materialized_view", "database")
NOBODY = "none"
"""In place of a layer, for a read that none could serve."""


class Slot(Protocol):
    """What the cache has to know of a key: the shape of its value, its seconds to live (when there is
    none, if that is kept less long), the topics it depends on, and the keys that one load gives along
    with it."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Any: ...
    @property
    def ttl(self) -> float: ...
    @property
    def nothing_ttl(self) -> float | None: ...
    @property
    def topics(self) -> frozenset[str]: ...
    @property
    def family(self) -> Sequence[str]: ...


class Loaded(Protocol):
    """A value from a layer below Redis, the moment of its snapshot (seconds since the epoch), its label
    and that of the statement which read it; a value of no database has none."""

    @property
    def value(self) -> Any: ...
    @property
    def computed_at(self) -> float: ...
    @property
    def label(self) -> Label | None: ...
    @property
    def current(self) -> Label | None: ...


class Reading(msgspec.Struct, frozen=True):
    """A figure and where it came from.

    ``computed_at`` is the moment of the snapshot it was counted in, ``expires_at`` when its kept
    copy ends at the latest (both seconds since the epoch), ``version`` opaque and equal for equal
    states of what it is counted from (None for a value of no database), ``reason`` why no higher
    layer served it, or why it is stale.
    """

    key: str
    value: Any
    layer: str
    computed_at: float
    expires_at: float | None
    day: date
    version: str | None = None
    stale: bool = False
    reason: str | None = None

    @property
    def cache_hit(self) -> bool:
        """Whether memory or Redis served it."""
        return self.layer in (MEMORY, REDIS)

    def flagged(self, reason: str) -> Reading:
        """The same, said to be old and why it is served all the same."""
        return msgspec.structs.replace(self, stale=True, reason=reason)

    def age(self, now: float) -> float:
        """Seconds since the figure was counted."""
        return max(0.0, now - self.computed_at)
