"""What keeps memory coherent: trust that holds while Redis is heard of, under whatever load: C4."""

from __future__ import annotations

import logging
import os
import resource
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.cache.engine import KEYS, Engine
from tests.live import Redis, until

Make = Callable[..., Engine]
KEY = "fleet:1"


def losses(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "not trusted" in record.getMessage()]


def test_trust_holds_through_a_storm_of_messages(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of changes a second, of one key and of many at a time, and none is taken for an answer
    to a PING or hides one."""
    caplog.set_level(logging.INFO)
    one, other = make(), make()
    client = one.store.link.client
    for round_ in range(300):
        with client.pipeline(transaction=False) as pipe:
            for name in KEYS:
                pipe.set(one.store.names.value(name), b"x" * round_, px=60_000)
            pipe.execute()
        if round_ % 10 == 0:
            one.cache.flush()
    assert one.tracking is not None
    assert other.tracking is not None
    until(lambda: one.tracking.trusted and other.tracking.trusted)  # type: ignore[union-attr]
    assert losses(caplog) == []
    one.cache.flush()
    one.source.change(KEY)
    assert (one.version(KEY), other.version(KEY)) == (2, 2)


@pytest.fixture
def many_files() -> Iterator[None]:
    """A server with more than a thousand open connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("not so many files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    yield
    for file in files:
        os.close(file)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_memory_is_trusted_in_a_server_with_many_open_files(many_files: None, make: Make) -> None:
    """select() cannot watch a file beyond the 1024th."""
    assert make().in_memory(KEY) == 1


def test_changes_while_the_link_was_down_are_not_missed(make: Make, own_redis: Redis) -> None:
    """Whatever was in memory before the link broke is asked for again after it."""
    one, other = make(own_redis.url), make(own_redis.url)
    assert [engine.in_memory(KEY) for engine in (one, other)] == [1, 1]
    for version in range(2, 5):
        one.source.change(KEY)
        other.source.change(KEY)
        ids = [row["id"] for row in own_redis.client.client_list() if row["flags"] != "N"]
        for number in ids:  # those that track have a flag of their own
            own_redis.client.client_kill_filter(_id=number)
        own_redis.client.delete(one.store.names.value(KEY))
        expected = [version, version]
        until(lambda: [one.in_memory(KEY), other.in_memory(KEY)] == expected, within=5)  # noqa: B023


def test_closing_leaves_no_thread_behind(make: Make) -> None:
    before = set(threading.enumerate())
    engine = make()
    engine.in_memory(KEY)
    engine.close()
    until(lambda: set(threading.enumerate()) <= before, what="all threads have ended")
