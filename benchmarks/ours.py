"""fleetcache as a contestant."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from benchmarks.caches import Cache, Contestant, Load, Place
from benchmarks.document import Roster
from fleetcache.cache.engine import Engine
from fleetcache.cache.layer import Layer
from fleetcache.cache.reading import Slot
from fleetcache.cache.single import Made, Single
from fleetcache.decoding import convert

SECONDS = 0.05


class Slots(dict[str, Slot]):
    """A table of keys that knows every name."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl

    def __missing__(self, name: str) -> Slot:
        self[name] = slot = Single(name, Roster, self._ttl)
        return slot


def fleetcache(place: Place, load: Load) -> Cache:
    """Memory, Redis and the loader, as the program builds them."""
    return _fleetcache(place, load, trusted=True)


def fleetcache_redis(place: Place, load: Load) -> Cache:
    """The same with nobody to vouch for memory, so that every read goes to Redis."""
    return _fleetcache(place, load, trusted=False)


def _fleetcache(place: Place, load: Load, *, trusted: bool) -> Cache:
    def loader(names: Sequence[str]) -> dict[str, Made]:
        return {name: Made(convert(load(name), Roster), time.time()) for name in names}

    engine = Engine(
        place.url,
        (Layer("database", "loader", loader),),
        Slots(place.ttl),
        prefix="bench",
        schema="1",
        instance=f"bench-{os.getpid()}",
        connect_seconds=SECONDS,
        command_seconds=SECONDS,
    )
    if trusted:
        engine.start()
        while not engine.tracking.trusted:
            time.sleep(0.001)
    cache = engine.cache
    return Cache(
        cache.read,
        lambda key: cache.invalidate([key]),
        lambda start: cache.invalidate_matching(f"{start}*"),
        engine.names.value,
        engine.tracking.close,
    )


OURS = (Contestant("fleetcache", "the object itself, in its Reading", fleetcache),)
OURS_ON_REDIS = (
    Contestant("fleetcache, memory bypassed", "JSON to Struct, in its Reading", fleetcache_redis),
)
