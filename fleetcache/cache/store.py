"""The everyday verbs on Redis: typed values as JSON, batches, counters, patterns, flush."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import redis

from fleetcache.cache.codec import decode, encode
from fleetcache.cache.link import Link, reply
from fleetcache.cache.names import Names
from fleetcache.errors import BadPayload

T = TypeVar("T")
_BATCH = 500
_STEP = 2000
JITTER = 0.1

_COUNT = """
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return value
"""
_VOID = """
redis.call('DEL', KEYS[2])
local removed = redis.call('UNLINK', KEYS[1])
if removed == 0 then
    -- Of what is not there nothing is told; but who is loading it has to hear.
    redis.pcall('SET', KEYS[1], '', 'PX', 1)
    redis.call('DEL', KEYS[1])
end
return removed
"""


@dataclass(frozen=True)
class Held:
    """One value as an administrator sees it; ``ttl`` in seconds, ``memory`` in bytes."""

    name: str
    current: bool
    ttl: float
    memory: int


class RedisStore:
    """Typed values under logical names. Every verb raises StoreDown when Redis does not serve."""

    def __init__(
        self, link: Link, names: Names, *, chance: Callable[[], float] = random.random
    ) -> None:
        self.link = link
        self.names = names
        self._chance = chance

    def get(self, name: str, type: type[T]) -> T | None:
        """The value, or None when there is none. Raises BadPayload when it is not a ``type``."""
        data = self.link.get(self.names.value(name))
        return None if data is None else decode(name, data, type)

    def get_many(self, names: Sequence[str], type: type[T]) -> dict[str, T | BadPayload]:
        """The values that are there, in one round trip (one per shard on a cluster); one that does
        not parse is its error."""
        values: dict[str, T | BadPayload] = {}
        for name, data in self.fetch(names).items():
            try:
                values[name] = decode(name, data, type)
            except BadPayload as error:
                values[name] = error
        return values

    def fetch(self, names: Sequence[str]) -> dict[str, bytes]:
        """The values that are there, as they were written, in one round trip (one per shard)."""
        if not names:
            return {}
        physicals = [self.names.value(name) for name in names]
        if len(names) == 1:
            data = self.link.get(physicals[0])
            return {} if data is None else {names[0]: data}
        with self.link as client:
            if isinstance(client, redis.RedisCluster):
                with client.pipeline(transaction=False) as pipe:
                    for physical in physicals:
                        pipe.get(physical)
                    found = reply(pipe.execute(), list)
            else:
                found = reply(client.mget(physicals), list)
            if len(found) != len(names):
                raise redis.InvalidResponse(f"{len(found)} values came for {len(names)} names")
            return {
                name: reply(data, bytes)
                for name, data in zip(names, found, strict=True)
                if data is not None
            }

    def set(self, name: str, value: object, ttl: float) -> None:
        """Keep ``value`` for up to ``ttl`` seconds; up to a tenth less, so that keys set together
        do not all end together. Whoever is loading this key may then no longer store."""
        self.set_many({name: (value, ttl)})

    def set_many(self, values: Mapping[str, tuple[object, float]]) -> None:
        """Keep several values, each with its seconds to live, in one round trip."""
        if not values:
            return
        ready = [(name, encode(value), self.milliseconds(ttl)) for name, (value, ttl) in values.items()]
        with self.link as client, client.pipeline(transaction=False) as pipe:
            for name, data, milliseconds in ready:
                pipe.unlink(self.names.lease(name))
                pipe.set(self.names.value(name), data, px=milliseconds)
            pipe.execute()

    def delete(self, *names: str) -> int:
        """Remove values in one round trip; how many there really were. Whoever is loading one of
        them may no longer store it."""
        return self._void([self.names.value(name) for name in dict.fromkeys(names)])

    def exists(self, name: str) -> bool:
        """Whether a value is there."""
        with self.link as client:
            return bool(client.exists(self.names.value(name)))

    def ttl(self, name: str) -> float | None:
        """Seconds left, or None when there is no such value."""
        with self.link as client:
            left = reply(client.pttl(self.names.value(name)), int)
        return left / 1000 if left >= 0 else None

    def expire(self, name: str, ttl: float) -> bool:
        """Let a value end in ``ttl`` seconds; whether there was one."""
        with self.link as client:
            return bool(client.pexpire(self.names.value(name), max(1, int(ttl * 1000))))

    def increment(self, name: str, by: int = 1, *, ttl: float) -> int:
        """Add to a counter that ends ``ttl`` seconds after its first count; its new value."""
        row = ([self.names.limit(name)], [by, max(1, int(ttl * 1000))])
        return self.link.evaluate(_COUNT, [row], int)[0]

    def decrement(self, name: str, by: int = 1, *, ttl: float) -> int:
        """Subtract from a counter; its new value."""
        return self.increment(name, -by, ttl=ttl)

    def note(self, name: str, value: float) -> None:
        """Note a number for all instances; a flush leaves it."""
        with self.link as client:
            client.set(self.names.note(name), repr(value))

    def matching(self, pattern: str = "*") -> list[str]:
        """The logical names of our values that fit a glob, each once, sorted."""
        found = (self.names.logical(physical) for physical in self._scan(self.names.values(pattern)))
        return sorted({name for name in found if name is not None})

    def invalidate(
        self, pattern: str, *, progress: Callable[[int], None] | None = None
    ) -> int:
        """Remove our values that fit a glob, of every schema version, in batches; how many were
        really removed. Whoever is loading one of them may no longer store it."""
        # Leases first and in a pass of their own: a load that ends during the second pass can no
        # longer store, and what ended during the first is found by the second.
        removed = 0
        leases = self._scan(self.names.leases(pattern))
        while batch := list(islice(leases, _BATCH)):
            removed += self._void([key.removesuffix(":lease") for key in batch if self.names.ours(key)])
        return self._remove(self.names.values(pattern), progress or (lambda done: None), removed)

    def flush(self) -> int:
        """Remove all our values and nothing else; how many."""
        return self.invalidate("*")

    def held(self, names: Iterable[str] | None = None) -> list[Held]:
        """Values of ours with their seconds left and their bytes, by name: the current ones of
        ``names``, or by a scan everything, other schema versions too; some hundred at a time."""
        physicals = list(self._scan(self.names.values()) if names is None else map(self.names.value, names))
        replies: list[Any] = []
        for start in range(0, len(physicals), _BATCH):
            with self.link as client, client.pipeline(transaction=False) as pipe:
                for physical in physicals[start : start + _BATCH]:
                    pipe.pttl(physical)
                    pipe.execute_command("MEMORY USAGE", physical)
                replies += reply(pipe.execute(), list)
        rows = []
        for place, physical in enumerate(physicals):
            left, memory = replies[2 * place], replies[2 * place + 1]
            name = self.names.logical(physical)
            if name is not None and left is not None and left >= 0 and memory is not None:
                rows.append(Held(name, physical == self.names.value(name), left / 1000, memory))
        return sorted(rows, key=lambda row: row.name)

    def server(self) -> tuple[str, int]:
        """What answers: its name and version, and the bytes it uses in all (on a cluster, those of
        all primaries)."""
        with self.link as client:
            if isinstance(client, redis.RedisCluster):
                infos = list(reply(client.info(target_nodes=redis.RedisCluster.PRIMARIES), dict).values())
            else:
                infos = [reply(client.info(), dict)]
        first = infos[0]
        name = str(first.get("server_name", "redis"))
        version = first.get("valkey_version") or first.get("redis_version", "?")
        return f"{name.capitalize()} {version}", sum(int(info.get("used_memory", 0)) for info in infos)

    def milliseconds(self, ttl: float) -> int:
        """How long to keep what may be kept for ``ttl`` seconds: up to a tenth less."""
        return max(1, int(ttl * 1000 * (1 - JITTER * self._chance())))

    def _scan(self, glob: str) -> Iterator[str]:
        """Physical keys of ours that fit, each once (SCAN may give one twice)."""
        seen: set[str] = set()
        with self.link as client:
            for data in client.scan_iter(match=glob, count=_STEP):
                physical = data.decode("utf-8", "replace")
                if physical not in seen:
                    seen.add(physical)
                    yield physical

    def _remove(self, glob: str, progress: Callable[[int], None], removed: int) -> int:
        found = self._scan(glob)
        while batch := list(islice(found, _BATCH)):
            # A glob may reach further than our names do.
            removed += self._unlink([key for key in batch if self.names.ours(key)])
            progress(removed)
        return removed

    def _void(self, physicals: Sequence[str]) -> int:
        if not physicals:
            return 0
        rows = [((one, f"{one}:lease"), ()) for one in physicals]
        return sum(self.link.evaluate(_VOID, rows, int))

    def _unlink(self, physicals: Sequence[str]) -> int:
        if not physicals:
            return 0
        with self.link as client:
            if not isinstance(client, redis.RedisCluster):
                return reply(client.unlink(*physicals), int)
            with client.pipeline(transaction=False) as pipe:
                for physical in physicals:
                    pipe.unlink(physical)
                return sum(reply(pipe.execute(), list))
