"""A source below Redis, and why a layer could not serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fleetcache.cache.ledger import AHEAD, ELSEWHERE, LAGS, UNPROVEN
from fleetcache.cache.reading import Loaded
from fleetcache.errors import FleetcacheError

Load = Callable[[Sequence[str]], Mapping[str, Loaded | FleetcacheError]]

REASONS = {
    "absent": "not held",
    "expired": "its time to live is over",
    "changed": "it has changed since",
    "day": "it is of another day",
    "epoch": "it is from another life of the database",
    UNPROVEN: "not known to be current",
    LAGS: "it answered from a database that lags behind",
    AHEAD: "it has changes that the database has lost",
    ELSEWHERE: "another database answered",
}


@dataclass(frozen=True)
class Layer:
    """A source below Redis. ``load`` gives for every asked key a value or the reason against it,
    or raises a FleetcacheError when it cannot serve at all. One that does not count gives what was
    ``copied`` before."""

    name: str
    label: str
    load: Load
    copied: bool = False
