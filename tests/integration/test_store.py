"""The everyday verbs on a real Valkey: C1 to C5, C7, C11."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
import redis

from fleetcache import embedded
from fleetcache.cache.client import connect
from fleetcache.cache.names import Names
from fleetcache.cache.store import RedisStore
from fleetcache.errors import BadPayload, StoreDown


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    x: int
    y: str


@pytest.fixture
def client(servers: embedded.Servers) -> Iterator[redis.Redis]:
    assert servers.redis_url is not None
    opened = connect(servers.redis_url, connect_seconds=1, command_seconds=1)
    yield opened
    opened.close()


@pytest.fixture
def store(client: redis.Redis, prefix: str) -> RedisStore:
    return RedisStore(client, Names(prefix, "0a"), chance=lambda: 0.0)


def test_a_value_comes_back_as_its_type(store: RedisStore) -> None:
    store.set("fleet:a", Point(1, "é"), 10)
    assert store.get("fleet:a", Point) == Point(1, "é")
    assert store.get("fleet:b", Point) is None
    assert store.exists("fleet:a")
    assert not store.exists("fleet:b")


def test_a_value_of_another_shape_is_an_error_and_not_a_default(store: RedisStore) -> None:
    """A missing field, an extra one, garbage: never a zero."""
    for name, payload in {"a": b'{"x":1}', "b": b'{"x":1,"y":"","z":2}', "c": b"\x80garbage", "d": b""}.items():
        store.client.set(store.names.value(name), payload)
        with pytest.raises(BadPayload):
            store.get(name, Point)


def test_many_at_once(store: RedisStore) -> None:
    store.set_many({f"fleet:{n}": (Point(n, "p"), 10) for n in range(50)})
    store.client.set(store.names.value("fleet:7"), b"{}")
    found = store.get_many([f"fleet:{n}" for n in range(60)], Point)
    assert len(found) == 50
    assert found["fleet:3"] == Point(3, "p")
    assert isinstance(found["fleet:7"], BadPayload)
    assert store.get_many([], Point) == {}
    store.set_many({})
    assert store.delete() == 0


def test_redis_ends_a_value_by_its_ttl_and_jitter_only_shortens(client: redis.Redis, prefix: str) -> None:
    longest = RedisStore(client, Names(prefix, "0a"), chance=lambda: 0.0)
    shortest = RedisStore(client, Names(prefix, "0a"), chance=lambda: 1.0)
    longest.set("fleet:long", 1, 100)
    shortest.set("fleet:short", 1, 100)
    assert 99 < longest.ttl("fleet:long") <= 100  # type: ignore[operator]
    assert 89 < longest.ttl("fleet:short") <= 90  # type: ignore[operator]
    assert longest.ttl("fleet:none") is None
    assert longest.expire("fleet:long", 5)
    assert longest.ttl("fleet:long") <= 5  # type: ignore[operator]
    assert not longest.expire("fleet:none", 5)


def test_counters_end_with_the_ttl_of_their_first_count(store: RedisStore) -> None:
    assert store.increment("hits", ttl=50) == 1
    assert store.increment("hits", 4, ttl=500) == 5
    assert store.decrement("hits", 2, ttl=500) == 3
    assert 0 < store.client.pttl(store.names.limit("hits")) <= 50_000


def test_a_pattern_removes_ours_only_and_counts_what_was_there(store: RedisStore, prefix: str) -> None:
    """C4: foreign keys, keys that look like ours, counters and limits survive."""
    survivors = ["fleet:a", f"{prefix}:c:other", f"x{prefix}:c:s0a:{{fleet:a}}", f"{prefix}:m:1"]
    for name in survivors:
        store.client.set(name, "foreign")
    store.increment("fleet:limit", ttl=100)
    store.set_many({f"fleet:{n}": (n, 100) for n in range(1200)} | {"ref:x": (1, 100)})
    seen: list[int] = []
    assert store.invalidate("fleet:*", progress=seen.append) == 1200
    assert seen[-1] == 1200
    assert len(seen) > 1
    assert store.invalidate("fleet:*") == 0
    assert store.matching() == ["ref:x"]
    assert store.flush() == 1
    assert all(store.client.exists(name) for name in survivors)
    assert store.client.exists(store.names.limit("fleet:limit"))
    store.client.delete(*survivors)


def test_delete_counts_each_key_once(store: RedisStore) -> None:
    store.set("fleet:a", 1, 100)
    assert store.delete("fleet:a", "fleet:a", "fleet:b") == 1


def test_a_glob_in_a_name_is_not_a_glob(store: RedisStore) -> None:
    store.set("fleet:a", 1, 100)
    assert store.delete("fleet:*") == 0
    assert store.exists("fleet:a")


def test_another_schema_version_is_never_read_but_can_be_flushed(store: RedisStore, prefix: str) -> None:
    """C11: old and new programs share one Redis during a deploy."""
    newer = RedisStore(store.client, Names(prefix, "0b"))
    store.set("fleet:a", Point(1, "old"), 100)
    assert newer.get("fleet:a", int) is None
    newer.set("fleet:a", 2, 100)
    assert store.get("fleet:a", Point) == Point(1, "old")
    assert [(row.name, row.current) for row in newer.held()].count(("fleet:a", True)) == 1
    assert newer.delete("fleet:a") == 1
    assert newer.flush() == 1


def test_a_server_that_is_not_there_is_said_so_quickly() -> None:
    gone = connect("unix:///nowhere/valkey.sock", connect_seconds=0.2, command_seconds=0.2)
    store = RedisStore(gone, Names("x", "0a"))
    for ask in (
        lambda: store.get("a", int),
        lambda: store.get_many(["a"], int),
        lambda: store.set("a", 1, 1),
        lambda: store.delete("a"),
        lambda: store.increment("a", ttl=1),
        lambda: store.matching(),
        lambda: store.held(),
        lambda: store.server(),
        lambda: store.ttl("a"),
    ):
        with pytest.raises(StoreDown):
            ask()
