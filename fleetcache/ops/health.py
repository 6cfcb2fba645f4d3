"""The state of every layer, and one verdict over them (spec section 9).

What ``overall`` says is made from the same facts as the ``healthy`` of each layer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fleetcache.cache.breaker import CLOSED
from fleetcache.cache.instances import Instance, Instances
from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.memory import Memory
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import StoreDown
from fleetcache.ops.layers import RedisHealth, ViewHealth, database_fault, redis_health, view_health
from fleetcache.source.database import Database

HEALTHY, DEGRADED, DOWN = "healthy", "degraded", "down"
RUNNING, SILENT, OPEN, UNTRUSTED = "running", "silent", "open", "untrusted"
NOTHING_TO_DO = "Nothing to do."


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

    @property
    def faults(self) -> list[str]:
        """What the servers said is wrong, each once."""
        said = (self.redis.fault, self.view.fault, self.database_fault)
        return list(dict.fromkeys(fault for fault in said if fault))

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
                "latencyMs": _milliseconds(redis.latency),
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
                    "version": one.version, "schema": one.schema,
                    "started": iso(one.started),
                    "seen": iso(one.seen),
                    "silent": one.silent(self.at),
                    "memoryHitRate": None if one.memory_hit_rate is None else round(one.memory_hit_rate, 1),
                    "memoryEntries": one.memory_entries,
                    "memoryTrusted": one.memory_trusted,
                    "breaker": one.breaker,
                    "breakerOpened": one.breaker_opened,
                    "redisLatencyMs": _milliseconds(one.redis_latency),
                }
                for one in self.instances
            ],
            "timestamp": iso(self.at),
            "text": self.text,
            "recommendation": self.recommendation,
            "warnings": list(self.warnings),
        }


def iso(at: float) -> str:
    """A moment (seconds since the epoch) as ISO 8601 in UTC, to the millisecond."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    return f"{whole}.{int(at % 1 * 1000):03d}Z"


def conditions(one: Instance, now: float) -> list[str]:
    """What is to be said of an instance: that it is silent (nothing else is known then), that it does not
    ask Redis, that it cannot prove its numbers current; or that it runs."""
    if one.silent(now):
        return [SILENT]
    wrong = [OPEN] if one.breaker != CLOSED else []
    return [*wrong, *([] if one.memory_trusted else [UNTRUSTED])] or [RUNNING]


def check(
    cache: LayeredCache, database: Database, instances: Instances, *, warnings: tuple[str, ...] = ()
) -> Health:
    """Ask every layer now. Never raises for a layer that is down: that is the answer."""
    redis = redis_health(cache)
    of_view = view_health(database)
    fault = None if of_view.healthy else database_fault(database)
    at = cache.now()
    held = {**_kept(cache.memory), **redis.counted}
    known = _known(instances, at) if redis.connected else ()
    overall, text, recommendation = verdict(redis, of_view, fault, held, now=at)
    if (doubt := _doubt(cache)) is not None and fault is None and of_view.reachable:
        overall, text = DEGRADED, doubt[0] if overall == HEALTHY else f"{text}; {doubt[0]}"
        recommendation = doubt[1] if recommendation == NOTHING_TO_DO else f"{recommendation} {doubt[1]}"
    if (remark := _remark(known, at)) is not None:
        text = f"{text}; {remark[0]}"
        recommendation = remark[1] if recommendation == NOTHING_TO_DO else f"{recommendation} {remark[1]}"
    return Health(overall, text, recommendation, redis, of_view, fault, known, at, warnings)


def verdict(
    redis: RedisHealth,
    of_view: ViewHealth,
    database_fault: str | None,
    held: Mapping[str, float],
    *,
    now: float,
) -> tuple[str, str, str]:
    """Overall state, what it says and what to do: the table of spec section 9. ``held`` is when each
    value that can be served without the database was counted."""
    start_redis = "Start Redis again; the cache comes back by itself."
    if of_view.healthy:
        if redis.connected and not redis.writable:
            return (
                DEGRADED,
                "Redis refuses new values; serving what it holds and the view",
                "Give Redis memory, or point REDIS_URL at the server that takes writes.",
            )
        if redis.connected:
            return HEALTHY, "All cache layers healthy", NOTHING_TO_DO
        return DEGRADED, "Redis is down; serving from the view", start_redis
    if database_fault is None:
        fault = f"the view {of_view.fault}" if of_view.reachable else "the view cannot be read"
        mend = "Refresh the view." if of_view.reachable else "Run python -m fleetcache migrate."
        if redis.connected:
            return DEGRADED, f"T{fault[1:]}; serving from raw queries", mend
        return DEGRADED, f"Redis is down and {fault}; serving from raw queries", f"{start_redis} {mend}"
    start_database = "Start PostgreSQL again; check DATABASE_URL."
    if held:
        values = "1 last value is" if len(held) == 1 else f"{len(held)} last values are"
        age = max(0.0, now - min(held.values()))
        ago = f"{age:.0f} s" if age < 120 else f"{age / 60:.0f} min"
        text = f"Database down: {values} still held, counted up to {ago} ago"
        if redis.connected:
            return DEGRADED, text, start_database
        return DEGRADED, f"{text}; Redis is down, too", f"{start_database} {start_redis}"
    return DOWN, "No source: neither the database nor a held value", start_database


def _doubt(cache: LayeredCache) -> tuple[str, str] | None:
    """Why nothing that is held is served as current, and what to do; None if it is."""
    if cache.ledger.dirty is not None:
        return (
            f"{cache.ledger.dirty[:1].upper()}{cache.ledger.dirty[1:]}; everything is counted from the tables",
            "Run python -m fleetcache migrate with the owner's role.",
        )
    if cache.prover.fault is not None:
        return (
            "This instance cannot check the database; what it holds is marked as not known to be current, or "
            "refused if that is set",
            "See whether the database takes one more connection.",
        )
    return None


def _remark(known: Sequence[Instance], now: float) -> tuple[str, str] | None:
    """What is wrong with instances, and what to do; None if nothing is."""
    said, mend = [], []
    for condition, what, advice in (
        (SILENT, "silent", "still running"),
        (OPEN, "not asking Redis", "able to reach Redis"),
    ):
        names = [one.id for one in known if condition in conditions(one, now)]
        if names:
            be = "is" if len(names) == 1 else "are"
            said.append(f"{len(names)} of {len(known)} instances {be} {what}")
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            mend.append(f"See whether {', '.join(names[:3])}{more} {be} {advice}.")
    return ("; ".join(said), " ".join(mend)) if said else None


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _kept(memory: Memory) -> dict[str, float]:
    """When each value that this process can still serve from its memory was counted."""
    entries = {name: memory.kept(name) for name in CATALOGUE}
    return {name: entry.value.computed_at for name, entry in entries.items() if entry is not None}


def _known(instances: Instances, now: float) -> tuple[Instance, ...]:
    try:
        return tuple(instances.all(now))
    except StoreDown:
        return ()  # it went away since it was asked a moment ago; the next look says so
