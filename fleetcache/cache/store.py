"""The everyday verbs on Redis: typed values as JSON, batches, counters, patterns, flush."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import redis

from fleetcache.cache.client import errors
from fleetcache.cache.names import Names
from fleetcache.errors import BadPayload

T = TypeVar("T")
_BATCH = 500
JITTER = 0.1

_COUNT = """
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return value
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
        self, client: redis.Redis, names: Names, *, chance: Callable[[], float] = random.random
    ) -> None:
        self.client = client
        self.names = names
        self._chance = chance
        self._count = client.register_script(_COUNT)

    def get(self, name: str, type: type[T]) -> T | None:
        """The value, or None when there is none. Raises BadPayload when it is not a ``type``."""
        with errors():
            data = self.client.get(self.names.value(name))
        return None if data is None else _decode(name, data, type)

    def get_many(self, names: Sequence[str], type: type[T]) -> dict[str, T | BadPayload]:
        """The values that are there, in one round trip; one that does not parse is its error."""
        if not names:
            return {}
        with errors():
            found = self.client.mget([self.names.value(name) for name in names])
        values: dict[str, T | BadPayload] = {}
        for name, data in zip(names, found, strict=True):
            if data is None:
                continue
            try:
                values[name] = _decode(name, data, type)
            except BadPayload as error:
                values[name] = error
        return values

    def set(self, name: str, value: object, ttl: float) -> None:
        """Keep ``value`` for up to ``ttl`` seconds; up to a tenth less, so that keys set together
        do not all end together."""
        self.set_many({name: (value, ttl)})

    def set_many(self, values: Mapping[str, tuple[object, float]]) -> None:
        """Keep several values, each with its seconds to live, in one round trip."""
        if not values:
            return
        with errors(), self.client.pipeline(transaction=False) as pipe:
            for name, (value, ttl) in values.items():
                pipe.set(self.names.value(name), msgspec.json.encode(value), px=self._milliseconds(ttl))
            pipe.execute()

    def delete(self, *names: str) -> int:
        """Remove values in one round trip; how many there really were."""
        return self._unlink([self.names.value(name) for name in dict.fromkeys(names)])

    def exists(self, name: str) -> bool:
        """Whether a value is there."""
        with errors():
            return bool(self.client.exists(self.names.value(name)))

    def ttl(self, name: str) -> float | None:
        """Seconds left, or None when there is no such value."""
        with errors():
            left = int(self.client.pttl(self.names.value(name)))
        return left / 1000 if left >= 0 else None

    def expire(self, name: str, ttl: float) -> bool:
        """Let a value end in ``ttl`` seconds; whether there was one."""
        with errors():
            return bool(self.client.pexpire(self.names.value(name), max(1, int(ttl * 1000))))

    def increment(self, name: str, by: int = 1, *, ttl: float) -> int:
        """Add to a counter that ends ``ttl`` seconds after its first count; its new value."""
        with errors():
            return int(self._count(keys=[self.names.limit(name)], args=[by, int(ttl * 1000)]))

    def decrement(self, name: str, by: int = 1, *, ttl: float) -> int:
        """Subtract from a counter; its new value."""
        return self.increment(name, -by, ttl=ttl)

    def noted(self, name: str) -> float | None:
        """The number that an instance last noted under a name for all to see."""
        with errors():
            found = self.client.get(self.names.note(name))
        try:
            return None if found is None else float(found)
        except ValueError:
            return None

    def note(self, name: str, value: float) -> None:
        """Note a number for all instances; a flush leaves it."""
        with errors():
            self.client.set(self.names.note(name), repr(value))

    def matching(self, pattern: str = "*") -> list[str]:
        """The logical names of our values that fit a glob, each once, sorted."""
        found = (self.names.logical(physical) for physical in self._scan(pattern))
        return sorted({name for name in found if name is not None})

    def invalidate(
        self, pattern: str, *, progress: Callable[[int], None] | None = None
    ) -> int:
        """Remove our values that fit a glob, of every schema version, in batches; how many were
        really removed."""
        removed = 0
        batch: list[str] = []
        for physical in self._scan(pattern):
            batch.append(physical)
            if len(batch) == _BATCH:
                removed += self._unlink(batch)
                batch.clear()
                if progress is not None:
                    progress(removed)
        removed += self._unlink(batch)
        if progress is not None:
            progress(removed)
        return removed

    def flush(self) -> int:
        """Remove all our values and nothing else; how many."""
        return self.invalidate("*")

    def held(self, names: Iterable[str] | None = None) -> list[Held]:
        """Values of ours with their seconds left and their bytes, by name: the current ones of
        ``names`` in one round trip, or by a scan everything, other schema versions too."""
        physicals = [*self._scan("*")] if names is None else [*map(self.names.value, names)]
        if not physicals:
            return []
        with errors(), self.client.pipeline(transaction=False) as pipe:
            for physical in physicals:
                pipe.pttl(physical)
                pipe.memory_usage(physical)
            replies = pipe.execute()
        rows = []
        for place, physical in enumerate(physicals):
            left, memory = replies[2 * place], replies[2 * place + 1]
            name = self.names.logical(physical)
            if name is not None and left is not None and left >= 0 and memory is not None:
                rows.append(Held(name, physical == self.names.value(name), left / 1000, memory))
        return sorted(rows, key=lambda row: row.name)

    def server(self) -> tuple[str, int]:
        """What answers: its name and version, and the bytes it uses in all."""
        with errors():
            info = self.client.info()
        name = str(info.get("server_name", "redis"))
        version = info.get("valkey_version") or info.get("redis_version", "?")
        return f"{name.capitalize()} {version}", int(info.get("used_memory", 0))

    def _scan(self, pattern: str) -> Iterator[str]:
        """Physical keys of ours that fit. SCAN may give one twice, and a glob may reach further
        than our names do; neither gets out of here."""
        seen: set[str] = set()
        with errors():
            for data in self.client.scan_iter(match=self.names.values(pattern), count=1000):
                physical = data.decode("utf-8", "replace")
                if physical not in seen and self.names.logical(physical) is not None:
                    seen.add(physical)
                    yield physical

    def _unlink(self, physicals: Sequence[str]) -> int:
        if not physicals:
            return 0
        with errors():
            return int(self.client.unlink(*physicals))

    def _milliseconds(self, ttl: float) -> int:
        return max(1, int(ttl * 1000 * (1 - JITTER * self._chance())))


def _decode(name: str, data: bytes | str, type: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=type)
    except msgspec.DecodeError as error:
        raise BadPayload(f"{name} from Redis does not parse: {error}.") from error
