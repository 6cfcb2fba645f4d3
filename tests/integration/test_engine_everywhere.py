"""The whole engine on every form of Redis, and through the loss of a primary."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from fleetcache import embedded
from fleetcache.cache.client import connect
from fleetcache.cache.engine import Engine
from fleetcache.cache.instances import Instance
from fleetcache.cache.layer import Layer
from fleetcache.cache.marks import Mark
from fleetcache.cache.reading import DATABASE, MEMORY, REDIS, Reading
from fleetcache.cache.single import Single
from tests.cache.engine import SCHEMA, Doc, Source
from tests.engines import Cluster, Sentinel, acl_user
from tests.live import until

KEYS = [f"fleet:{number}" for number in range(20)]
Make = Callable[..., Engine]


@pytest.fixture
def source() -> Source:
    """What all engines of a test load from."""
    return Source()


@pytest.fixture
def make(prefix: str, source: Source) -> Iterator[Make]:
    """Starts engines that listen, each as if it were a process of its own."""
    with ExitStack() as started:

        def made(url: str) -> Engine:
            engine = Engine(
                url,
                [Layer(DATABASE, "loader", source.load)],
                {name: Single(name, Doc, 60.0) for name in KEYS},
                prefix=prefix,
                schema=SCHEMA,
                instance=f"i{len(started._exit_callbacks)}",
                connect_seconds=0.5,
                command_seconds=0.5,
            )
            started.callback(engine.close)
            engine.start()
            until(lambda: engine.tracking.trusted, what="memory is trusted")
            return engine

        yield made


@pytest.fixture(params=["unix", "tls", "cluster", "sentinel"])
def url(request: pytest.FixtureRequest, servers: embedded.Servers, prefix: str) -> str:
    """Every form of Redis in turn, as a user who may do what the documentation says and no more."""
    assert servers.redis_url is not None
    plain = servers.redis_url if request.param == "unix" else request.getfixturevalue(request.param).url
    client = connect(plain, connect_seconds=1, command_seconds=1)
    client.set(f"foreign-{prefix}", "1", px=60_000)
    name, password = acl_user(client, prefix)
    client.close()
    request.addfinalizer(lambda: foreign(plain, prefix))
    scheme, rest = str(plain).split("://")
    return f"{scheme}://{name}:{password}@{rest}"


def foreign(url: str, prefix: str) -> None:
    """Check that nothing has touched what is not ours."""
    client = connect(url, connect_seconds=1, command_seconds=1)
    assert client.unlink(f"foreign-{prefix}") == 1
    client.close()


def layers(engine: Engine) -> set[str]:
    """Where its reads of all keys come from; every one has to be there and right."""
    found = engine.cache.read_many(KEYS)
    assert all(isinstance(one, Reading) and one.value == Doc(1) for one in found.values())
    return {one.layer for one in found.values() if isinstance(one, Reading)}


def test_everything_works(make: Make, url: str, source: Source) -> None:
    first, second = make(url), make(url)
    cache = first.cache
    assert layers(first) == {DATABASE}
    until(lambda: len(first.store.held()) == len(KEYS), what="kept in Redis")
    assert layers(second) == {REDIS}
    assert cache.read(KEYS[0]).layer in (REDIS, MEMORY)
    for engine in (first, second):
        until(lambda engine=engine: layers(engine) == {MEMORY}, what="kept in memory")
    assert source.loads == Counter(KEYS)

    source.change(KEYS[0])
    assert cache.invalidate(KEYS[:3]) == 3
    assert cache.invalidate(KEYS[:3]) == 0
    until(lambda: second.cache.read(KEYS[0]).value == Doc(2), within=1, what="the second one heard")
    source.versions[KEYS[0]] = 1
    cache.read_many(KEYS)
    until(lambda: len(first.store.held()) == len(KEYS), what="kept in Redis again")
    assert cache.invalidate_matching("fleet:1*") == 11
    assert len(first.store.held()) == 9
    assert cache.flush() == 9
    until(lambda: layers(second) == {MEMORY}, within=2)

    second.counters.flush()
    minute = int(cache.now() // 60)
    counted = first.counters.minutes(minute - 1, minute)
    assert sum(one.served[REDIS, KEYS[1]] for one in counted.values() if one) >= 1
    now = cache.now()
    for engine in (first, second):
        engine.instances.announce(Instance(engine.instance, "1", SCHEMA, now, now))
    assert {one.id for one in first.instances.all(now)} == {first.instance, second.instance}
    second.marks.add(Mark(now, "flush", second.instance))
    assert [mark.kind for mark in first.marks.since(now - 1)] == ["flush"]

    cache.flush()
    assert cache.warm(KEYS) == []
    assert {one.name for one in first.store.held(KEYS)} == set(KEYS)
    assert first.store.server()[1] > 0
    assert first.store.increment("login", ttl=5) == 1


def test_no_caller_gets_an_error_through_the_kill_of_a_primary(
    make: Make, cluster: Cluster, source: Source
) -> None:
    engines = [make(cluster.url) for _ in range(2)]
    try:
        unharmed(engines, lambda: cluster.kill_primary(engines[0].names.value(KEYS[0])))
    finally:
        cluster.heal()


@pytest.mark.parametrize("kill", [False, True])
def test_nor_through_a_promotion(make: Make, sentinel: Sentinel, source: Source, kill: bool) -> None:
    engines = [make(sentinel.url) for _ in range(2)]
    try:
        unharmed(engines, lambda: sentinel.promote(kill=kill))
    finally:
        sentinel.heal()


def test_the_primary_of_before_is_not_asked_when_it_comes_back(
    make: Make, sentinel: Sentinel, source: Source
) -> None:
    """One that hung, was replaced, and answers again takes itself for the primary for seconds; what
    the new one is told is heard by all, and no connection from before gives what the old one has."""
    first, second = make(sentinel.url), make(sentinel.url)
    old = sentinel.primary
    key = KEYS[0]

    def from_redis() -> object:
        first.memory.void(None)
        return first.cache.read(key, counted=False).value

    def everywhere() -> set[object]:
        """What Redis gives when it is asked on many connections at once."""
        with ThreadPoolExecutor(8) as pool:
            return {one.result() for one in [pool.submit(from_redis) for _ in range(64)]}

    try:
        for engine in (first, second):
            until(lambda engine=engine: engine.cache.read(key).layer == MEMORY, what="kept in memory")
        old.client.client_pause(200)  # so that each takes a connection of its own
        assert everywhere() == {Doc(1)}
        old.pause()
        try:
            sentinel.promote()
            for engine in (first, second):
                until(lambda engine=engine: engine.tracking.trusted, within=5, what="memory trusted")
        finally:
            old.resume()
        assert source.change(key) == 2
        second.cache.invalidate([key])
        until(lambda: first.cache.read(key).value == Doc(2), within=0.5, what="the first one heard")
        assert everywhere() == {Doc(2)}
    finally:
        sentinel.heal()


def unharmed(engines: list[Engine], harm: Callable[[], None]) -> None:
    """Read on all engines while it happens and until Redis serves again; every read has to be right."""
    ended = threading.Event()

    def reading(engine: Engine, one: bool) -> int:
        rounds = 0
        while not ended.wait(0.002):
            if one:
                assert engine.cache.read(KEYS[rounds % len(KEYS)]).value == Doc(1)
            else:
                layers(engine)
            rounds += 1
        return rounds

    def served_by_redis(engine: Engine) -> bool:
        engine.memory.void(None)
        return layers(engine) == {REDIS}

    with ThreadPoolExecutor(4) as pool:
        going = [pool.submit(reading, engine, one) for engine in engines for one in (True, False)]
        try:
            harm()
            for engine in engines:
                until(lambda engine=engine: served_by_redis(engine), within=5, what="hits from Redis")
                until(lambda engine=engine: engine.tracking.trusted, within=5, what="memory trusted")
                until(lambda engine=engine: layers(engine) == {MEMORY}, within=5, what="hits from memory")
        finally:
            ended.set()
        assert all(rounds.result(10) > 10 for rounds in going)
