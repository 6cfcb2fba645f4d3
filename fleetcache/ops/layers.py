"""The layers below memory, asked now: what each holds, and what is wrong with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from fleetcache.cache.envelope import Envelope
from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.store import Held
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError
from fleetcache.label import Label
from fleetcache.source import raw, view
from fleetcache.source.database import Database

_PROBE = "ref:settings"


@dataclass(frozen=True)
class RedisHealth:
    """``held`` are the values of the catalogue, ``memory`` their bytes, ``server_memory`` all bytes
    of the server, ``latency`` in seconds; None and the ``fault`` when it does not answer. ``counted``
    is when each value that may still be served was counted (seconds since the epoch)."""

    connected: bool
    held: tuple[Held, ...] = ()
    memory: int | None = None
    server_memory: int | None = None
    latency: float | None = None
    version: str | None = None
    counted: Mapping[str, float] = field(default_factory=dict)
    writable: bool = True
    fault: str | None = None

    @property
    def healthy(self) -> bool:
        """Answers, and takes new values."""
        return self.connected and self.writable

    @property
    def keys(self) -> dict[str, int]:
        """How many values of each namespace."""
        counts: dict[str, int] = {}
        for row in self.held:
            namespace = row.name.partition(":")[0]
            counts[namespace] = counts.get(namespace, 0) + 1
        return counts


@dataclass(frozen=True)
class ViewHealth:
    """``refreshed_at`` in seconds since the epoch, ``age`` in seconds, ``behind`` the seconds since a
    change that it does not have yet; ``fault`` says why it does not serve and is not about to.
    ``reachable`` is whether it could be read at all."""

    reachable: bool
    refreshed_at: float | None = None
    age: float | None = None
    as_of_date: date | None = None
    behind: float | None = None
    fault: str | None = None

    @property
    def healthy(self) -> bool:
        """Reachable and fresh."""
        return self.reachable and self.fault is None


def redis_health(cache: LayeredCache) -> RedisHealth:
    """Ask Redis now."""
    store = cache.store
    try:
        began = time.perf_counter()
        store.exists(_PROBE)
        latency = time.perf_counter() - began
        held = store.held(CATALOGUE)
        version, server_memory = store.server()
        envelopes = store.get_many(list(CATALOGUE), Envelope)
    except FleetcacheError as error:
        return RedisHealth(connected=False, fault=error.technical)
    refusal = None
    try:
        store.note("probe", time.time())
    except FleetcacheError as error:
        refusal = error.technical
    return RedisHealth(
        connected=True,
        writable=refusal is None,
        fault=refusal,
        held=tuple(held),
        memory=sum(row.memory for row in held),
        server_memory=server_memory,
        latency=latency,
        version=version,
        counted={
            name: one.computed_at
            for name, one in envelopes.items()
            if isinstance(one, Envelope)
            and one.unfit(name, schema=store.names.schema) == ("", "")
            and _same_life(cache, one.label)
        },
    )


def _same_life(cache: LayeredCache, label: Label | None) -> bool:
    known = cache.ledger.known
    return known is None or label is None or label.epoch == known.epoch


def view_health(database: Database) -> ViewHealth:
    """Ask for the view now."""
    try:
        state = view.state(database)
    except FleetcacheError as error:
        return ViewHealth(reachable=False, fault=error.technical)
    return ViewHealth(
        reachable=True,
        refreshed_at=state.refreshed_at,
        age=state.age,
        as_of_date=state.as_of_date,
        behind=state.behind,
        fault=None if state.fresh else state.fault,
    )


def database_fault(database: Database) -> str | None:
    """Why raw queries do not work; None when they do."""
    try:
        raw.count(database, CATALOGUE["fleet:compliance:rate"])
    except FleetcacheError as error:
        return error.technical
    return None
