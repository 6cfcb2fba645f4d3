"""How often: counted by all instances together, and by each for itself while Redis is down."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from fleetcache import embedded
from fleetcache.cache.client import connect
from fleetcache.cache.limit import Limit
from fleetcache.cache.link import Link
from fleetcache.cache.names import Names
from fleetcache.clock import Clock
from fleetcache.errors import TooMany
from fleetcache.runtime import INVALIDATIONS
from tests.engines import acl_user
from tests.http.test_tokens import Time
from tests.live import Redis


def limit(url: str, prefix: str, *, clock: Clock | None = None, patience: float = 5) -> Limit:
    """One instance's; a busy Redis that was not waited for would be one that is down."""
    link = Link(connect(url, connect_seconds=patience, command_seconds=patience))
    return Limit(link, Names(prefix, "0"), "test", most=INVALIDATIONS, seconds=60, clock=clock or Clock())


def taken(of: Limit, times: int, *, who: str = "somebody") -> int:
    """How many of so many are let through."""
    through = 0
    for _ in range(times):
        try:
            of.take(who)
            through += 1
        except TooMany as error:
            assert 1 <= error.retry_after <= 60
    return through


@pytest.mark.parametrize("form", ["unix", "tls", "cluster", "sentinel"])
def test_instances_count_together_on_every_form_of_redis(
    request: pytest.FixtureRequest, servers: embedded.Servers, prefix: str, form: str
) -> None:
    """A6: ten, wherever they were asked; as a user who may do what the documentation says and no more."""
    plain = servers.redis_url if form == "unix" else request.getfixturevalue(form).url
    name, password = acl_user(connect(plain, connect_seconds=1, command_seconds=1), prefix)
    scheme, rest = str(plain).split("://")
    one, two = (limit(f"{scheme}://{name}:{password}@{rest}", prefix) for _ in range(2))
    assert taken(one, 6) + taken(two, 6) == 10
    assert taken(one, 1) == taken(two, 1) == 0
    assert taken(two, 3, who="somebody else") == 3


def test_no_minute_has_more_than_ten(servers: embedded.Servers, prefix: str) -> None:
    """Also not one that begins in the middle of another; what was refused does not put it off."""
    assert servers.redis_url is not None
    moved = Time()
    one = limit(servers.redis_url, prefix, clock=moved.clock)
    assert taken(one, 4) == 4
    moved.passed = 40
    assert taken(one, 20) == 6
    moved.passed = 59
    assert taken(one, 5) == 0
    moved.passed = 61
    assert taken(one, 10) == 4
    moved.passed = 101
    assert taken(one, 10) == 6


def test_at_once_there_is_never_one_too_many(servers: embedded.Servers, prefix: str) -> None:
    assert servers.redis_url is not None
    both = [limit(servers.redis_url, prefix) for _ in range(2)]
    with ThreadPoolExecutor(8) as people:
        assert sum(people.map(lambda number: taken(both[number % 2], 4), range(8))) == 10


def test_without_redis_each_instance_counts_for_itself_and_nobody_waits(prefix: str) -> None:
    """C13: what it let through before still counts; a Redis that hangs costs one deadline."""
    server = Redis()
    try:
        one, two = (limit(server.url, prefix, patience=0.3) for _ in range(2))
        assert taken(one, 7) == 7
        server.hang()
        began = time.monotonic()
        assert taken(one, 10) == 3
        assert taken(two, 12) == 10
        assert time.monotonic() - began < 3, "of 22 calls"
        server.resume()
    finally:
        server.close()
    assert taken(one, 1) == 0


def test_nobody_is_named_in_redis(servers: embedded.Servers, prefix: str) -> None:
    """A5: who uses the API is not to be read there; and it ends by itself, spared by a flush."""
    assert servers.redis_url is not None
    taken(limit(servers.redis_url, prefix), 1, who="somebody@example.com")
    client = redis.Redis.from_url(servers.redis_url)
    [key] = client.scan_iter(f"{prefix}:*")
    assert key.startswith(f"{prefix}:r:".encode()) and b"somebody" not in key
    assert 0 < client.pttl(key) <= 60_000  # type: ignore[operator]
