"""The everyday verbs: what every store promises, and what those in Redis promise besides: C1 to C5, C7,
C11."""

from __future__ import annotations

import itertools
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest

from fleetcache import embedded
from fleetcache.cache.client import connect
from fleetcache.cache.codec import LARGE
from fleetcache.cache.lease import ANEW, LEASE_SECONDS, LOOK, Elsewhere, Lease, Leases, Stored
from fleetcache.cache.link import Link
from fleetcache.cache.memory import Memory
from fleetcache.cache.names import Names
from fleetcache.cache.store import RedisStore
from fleetcache.errors import BadPayload, StoreDown
from tests.live import until

Store = Memory | RedisStore
FORMS = ["valkey", "cluster", "sentinel"]


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    x: int
    y: str


@pytest.fixture
def open_store(prefix: str) -> Iterator[Callable[..., RedisStore]]:
    """Opens stores of one name space."""
    with ExitStack() as opened:

        def store(url: str, schema: str = "0a", chance: float = 0.0) -> RedisStore:
            client = connect(url, connect_seconds=1, command_seconds=1)
            opened.callback(client.close)
            return RedisStore(Link(client), Names(prefix, schema), chance=lambda: chance)

        yield store


def url_of(form: str, request: pytest.FixtureRequest) -> str:
    if form == "valkey":
        servers: embedded.Servers = request.getfixturevalue("servers")
        assert servers.redis_url is not None
        return servers.redis_url
    return str(request.getfixturevalue(form).url)


@pytest.fixture(params=["memory", *FORMS])
def store(request: pytest.FixtureRequest, open_store: Callable[..., RedisStore]) -> Store:
    """Every store in turn."""
    return Memory() if request.param == "memory" else open_store(url_of(request.param, request))


@pytest.fixture(params=FORMS)
def remote(request: pytest.FixtureRequest, open_store: Callable[..., RedisStore]) -> RedisStore:
    """Every form of Redis in turn."""
    return open_store(url_of(request.param, request))


@pytest.fixture
def valkey(open_store: Callable[..., RedisStore], url: str) -> RedisStore:
    """The plain one, for what does not depend on the form."""
    return open_store(url)


# What every store promises.


def test_a_value_comes_back_as_its_type(store: Store) -> None:
    store.set("fleet:a", Point(1, "é"), 10)
    assert store.get("fleet:a", Point) == Point(1, "é")
    assert store.get("fleet:b", Point) is None
    assert store.exists("fleet:a")
    assert not store.exists("fleet:b")
    store.set("fleet:a", [1, 2], 10)
    assert store.get("fleet:a", list[int]) == [1, 2], "the last value counts, of whatever type"


def test_a_value_of_another_type_is_an_error_and_not_a_default(store: Store) -> None:
    store.set("fleet:a", Point(1, "é"), 10)
    with pytest.raises(BadPayload):
        store.get("fleet:a", int)
    store.set("fleet:a", 3, 10)
    with pytest.raises(BadPayload):
        store.get("fleet:a", Point)


def test_many_at_once(store: Store) -> None:
    store.set_many({f"fleet:{n}": (Point(n, "p"), 10) for n in range(50)})
    store.set("fleet:7", "not a point", 10)
    found = store.get_many([f"fleet:{n}" for n in range(60)], Point)
    assert len(found) == 50
    assert found["fleet:3"] == Point(3, "p")
    assert isinstance(found["fleet:7"], BadPayload)
    assert store.get_many(["fleet:3", "fleet:3"], Point) == {"fleet:3": Point(3, "p")}


def test_nothing_at_once(store: Store) -> None:
    assert store.get_many([], Point) == {}
    store.set_many({})
    assert store.delete() == 0
    assert store.matching() == []
    assert store.invalidate("fleet:*") == 0
    assert store.flush() == 0


def test_delete_counts_what_was_there(store: Store) -> None:
    store.set_many({f"fleet:{n}": (n, 100) for n in range(10)})
    assert store.delete("fleet:1", "fleet:1", "fleet:none", "fleet:2") == 2
    assert store.delete("fleet:1", "fleet:2") == 0
    assert store.delete(*(f"fleet:{n}" for n in range(20))) == 8
    assert store.matching() == []


def test_a_value_ends_by_its_ttl(store: Store) -> None:
    store.set("fleet:short", 1, 0.05)
    store.set("fleet:long", 1, 100)
    until(lambda: store.get("fleet:short", int) is None)
    assert not store.exists("fleet:short")
    assert store.ttl("fleet:short") is None
    assert store.delete("fleet:short") == 0, "what has ended is not there to remove"
    assert 99 < (store.ttl("fleet:long") or 0) <= 100
    assert store.get("fleet:long", int) == 1


