"""How one key came to a page: every layer asked for it by itself, with the time each took and whether they agree."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fleetcache.cache.envelope import Envelope, unwrap
from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.reading import DATABASE, MEMORY, REDIS, VIEW, Reading
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError, Unavailable
from fleetcache.label import Label
from fleetcache.source import raw, statements, view
from fleetcache.source.database import Database


@dataclass(frozen=True)
class Step:
    """What one layer gave when it was asked alone: in how many seconds, when it was counted (seconds since the
    epoch), and whether it is the same as what was served; else why it gave nothing. ``same`` is None where there is
    nothing to compare."""

    layer: str
    took: float
    computed_at: float | None = None
    label: Label | None = None
    same: bool | None = None
    fault: str | None = None


@dataclass(frozen=True)
class Trace:
    """``served`` is what a page is given, ``steps`` are the layers from the top, ``query`` is the SQL of the last."""

    key: str
    served: Reading | Unavailable
    steps: tuple[Step, ...]
    query: str


def trace(cache: LayeredCache, database: Database, key: str) -> Trace:
    """Ask every layer for a key, one after another. Costs a query from the tables, counts as no read, and leaves
    what the layers hold as it is, but for what any read would fill."""
    served: Reading | Unavailable
    try:
        served = cache.read(key, counted=False)
    except Unavailable as error:
        served = error
    loaders: tuple[tuple[str, Callable[[], Any]], ...] = (
        (MEMORY, lambda: _held(cache, key)),
        (REDIS, lambda: _stored(cache, key)),
        (VIEW, lambda: view.load(database, [key])[key]),
        (DATABASE, lambda: raw.load(database, [key])[key]),
    )
    steps = tuple(_step(layer, load, served) for layer, load in loaders)
    return Trace(key, served, steps, statements.whole(CATALOGUE[key]))


def _held(cache: LayeredCache, key: str) -> Reading | None:
    entry = cache.memory.entries.get(key)
    return None if entry is None else entry.value


def _stored(cache: LayeredCache, key: str) -> Envelope[Any] | None:
    data = cache.store.fetch([key]).get(key)
    return None if data is None else unwrap(key, data, CATALOGUE[key].shape)


def _step(layer: str, load: Callable[[], Any], served: Reading | Unavailable) -> Step:
    began = time.perf_counter()
    try:
        found = load()
    except FleetcacheError as error:
        found = error
    took = time.perf_counter() - began
    if found is None:
        return Step(layer, took, fault="holds nothing for it")
    if isinstance(found, FleetcacheError):
        return Step(layer, took, fault=str(found))
    value = found.payload if isinstance(found, Envelope) else found.value
    same = value == served.value if isinstance(served, Reading) else None
    return Step(layer, took, found.computed_at, getattr(found, "label", None), same)
