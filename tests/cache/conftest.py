"""Engines that are closed after the test, on the Valkey of the run or on one of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from fleetcache import embedded
from tests.cache.engine import Engine, build
from tests.live import Redis


@pytest.fixture(scope="session")
def url(servers: embedded.Servers) -> str:
    """The Valkey of the run."""
    assert servers.redis_url is not None
    return servers.redis_url


@pytest.fixture
def make(url: str, prefix: str) -> Iterator[Callable[..., Engine]]:
    """Builds engines that share a name space: each is a process of its own, as far as the cache knows.
    Whatever a test did to them, nothing may be left under way."""
    engines: list[Engine] = []
    with ExitStack() as opened:

        def made(at: str = url, **options: Any) -> Engine:
            engines.append(build(at, prefix, **options))
            opened.callback(engines[-1].close)
            return engines[-1]

        yield made
        assert [left for engine in engines for left in engine.left()] == []


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A Valkey that the test may flush, fill up, hang and kill."""
    made = Redis()
    yield made
    made.close()
