"""One process of several: an engine that does what it is told by lines of JSON, and says what came.

Its source is a version in Redis, outside the cache: ``python -m tests.cache.process URL PREFIX SECONDS``,
the seconds being what a load takes after its snapshot.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis

from fleetcache.cache.single import Made
from tests.cache.engine import Engine, Source, build, together

URL, PREFIX, SECONDS = sys.argv[1], sys.argv[2], float(sys.argv[3])


class Shared(Source):
    """The source that all processes share; ``{prefix}-source`` counts loads by ``loads:{name}``."""

    def __init__(self) -> None:
        super().__init__()
        self._redis = redis.Redis.from_url(URL)
        self.seconds = SECONDS

    def load(self, names: Sequence[str]) -> dict[str, Made]:
        """Take the snapshot, count the load, wait as long as a load takes."""
        for name in names:
            self.versions[name] = int(self._redis.hget(f"{PREFIX}-source", name) or 1)
            self._redis.hincrby(f"{PREFIX}-source", f"loads:{name}", 1)
        return super().load(names)


def _read(engine: Engine, key: str) -> dict[str, Any]:
    began = time.monotonic()
    reading = engine.cache.read(key)
    took = time.monotonic() - began
    return {"version": reading.value.version, "stale": reading.stale, "layer": reading.layer, "took": took}


def _crowd(engine: Engine, key: str, threads: int, at: float) -> list[dict[str, Any]]:
    """Read with so many threads at a given moment."""
    threading.Event().wait(max(0.0, at - time.time()))
    return [outcome.result() for outcome in together(threads, lambda: _read(engine, key))]


def _many(engine: Engine, key: str, threads: int, reads: int) -> int:
    """Read so often with each of so many threads; how many reads that were."""
    return sum(f.result() for f in together(threads, lambda: sum(bool(engine.cache.read(key)) for _ in range(reads))))


def _await(engine: Engine, key: str, version: int) -> float:
    """Read until it is this version; the seconds it took."""
    began = time.monotonic()
    while engine.cache.read(key).value.version != version:
        assert time.monotonic() < began + 10, "still the old version"
    return time.monotonic() - began


DO: dict[str, Callable[..., Any]] = {
    "read": _read,
    "crowd": _crowd,
    "many": _many,
    "await": _await,
    "in_memory": Engine.in_memory,
    "invalidate": lambda engine, key: engine.cache.invalidate([key]),
    "flush_counts": lambda engine: engine.counters.flush(),
}


def main() -> None:
    engine = build(URL, PREFIX, source=Shared())
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        print(json.dumps(DO[verb](engine, *arguments)), flush=True)
    engine.close()


if __name__ == "__main__":
    main()
