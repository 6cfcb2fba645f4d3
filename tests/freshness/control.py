"""The control: the protocol of the system that this one re-implements. The judge must convict it.

Read: Redis, then the view, then raw queries, kept for a minute. Write: commit, refresh the view, delete the
keys; whoever is interrupted leaves out the rest, and psql does neither.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg
import redis

from fleetcache.catalogue import CATALOGUE
from fleetcache.decoding import decode
from fleetcache.embedded.postgres import APP
from fleetcache.errors import FleetcacheError
from fleetcache.source import raw
from fleetcache.source.database import Database
from tests.freshness import writers
from tests.freshness.children import Parent
from tests.freshness.counters import COUNTERS
from tests.freshness.readers import Answer

TTL = 60
_NAME = "{prefix}:control:{key}"


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.2, socket_connect_timeout=0.2)


class Original:
    """Reads as the original did."""

    def __init__(self, database: str, cache: str, prefix: str) -> None:
        self._database = Database(database)
        self._redis = _client(cache)
        self._prefix = prefix

    def read(self, kind: str, keys: Sequence[str]) -> dict[str, Answer]:
        """One key."""
        [key] = keys
        name = _NAME.format(prefix=self._prefix, key=key)
        try:
            with contextlib.suppress(redis.RedisError):
                held: Any = self._redis.get(name)
                if held is not None:
                    return {key: Answer(self._value(key, held), layer="redis")}
            payload, layer = self._load(key)
        except FleetcacheError as error:
            return {key: Answer(None, error=str(error))}
        with contextlib.suppress(redis.RedisError):
            self._redis.set(name, payload, ex=TTL)
        return {key: Answer(self._value(key, payload), layer=layer)}

    def _load(self, key: str) -> tuple[bytes, str]:
        with contextlib.suppress(FleetcacheError), self._database.statement() as connection:
            row = connection.exec_driver_sql("SELECT payload::text FROM figures WHERE key = %s", (key,)).one_or_none()
            if row is not None:
                return str(row[0]).encode(), "view"
        value = raw.count(self._database, CATALOGUE[key])[key].value
        return msgspec.json.encode(value), "database"

    def _value(self, key: str, payload: bytes) -> Any:
        return decode(payload, CATALOGUE[key].shape)


def refreshing(database: str, cache: str, prefix: str) -> Callable[[], None]:
    """What the original's application did after a commit."""
    client = _client(cache)
    names = [_NAME.format(prefix=prefix, key=key) for key in CATALOGUE]

    def after() -> None:
        with contextlib.suppress(psycopg.Error), psycopg.connect(database, autocommit=True, connect_timeout=2) as one:
            one.execute("SELECT refresh_figures()")
        with contextlib.suppress(redis.RedisError):
            client.delete(*names)

    return after


def write(parent: Parent, plan: writers.Plan, cache: str, prefix: str) -> None:
    """The process of the control's writers."""
    after = refreshing(plan.urls[APP], cache, prefix)
    writers.run(parent, plan, lambda name: after if COUNTERS[name].role == APP else None)
