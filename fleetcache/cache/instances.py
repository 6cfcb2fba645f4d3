"""Who runs: every instance says so every few seconds."""

from __future__ import annotations

import msgspec
import redis

from fleetcache.cache.client import errors
from fleetcache.cache.names import Names

SILENT_SECONDS = 10
FORGOTTEN_SECONDS = 600


class Instance(msgspec.Struct, frozen=True, rename="camel"):
    """One running program; moments in seconds since the epoch, the latency in seconds."""

    id: str
    version: str
    schema: str
    started: float
    seen: float
    redis_latency: float | None = None

    def silent(self, now: float) -> bool:
        """Whether it has not been heard of for too long."""
        return now - self.seen > SILENT_SECONDS


class Instances:
    """The list that all instances write and read. Every verb raises StoreDown."""

    def __init__(self, client: redis.Redis, names: Names) -> None:
        self._client = client
        self._key = names.instances

    def announce(self, instance: Instance) -> None:
        """Say that this one runs."""
        with errors(), self._client.pipeline(transaction=False) as pipe:
            pipe.hset(self._key, instance.id, msgspec.json.encode(instance))
            pipe.expire(self._key, FORGOTTEN_SECONDS)
            pipe.execute()

    def leave(self, instance_id: str) -> None:
        """Say that this one ends."""
        with errors():
            self._client.hdel(self._key, instance_id)

    def all(self, now: float) -> list[Instance]:
        """Everyone heard of in the last ten minutes, oldest first; older ones are struck off."""
        with errors():
            found = self._client.hgetall(self._key)
        known, gone = [], []
        for name, data in found.items():
            try:
                instance = msgspec.json.decode(data, type=Instance)
            except msgspec.DecodeError:
                gone.append(name)
                continue
            (gone.append(name) if now - instance.seen > FORGOTTEN_SECONDS else known.append(instance))
        if gone:
            with errors():
                self._client.hdel(self._key, *gone)
        return sorted(known, key=lambda instance: (instance.started, instance.id))
