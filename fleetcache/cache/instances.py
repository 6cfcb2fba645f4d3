"""Who runs: every instance says so every few seconds."""

from __future__ import annotations

import msgspec

from fleetcache.cache.link import Link
from fleetcache.cache.names import Names
from fleetcache.decoding import decode

SILENT_SECONDS = 10
FORGOTTEN_SECONDS = 600


class Instance(msgspec.Struct, frozen=True, rename="camel"):
    """One running program; moments in seconds since the epoch, the latency in seconds.

    ``memory_hit_rate`` in percent of its reads of this minute and the last (None without any),
    ``memory_trusted`` whether it could prove its values current at that moment, ``breaker`` closed, open or
    half-open, and how often it has ``breaker_opened`` since the start.
    """

    id: str
    version: str
    schema: str
    started: float
    seen: float
    redis_latency: float | None = None
    memory_hit_rate: float | None = None
    memory_entries: int = 0
    memory_trusted: bool = False
    breaker: str = "closed"
    breaker_opened: int = 0

    def silent(self, now: float) -> bool:
        """Whether it has not been heard of for too long."""
        return now - self.seen > SILENT_SECONDS


class Instances:
    """The list that all instances write and read. Every verb raises StoreDown."""

    def __init__(self, link: Link, names: Names) -> None:
        self._link = link
        self._key = names.instances

    def announce(self, instance: Instance) -> None:
        """Say that this one runs."""
        with self._link as client, client.pipeline(transaction=False) as pipe:
            pipe.hset(self._key, instance.id, msgspec.json.encode(instance))
            pipe.expire(self._key, FORGOTTEN_SECONDS)
            pipe.execute()

    def leave(self, instance_id: str) -> None:
        """Say that this one ends."""
        with self._link as client:
            client.hdel(self._key, instance_id)

    def all(self, now: float) -> list[Instance]:
        """Everyone heard of in the last ten minutes, oldest first; older ones are struck off."""
        with self._link as client:
            found = client.hgetall(self._key)
        known, gone = [], []
        for name, data in found.items():
            try:
                instance = decode(data, Instance)
            except msgspec.DecodeError:
                gone.append(name)
                continue
            (gone.append(name) if now - instance.seen > FORGOTTEN_SECONDS else known.append(instance))
        if gone:
            with self._link as client:
                client.hdel(self._key, *gone)
        return sorted(known, key=lambda instance: (instance.started, instance.id))