def test_expire_sets_another_end(store: Store) -> None:
    store.set("fleet:a", 1, 100)
    assert store.expire("fleet:a", 5)
    assert 4 < (store.ttl("fleet:a") or 0) <= 5
    assert store.expire("fleet:a", 200)
    assert 199 < (store.ttl("fleet:a") or 0) <= 200
    assert not store.expire("fleet:none", 5)
    assert store.ttl("fleet:none") is None
    assert store.expire("fleet:a", 0.01)
    until(lambda: not store.exists("fleet:a"))


def test_counters_are_exact_under_eight_threads(store: Store) -> None:
    """Every count gets a number of its own; the time to live is that of the first."""
    together = threading.Barrier(8)

    def count(_: int) -> list[int]:
        together.wait(15)
        return [store.increment("hits", ttl=50) for _ in range(50)]

    with ThreadPoolExecutor(8) as pool:
        given = [number for numbers in pool.map(count, range(8)) for number in numbers]
    assert sorted(given) == list(range(1, 401))
    assert store.decrement("hits", 150, ttl=50) == 250
    assert store.increment("hits", 50, ttl=50) == 300
    assert store.increment("other", 5, ttl=50) == 5


def test_a_counter_ends_with_the_ttl_of_its_first_count(store: Store) -> None:
    assert store.increment("hits", ttl=0.2) == 1
    assert store.increment("hits", ttl=500) == 2
    until(lambda: store.increment("hits", 0, ttl=0.2) == 0, what="it begins anew")


def test_counters_are_no_values(store: Store) -> None:
    """A rate limit is neither found among the values nor flushed with them."""
    store.increment("fleet:a", ttl=100)
    assert not store.exists("fleet:a")
    assert store.matching() == []
    assert store.flush() == 0
    assert store.increment("fleet:a", ttl=100) == 2


NAMES = ["fleet:a", "fleet:b", "fleet:ab", "fleet:*", "fleet:leave:a", "ref:a", "dashboard:metrics"]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*", set(NAMES)),
        ("fleet:*", {name for name in NAMES if name.startswith("fleet:")}),
        ("fleet:?", {"fleet:a", "fleet:b", "fleet:*"}),
        ("fleet:[ab]", {"fleet:a", "fleet:b"}),
        ("fleet:[^a]", {"fleet:b", "fleet:*"}),
        ("fleet:[a-b]b", {"fleet:ab"}),
        (r"fleet:\*", {"fleet:*"}),
        ("*:a", {"fleet:a", "fleet:leave:a", "ref:a"}),
        ("fleet:a", {"fleet:a"}),
        ("FLEET:*", set()),
        ("fleet", set()),
        ("leet:a", set()),
    ],
)
def test_a_glob_removes_what_fits_and_counts_it(store: Store, pattern: str, fits: set[str]) -> None:
    store.set_many(dict.fromkeys(NAMES, (1, 100)))
    assert set(store.matching(pattern)) == fits
    assert store.matching() == sorted(NAMES)
    assert store.invalidate(pattern) == len(fits)
    assert set(store.matching()) == set(NAMES) - fits
    assert store.invalidate(pattern) == 0


def test_a_glob_in_a_name_is_not_a_glob(store: Store) -> None:
    store.set("fleet:a", 1, 100)
    assert store.delete("fleet:*") == 0
    assert store.get("fleet:*", int) is None
    assert store.exists("fleet:a")


@pytest.mark.parametrize("name", ["é:ü", "a b", "a{b}c", "a}", "{a", "a\nb", "[x]", "\\", "x:lease", "x}:lease", "0"])
def test_any_name_is_a_name(store: Store, name: str) -> None:
    """Keys of get-or-load come from anywhere: each can be read, found and removed."""
    store.set(name, Point(1, name), 100)
    assert store.get(name, Point) == Point(1, name)
    assert store.get_many([name], Point) == {name: Point(1, name)}
    assert store.matching() == [name]
    assert store.delete(name) == 1
    store.set(name, Point(1, name), 100)
    assert store.flush() == 1


def test_progress_of_a_large_invalidation(store: Store) -> None:
    store.set_many({f"fleet:{n}": (n, 100) for n in range(1200)} | {"ref:x": (1, 100)})
    seen: list[int] = []
    assert store.invalidate("fleet:*", progress=seen.append) == 1200
    assert seen == sorted(seen)
    assert seen[-1] == 1200
    assert store.matching() == ["ref:x"]
    assert store.flush() == 1


# What a store in Redis promises besides.


