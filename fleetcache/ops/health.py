"""The state of every layer, and one verdict over them (spec section 9).

What ``overall`` says is made from the same facts as the ``healthy`` of each layer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from fleetcache.cache.instances import Instance, Instances
from fleetcache.cache.reading import Envelope
from fleetcache.cache.store import Held, RedisStore
from fleetcache.catalogue import CATALOGUE
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import FleetcacheError, StoreDown
from fleetcache.source import raw, view
from fleetcache.source.database import Database

HEALTHY, DEGRADED, DOWN = "healthy", "degraded", "down"
_PROBE = "ref:settings"


@dataclass(frozen=True)
class RedisHealth:
    """``held`` are the values of the catalogue, ``memory`` their bytes, ``server_memory`` all bytes
    of the server, ``latency`` in seconds, ``oldest`` when the oldest of the values was counted
    (seconds since the epoch); None and the ``fault`` when it does not answer."""

    connected: bool
    held: tuple[Held, ...] = ()
    memory: int | None = None
    server_memory: int | None = None
    latency: float | None = None
    version: str | None = None
    oldest: float | None = None
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
    """``refreshed_at`` in seconds since the epoch, ``age`` in seconds; ``fault`` says why it does
    not serve. ``reachable`` is whether it could be read at all."""

    reachable: bool
    refreshed_at: float | None = None
    age: float | None = None
    as_of_date: date | None = None
    fault: str | None = None

    @property
    def healthy(self) -> bool:
        """Reachable and fresh."""
        return self.reachable and self.fault is None


@dataclass(frozen=True)
class Health:
    """Everything known, and what it amounts to."""

    overall: str
    text: str
    recommendation: str
    redis: RedisHealth
    view: ViewHealth
    database_fault: str | None
    instances: tuple[Instance, ...]
    at: float
    warnings: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """The JSON of ``GET /api/cache/health``."""
        redis, of_view = self.redis, self.view
        return {
            "success": True,
            "overall": self.overall,
            "redis": {
                "healthy": redis.healthy,
                "connected": redis.connected,
                "keyCount": len(redis.held) if redis.connected else None,
                "keys": redis.keys if redis.connected else None,
                "memory": redis.memory,
                "serverMemory": redis.server_memory,
                "latencyMs": None if redis.latency is None else round(redis.latency * 1000, 3),
                "version": redis.version,
            },
            "materializedView": {
                "healthy": of_view.healthy,
                "lastRefreshed": None if of_view.refreshed_at is None else iso(of_view.refreshed_at),
                "ageSeconds": None if of_view.age is None else round(of_view.age, 1),
                "asOfDate": None if of_view.as_of_date is None else of_view.as_of_date.isoformat(),
            },
            "instances": [
                {
                    "id": one.id,
                    "version": one.version,
                    "started": iso(one.started),
                    "seen": iso(one.seen),
                    "silent": one.silent(self.at),
                }
                for one in self.instances
            ],
            "timestamp": iso(self.at),
            "recommendation": self.recommendation,
        }


def iso(at: float) -> str:
    """A moment (seconds since the epoch) as ISO 8601 in UTC, to the millisecond."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    return f"{whole}.{int(at % 1 * 1000):03d}Z"


def check(
    store: RedisStore,
    database: Database,
    instances: Instances,
    *,
    clock: Clock = SYSTEM,
    warnings: tuple[str, ...] = (),
) -> Health:
    """Ask every layer now. Never raises for a layer that is down: that is the answer."""
    redis = _redis(store)
    of_view = _view(database)
    database_fault = None if of_view.healthy else _database(database)
    at = clock.now()
    overall, text, recommendation = verdict(redis, of_view, database_fault, now=at)
    known = _known(instances, at) if redis.connected else ()
    return Health(
        overall, text, recommendation, redis, of_view, database_fault, known, at, warnings
    )


def verdict(
    redis: RedisHealth, of_view: ViewHealth, database_fault: str | None, *, now: float
) -> tuple[str, str, str]:
    """Overall state, what it says and what to do: the table of spec section 9."""
    start_redis = "Start Redis again; the cache comes back by itself."
    if of_view.healthy:
        if redis.connected and not redis.writable:
            return (
                DEGRADED,
                "Redis refuses new values; serving what it holds and the view",
                "Give Redis memory, or point REDIS_URL at the server that takes writes.",
            )
        if redis.connected:
            return HEALTHY, "All cache layers healthy", "Nothing to do."
        return DEGRADED, "Redis is down; serving from the view", start_redis
    if database_fault is None:
        fault = f"the view {of_view.fault}" if of_view.reachable else "the view cannot be read"
        mend = "Refresh the view." if of_view.reachable else "Run python -m fleetcache migrate."
        if redis.connected:
            return DEGRADED, f"T{fault[1:]}; serving from raw queries", mend
        return DEGRADED, f"Redis is down and {fault}; serving from raw queries", f"{start_redis} {mend}"
    if redis.held:
        return (
            DEGRADED,
            f"Database down: {len(redis.held)} last values are still held, counted up to "
            f"{max(0, now - (redis.oldest or now)):.0f} s ago",
            "Start PostgreSQL again; check DATABASE_URL.",
        )
    return DOWN, "No source: neither the database nor a held value", "Start PostgreSQL again; check DATABASE_URL."


def _redis(store: RedisStore) -> RedisHealth:
    try:
        began = time.perf_counter()
        store.exists(_PROBE)
        latency = time.perf_counter() - began
        held = store.held(CATALOGUE)
        version, server_memory = store.server()
        envelopes = store.get_many(list(CATALOGUE), Envelope).values()
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
        oldest=min((one.computed_at for one in envelopes if isinstance(one, Envelope)), default=None),
    )


def _view(database: Database) -> ViewHealth:
    try:
        state = view.state(database)
    except FleetcacheError as error:
        return ViewHealth(reachable=False, fault=error.technical)
    return ViewHealth(
        reachable=True,
        refreshed_at=state.refreshed_at,
        age=state.age,
        as_of_date=state.as_of_date,
        fault=state.fault,
    )


def _database(database: Database) -> str | None:
    """Why raw queries do not work; None when they do."""
    try:
        raw.count(database, CATALOGUE["fleet:compliance:rate"])
    except FleetcacheError as error:
        return error.technical
    return None


def _known(instances: Instances, now: float) -> tuple[Instance, ...]:
    try:
        return tuple(instances.all(now))
    except StoreDown:
        return ()  # it went away since it was asked a moment ago; the next look says so
