"""What a layer gives, and what a reader gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import msgspec

MEMORY, REDIS, VIEW, DATABASE = LAYERS = ("memory", "redis", "materialized_view", "database")
NOBODY = "none"
"""In place of a layer, for a read that none could serve."""


class Slot(Protocol):
    """What the cache has to know of a key."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> type[Any]: ...
    @property
    def ttl(self) -> int: ...


class Loaded(Protocol):
    """A value from a layer below Redis; moments in seconds since the epoch."""

    @property
    def value(self) -> Any: ...
    @property
    def computed_at(self) -> float: ...
    @property
    def day(self) -> date: ...
    @property
    def day_ends_at(self) -> float: ...
    @property
    def epoch(self) -> str: ...
    @property
    def versions(self) -> dict[str, int] | None: ...


class Envelope(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A value as it lies in Redis, with all that says whether it may be served."""

    schema: str
    key: str
    epoch: str
    day: date
    day_ends_at: float
    versions: dict[str, int] | None
    computed_at: float
    expires_at: float
    payload: msgspec.Raw


@dataclass(frozen=True)
class Reading:
    """A figure and where it came from.

    ``computed_at`` is the moment of the snapshot it was counted in, ``expires_at`` when its copy
    in Redis ends at the latest (both seconds since the epoch), ``version`` opaque and None until
    versions exist, ``reason`` why no higher layer served it (None when Redis did).
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

    def age(self, now: float) -> float:
        """Seconds since the figure was counted."""
        return max(0.0, now - self.computed_at)