def test_a_flush_leaves_alone_what_is_not_a_value_of_ours(remote: RedisStore, prefix: str) -> None:
    """Foreign keys, keys that look like ours, limits and history survive."""
    survivors = [
        "fleet:a", f"{prefix}:c:other", f"x{prefix}:c:s0a:{{fleet:a}}", f"{prefix}:m:1", f"{prefix}2:c:s0a:{{a}}",
        f"{prefix}:c:sxyz:{{a}}", f"{prefix}:c:s0a:{{a}}:other",
    ]  # fmt: skip
    client = remote.link.client
    for name in survivors:
        client.set(name, "foreign", px=60_000)
    remote.increment("fleet:limit", ttl=100)
    remote.note("view", 3.5)
    remote.set_many({f"fleet:{n}": (n, 100) for n in range(30)})
    assert remote.flush() == 30
    assert remote.held() == []
    assert [name for name in survivors if not client.exists(name)] == []
    assert remote.increment("fleet:limit", ttl=100) == 2
    assert client.get(remote.names.note("view")) == b"3.5"
    client.unlink(*survivors)


def test_another_schema_version_is_never_read_but_can_be_flushed(
    remote: RedisStore, prefix: str
) -> None:
    """Old and new programs share one Redis during a deploy."""
    newer = RedisStore(remote.link, Names(prefix, "0b"))
    remote.set("fleet:a", Point(1, "old"), 100)
    assert newer.get("fleet:a", int) is None
    newer.set("fleet:a", 2, 100)
    assert remote.get("fleet:a", Point) == Point(1, "old")
    assert [(row.name, row.current) for row in newer.held()].count(("fleet:a", True)) == 1
    assert newer.delete("fleet:a") == 1
    assert newer.flush() == 1


def test_held_says_what_is_there(remote: RedisStore) -> None:
    remote.set_many({f"fleet:{n}": ("x" * 100, 100) for n in range(5)})
    rows = remote.held()
    assert [row.name for row in rows] == [f"fleet:{n}" for n in range(5)]
    assert all(row.current and 99 < row.ttl <= 100 and row.memory > 100 for row in rows)
    assert [row.name for row in remote.held(["fleet:3", "fleet:none"])] == ["fleet:3"]


def test_the_server_says_who_it_is(remote: RedisStore) -> None:
    name, used = remote.server()
    assert name.startswith("Valkey ")
    assert used > 100_000


def test_jitter_only_shortens(open_store: Callable[..., RedisStore], url: str) -> None:
    """Keys set together do not all end together, and none lives longer than it may."""
    open_store(url, chance=0.0).set("fleet:long", 1, 100)
    shortest = open_store(url, chance=1.0)
    shortest.set("fleet:short", 1, 100)
    assert 99 < (shortest.ttl("fleet:long") or 0) <= 100
    assert 89 < (shortest.ttl("fleet:short") or 0) <= 90
    assert shortest.milliseconds(0.0001) == 1, "never none: that would be for ever"


@pytest.mark.parametrize("payload", [b'{"x":1}', b'{"x":1,"y":"","z":2}', b"\x80garbage", b"", b"null", b"[" * 100_000])
def test_what_is_not_ours_is_an_error_and_not_a_default(valkey: RedisStore, payload: bytes) -> None:
    """A missing field, an extra one, garbage, a nesting without end: never a zero."""
    valkey.link.client.set(valkey.names.value("fleet:a"), payload, px=60_000)
    with pytest.raises(BadPayload):
        valkey.get("fleet:a", Point)


def raw(store: RedisStore, name: str) -> bytes:
    data = store.link.client.get(store.names.value(name))
    assert isinstance(data, bytes)
    return data


def test_large_values_are_squeezed_and_come_back(remote: RedisStore) -> None:
    for length, squeezed in [(LARGE - 3, False), (LARGE - 2, True), (10 * LARGE, True)]:
        text = "ab" * (length // 2) + "c" * (length % 2)
        remote.set("fleet:large", text, 100)
        assert (len(raw(remote, "fleet:large")) < length) == squeezed
        assert remote.get("fleet:large", str) == text
        assert remote.get_many(["fleet:large", "fleet:none"], str) == {"fleet:large": text}


def _flipped(data: bytes) -> bytes:
    return data[:200] + bytes([data[200] ^ 0xFF]) + data[201:]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:2],
        _flipped,
        lambda data: b"z:" + zlib.compress(bytes(100 * 1024 * 1024), 9),
        lambda data: b"z:" + zlib.compress(b'{"x":1}'),
        lambda data: b"z:" + zlib.compress(b"\xff\xfe"),
        lambda data: b"z:" + data,
        lambda data: zlib.compress(data),
    ],
    ids=["half", "a byte short", "nothing", "flipped", "bomb", "other", "no text", "twice", "no mark"],
)
def test_a_squeezed_value_that_is_spoilt_is_an_error(
    valkey: RedisStore, spoil: Callable[[bytes], bytes]
) -> None:
    valkey.set("fleet:a", Point(1, "".join(map(str, range(LARGE)))), 100)
    valkey.link.client.set(valkey.names.value("fleet:a"), spoil(raw(valkey, "fleet:a")), px=60_000)
    with pytest.raises(BadPayload):
        valkey.get("fleet:a", Point)
    assert isinstance(valkey.get_many(["fleet:a"], Point)["fleet:a"], BadPayload)


# Who may store what it loaded.


def take(leases: Leases, how: str = LOOK) -> Any:
    return leases.take({"fleet:a": how})["fleet:a"]


def keep(leases: Leases, lease: Lease) -> bool:
    return leases.keep([(lease, Stored(b'"new"', 60_000))])[0]


@pytest.fixture
def leases(remote: RedisStore) -> tuple[Leases, Leases]:
    """Those of two processes."""
    return Leases(remote.link, remote.names), Leases(remote.link, remote.names)


def test_one_process_at_a_time_may_load(remote: RedisStore, leases: tuple[Leases, Leases]) -> None:
    one, other = leases
    lease = take(one)
    assert isinstance(lease, Lease)
    assert isinstance(take(other), Elsewhere)
    assert isinstance(take(other, ANEW), Elsewhere)
    assert keep(one, lease)
    assert remote.get("fleet:a", str) == "new"
    assert take(other) == b'"new"', "what is there by now is given at once"
    anew = take(other, ANEW)
    assert isinstance(anew, Lease), "unless it is to be loaded all the same"
    other.release([anew])
    assert not keep(other, anew), "a lease that was given back is worth nothing"


def test_a_lease_is_renewed_until_it_is_given_back(valkey: RedisStore) -> None:
    """A load may take far longer than its lease is given for; afterwards nobody renews anything."""
    one, other = Leases(valkey.link, valkey.names), Leases(valkey.link, valkey.names)
    lease = take(one)
    left: list[float] = []
    for _ in range(18):
        seat = take(other)
        assert isinstance(seat, Elsewhere)
        left.append(seat.seconds)
        threading.Event().wait(LEASE_SECONDS / 12)
    assert any(later > earlier for earlier, later in itertools.pairwise(left)), "it was renewed"
    one.release([lease])
    assert isinstance(take(other), Lease)
    until(lambda: one._renewer is None, what="the renewing ends")


@pytest.mark.parametrize("how", ["delete", "invalidate", "flush", "set"])
def test_whoever_is_loading_may_not_store_after_a_change(
    remote: RedisStore, leases: tuple[Leases, Leases], how: str
) -> None:
    """No stale set: whatever removes or replaces a value takes the lease on it away."""
    one, _ = leases
    lease = take(one)
    if how == "delete":
        assert remote.delete("fleet:a") == 0
    elif how == "invalidate":
        assert remote.invalidate("fleet:*") == 0
    elif how == "flush":
        assert remote.flush() == 0
    else:
        remote.set("fleet:a", "set", 100)
    assert not keep(one, lease)
    assert remote.get("fleet:a", str) == ("set" if how == "set" else None)


def test_a_value_that_lands_while_leases_are_taken_away_is_counted_once(
    remote: RedisStore, leases: tuple[Leases, Leases]
) -> None:
    """A key that has a value and a lease at the same time is one value."""
    remote.set("fleet:a", "old", 100)
    assert isinstance(take(leases[0], ANEW), Lease)
    assert remote.invalidate("fleet:*") == 1
    assert remote.held() == []


def test_a_server_that_is_not_there_is_said_so_quickly(open_store: Callable[..., RedisStore]) -> None:
    store = open_store("unix:///nowhere/valkey.sock")
    for ask in (
        lambda: store.get("a", int),
        lambda: store.get_many(["a"], int),
        lambda: store.get_many(["a", "b"], int),
        lambda: store.set("a", 1, 1),
        lambda: store.delete("a"),
        lambda: store.expire("a", 1),
        lambda: store.exists("a"),
        lambda: store.increment("a", ttl=1),
        lambda: store.invalidate("a*"),
        lambda: store.matching(),
        lambda: store.held(),
        lambda: store.server(),
        lambda: store.ttl("a"),
    ):
        with pytest.raises(StoreDown):
            ask()
