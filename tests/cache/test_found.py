"""What a hostile reading of the engine found: each of these went wrong once."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from fleetcache.cache.breaker import CLOSED
from fleetcache.cache.client import connect
from fleetcache.cache.layer import Layer
from fleetcache.cache.reading import DATABASE, MEMORY, REDIS, VIEW, Reading
from fleetcache.cache.single import Made
from fleetcache.cache.warming import Progress
from fleetcache.clock import Clock
from fleetcache.errors import SourceDown
from tests.cache.engine import (
    Engine,
    Facts,
    Hand,
    Prover,
    Source,
    loading_threads,
    settle,
    together,
    value_of,
)
from tests.engines import Node
from tests.live import ADDRESS, Redis, until

Make = Callable[..., Engine]
KEY, SECOND, THIRD = "fleet:1", "fleet:2", "fleet:3"
OPEN = threading.Event()
OPEN.set()


def connections(redis: Redis) -> set[str]:
    """The connections of ours that a server has, by their ids."""
    return {one["id"] for one in redis.client.client_list() if one["name"] == "fleetcache"}


def later(began: float, seconds: float) -> None:
    """Wait until a moment is so many seconds ago."""
    until(lambda: time.monotonic() - began > seconds)


# Connections


def test_an_answer_that_is_there_is_taken_however_late_it_is_looked_at(make: Make, url: str) -> None:
    """A thread that had no turn for longer than the deadline finds the answer of a quick Redis: that is no
    reason to take Redis for gone. One who has really said nothing by then is."""
    client = connect(url, connect_seconds=1, command_seconds=0.05)
    connection = client.connection_pool.get_connection()  # type: ignore[union-attr]
    connection.send_command("PING")
    later(time.monotonic(), 0.2)
    assert connection.read_response() == b"PONG"
    connection.send_command("BLPOP", "nothing-comes", "0.5")
    later(time.monotonic(), 0.2)
    with pytest.raises(redis.TimeoutError):
        connection.read_response()
    client.close()


def test_many_waiting_reads_do_not_use_up_the_connections(make: Make, own_redis: Redis) -> None:
    """A pause of Redis under load costs the pause: afterwards a handful of connections is kept at hand
    and all verbs, which take theirs from the pool, are served."""
    engine = make(own_redis.url, guard=Hand(), command=2.0)
    engine.store.set("x", 1, 60)
    before = own_redis.client.info("stats")["total_connections_received"]
    own_redis.client.client_pause(400)
    outcomes = together(120, lambda: engine.store.get("x", int))
    assert [outcome.result() for outcome in outcomes] == [1] * 120
    assert own_redis.client.info("stats")["total_connections_received"] - before > 100, "they met the pause"
    assert len(engine.store.link._idle) <= 8
    assert engine.version(KEY) == 1
    assert engine.cache.invalidate([KEY]) == 1
    assert not engine.store.exists(KEY)
    engine.counters.flush()
    together(16, lambda: engine.store.get("x", int))
    assert len(engine.store.link._idle) <= 8
    assert engine.store.link.breaker.opened == 0


def test_no_connection_from_before_is_used_again(make: Make, own_redis: Redis) -> None:
    """When the primary may be another server, neither what is kept at hand nor what the pool has leads
    to the one of before; nor does a connection that is in use at that moment and is kept later."""
    engine = make(own_redis.url, guard=Hand(), command=2.0)
    link = engine.store.link
    engine.store.set("x", 1, 60)
    together(4, lambda: engine.store.get("x", int))
    own_redis.client.client_pause(200)
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(engine.store.get, "x", int)
        until(lambda: len(link.client.connection_pool._in_use_connections) > len(link._idle), what="a read waits")
        assert not under_way.done()
        link.renew()
        assert under_way.result() == 1
    before = connections(own_redis)
    assert engine.store.get("x", int) == 1
    assert engine.store.exists("x")
    until(lambda: connections(own_redis).isdisjoint(before), what="all of before are closed")
    kept = connections(own_redis)
    assert engine.store.get("x", int) == 1
    assert connections(own_redis) == kept, "and those of now are kept"


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        (lambda engine: engine.store.set("x", object(), 5), TypeError),
        (lambda engine: engine.store.set("x", 1, math.inf), OverflowError),
        (lambda engine: engine.store.matching("fleet:\ud800*"), UnicodeEncodeError),
        (lambda engine: engine.cache.invalidate_matching("fleet:\ud800*"), UnicodeEncodeError),
    ],
    ids=["unwritable", "for ever", "matching", "invalidating"],
)
def test_a_mistake_of_the_caller_is_not_taken_for_redis_being_away(
    make: Make, own_redis: Redis, mistake: Callable[[Engine], object], error: type[Exception]
) -> None:
    """It is raised as what it is; the breaker stays closed for the others, and connections open."""
    engine = make(own_redis.url, guard=Hand())
    engine.store.set("x", 1, 60)
    assert engine.store.get("x", int) == 1
    assert engine.store.exists("x")  # by a connection of the pool, while the other is kept at hand
    before = connections(own_redis)
    assert len(before) == 2
    for _ in range(3):
        with pytest.raises(error):
            mistake(engine)
    assert engine.store.link.breaker.state == CLOSED
    assert engine.store.link.breaker.opened == 0
    assert engine.store.get("x", int) == 1
    assert engine.store.exists("x")
    assert connections(own_redis) == before


# Loads


def test_nobody_joins_a_load_that_cannot_be_told_of_a_change(make: Make) -> None:
    """A load without a lease stands nowhere in Redis, so an invalidation by pattern says nothing of it:
    who comes a while later loads anew, and what the old one brings is not kept."""
    source = Source()
    one, other = make(source=source), make(source=source)
    one.store.link.breaker.failed()
    gate = source.hold()
    with ThreadPoolExecutor(1) as pool:
        try:
            early = pool.submit(one.cache.read, KEY)
            source.wait_begun()
            began = time.monotonic()
            assert not other.has_lease(KEY)
            until(lambda: one.store.link.breaker.state == CLOSED, what="Redis is asked again")
            source.change(KEY)
            other.cache.invalidate_matching("fleet:*")
            later(began, 0.3)
            source.gate = OPEN
            assert one.version(KEY) == 2
            assert not early.done()
        finally:
            gate.set()
        assert value_of(early) == 1, "asked before the change"
    settle()
    assert one.in_memory(KEY) == 2


def test_a_slow_load_is_not_started_again_and_again_while_redis_is_away(make: Make, own_redis: Redis) -> None:
    """Where nobody would tell of a change readers do not wait for a load that is under way for long;
    but a slow source gets two loads of a key at most, however many readers come."""
    engine = make(own_redis.url, command=0.05)
    own_redis.hang()
    gate = engine.source.hold()
    readers: list[Future[Reading]] = []
    most = 0
    with ThreadPoolExecutor(64) as pool:
        try:
            began = time.monotonic()
            while time.monotonic() - began < 1.2:
                readers.append(pool.submit(engine.cache.read, KEY))
                most = max(most, len(loading_threads()))
                threading.Event().wait(0.05)
        finally:
            gate.set()
            own_redis.resume()
        assert {value_of(reader) for reader in readers} == {1}
    assert len(readers) > 12
    assert 1 <= most <= 2
    assert engine.source.loads[KEY] <= 2


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float) -> None:
        self.time = now
        self.clock = Clock(now=lambda: self.time, monotonic=lambda: self.time)


def test_a_value_whose_day_ended_while_it_was_loaded_is_not_todays(make: Make) -> None:
    """Who waited for it asked while it was the day's; nobody who asks from midnight on is given it, from
    memory or Redis, but today's."""
    midnight = 20_000 * 86_400.0
    hands = Hands(midnight - 0.1)
    facts = Facts(clock=hands.clock, day_seconds=86_400)
    prover = Prover(facts)
    engine = make(source=facts, guard=Hand(), prover=prover, clock=hands.clock)
    gate = facts.hold()
    with ThreadPoolExecutor(1) as pool:
        try:
            early = pool.submit(engine.cache.read, KEY)
            facts.wait_begun()
            hands.time += 1
        finally:
            gate.set()
        yesterdays = early.result()
    today = datetime.fromtimestamp(midnight, UTC).date()
    assert yesterdays.day < today
    settle()
    asked = prover.asked
    todays = engine.cache.read(KEY)
    assert prover.asked > asked, "what was known ended with its day"
    assert (todays.day, todays.stale, todays.layer) == (today, False, DATABASE)
    assert facts.loads[KEY] == 2
    assert engine.cache.read(KEY).day == today


@pytest.mark.parametrize("where", [MEMORY, REDIS])
def test_no_value_of_yesterday_is_served_today_without_a_check(make: Make, where: str) -> None:
    """At midnight what is known ends by itself: a database that does not answer then makes no day longer."""
    midnight = 20_000 * 86_400.0
    hands = Hands(midnight - 0.1)
    facts = Facts(clock=hands.clock, day_seconds=86_400)
    prover = Prover(facts)
    engine = make(source=facts, guard=Hand(), prover=prover, clock=hands.clock)
    assert not engine.cache.read(KEY).stale
    assert not engine.cache.read(KEY).stale
    hands.time += 0.2
    prover.fault, facts.fault = "gone", SourceDown()
    if where == REDIS:
        engine.memory.clear()
    else:
        engine.store.flush()
    old = engine.cache.read(KEY)
    assert (old.stale, old.layer) == (True, where)
    assert old.day < datetime.fromtimestamp(midnight, UTC).date()


def test_a_kept_value_is_served_when_a_loader_fails_in_a_way_nobody_expected(make: Make) -> None:
    """An exception that is not one of ours is an outage like any other: the old value, flagged."""
    engine = make(guard=Hand())
    assert engine.version(KEY) == 1
    engine.cache.invalidate([KEY])
    engine.source.fault = ConnectionError("gone")
    reading = engine.cache.read(KEY)
    assert (reading.value.version, reading.stale, reading.layer) == (1, True, MEMORY)
    assert "ConnectionError" in (reading.reason or "")
    settle()
    assert not engine.has_lease(KEY)


def test_the_next_layer_is_asked_when_one_fails_in_a_way_nobody_expected(make: Make) -> None:
    """A bug in one loader does not keep the one below from answering, nor its value from being kept."""
    engine = make(guard=Hand())

    def broken(_names: Sequence[str]) -> dict[str, Made]:
        raise ZeroDivisionError("a bug")

    engine.cache._layers = [Layer(VIEW, "view", broken), *engine.cache._layers]
    reading = engine.cache.read(KEY)
    assert (reading.value.version, reading.stale, reading.layer) == (1, False, DATABASE)
    assert "view: " in (reading.reason or "")
    assert "ZeroDivisionError" in (reading.reason or "")
    assert engine.store.exists(KEY)
    assert engine.counted().failed[VIEW, KEY] == 1


# Leases


def test_leases_are_renewed_again_after_a_thread_was_not_to_be_had(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment without threads costs the reader nothing, and later loads are stored although they take
    longer than a lease lasts."""
    engine = make(guard=Hand())
    start = threading.Thread.start
    refused: list[str] = []

    def once(thread: threading.Thread) -> None:
        if thread.name == "fleetcache-leases" and not refused:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", once)
    assert engine.version(KEY) == 1
    assert refused
    assert engine.store.exists(KEY)
    engine.source.seconds = 0.9
    assert engine.version(SECOND) == 1
    assert engine.store.exists(SECOND)


def test_a_key_of_another_type_is_replaced(make: Make) -> None:
    """What is no string under our name is no value, neither alone nor among others, and the next load
    takes its place."""
    engine, other = make(guard=Hand()), make(guard=Hand())
    client, names = engine.store.link.client, engine.store.names
    for name in (KEY, SECOND):
        client.lpush(names.value(name), 1)
    assert engine.version(KEY) == 1
    found = engine.cache.read_many([SECOND, THIRD])
    assert {getattr(one, "layer", one) for one in found.values()} == {DATABASE}
    assert [client.type(names.value(name)) for name in (KEY, SECOND, THIRD)] == [b"string"] * 3
    assert {other.cache.read(name).layer for name in (KEY, SECOND, THIRD)} == {REDIS}
    assert engine.source.loads == {KEY: 1, SECOND: 1, THIRD: 1}
    assert engine.store.link.breaker.opened == 0


def test_a_lease_without_end_blocks_nobody(make: Make) -> None:
    """One that a person set, or that lost its time to live, is nobody's."""
    engine = make(guard=Hand(), hard=2.0)
    engine.store.link.client.set(engine.store.names.lease(KEY), "by hand")
    assert engine.version(KEY) == 1
    assert engine.store.exists(KEY)
    assert not engine.has_lease(KEY)


# Warming


class Calls(Source):
    """A source that notes the names of each load."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[str]] = []

    def load(self, names: Sequence[str]) -> dict[str, Made]:
        """The loader of an engine."""
        self.asked.append(set(names))
        return super().load(names)


def test_warming_says_what_redis_did_not_take(make: Make, own_redis: Redis) -> None:
    """A Redis that is full is not warm, whatever the loaders gave; and progress names every key."""
    engine = make(own_redis.url, guard=Hand())
    own_redis.client.config_set("maxmemory", 1)
    heard: list[Progress] = []
    failures = engine.cache.warm([KEY, SECOND], progress=heard.append)
    assert [name in str(failure) for name, failure in zip([KEY, SECOND], failures, strict=True)] == [True] * 2
    assert heard == [Progress(1, 2, KEY), Progress(2, 2, SECOND)]
    assert not engine.store.exists(KEY)
    own_redis.client.config_set("maxmemory", 0)
    assert engine.cache.warm([KEY, SECOND]) == []
    assert engine.store.exists(KEY)


def test_warming_loads_a_family_once(make: Make) -> None:
    """What one load gives along is not loaded again for its own sake; progress names it all the same."""
    names = [KEY, SECOND, THIRD]
    source = Calls()
    engine = make(source=source, guard=Hand(), family=names)
    heard: list[str] = []
    assert engine.cache.warm(names, progress=lambda progress: heard.append(progress.key)) == []
    assert source.asked == [set(names)]
    assert heard == names
    assert {held.name for held in engine.store.held(names)} == set(names)
    assert engine.cache.warm(names) == []
    assert source.asked == [set(names)] * 2, "but the next warming loads anew"


# Counting


def test_names_with_a_bar_are_counted(make: Make) -> None:
    """The sign that parts a counter's name may stand in a key, also as its first and last."""
    engine = make(guard=Hand())
    for name in ("a|b", "|", "a|b|"):
        assert engine.cache.get_or_load(name, int, lambda: 1, ttl=60).value == 1
        assert engine.cache.get_or_load(name, int, lambda: 1, ttl=60).layer == MEMORY
    counted = engine.counted()
    assert counted.reads() == 6
    for name in ("a|b", "|", "a|b|"):
        assert (counted.served[DATABASE, name], counted.served[MEMORY, name]) == (1, 1)
        assert counted.loaded[DATABASE, name] == 1
        assert counted.missed[REDIS, "absent", name] == 1


def test_who_only_waited_needed_no_query_of_its_own(make: Make) -> None:
    """Sixteen readers of one load cost one query, and what memory serves afterwards none."""
    guard = Hand()
    engine = make(guard=guard)
    gate = engine.source.hold()
    with ThreadPoolExecutor(16) as pool:
        try:
            readers = [pool.submit(engine.cache.read, KEY) for _ in range(16)]
            until(lambda: guard.asked >= 16, what="all readers wait")
        finally:
            gate.set()
    assert {value_of(reader) for reader in readers} == {1}
    assert engine.source.loads == {KEY: 1}
    assert engine.counted().without_query_rate == pytest.approx(100 * 15 / 16)
    assert [engine.cache.read(KEY).layer for _ in range(4)] == [MEMORY] * 4
    assert engine.counted().without_query_rate == pytest.approx(100 * 19 / 20)


def test_an_old_value_from_memory_had_its_query(make: Make) -> None:
    """While the source is away nothing is saved: every read asked it and got the old value instead."""
    engine = make(guard=Hand())
    assert engine.version(KEY) == 1
    engine.cache.invalidate([KEY])
    engine.source.fault = ConnectionError()
    assert [engine.cache.read(KEY).stale for _ in range(4)] == [True] * 4
    assert engine.source.loads == {KEY: 5}
    assert engine.counted().without_query_rate == 0


# Sentinels


@pytest.fixture
def watched() -> Iterator[tuple[Node, str]]:
    """A sentinel that may be killed, and the URL by which it names its primary."""
    with ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="fleetcache-found-")))
        home.chmod(0o755)
        primary = Node(home)
        opened.callback(primary.close)
        watcher = Node(home, f"sentinel monitor fleet {ADDRESS} {primary.port} 1", kind="--sentinel")
        opened.callback(watcher.close)
        primary.ready()
        watcher.ready()
        yield watcher, f"redis+sentinel://{watcher.address}/fleet"


def test_without_sentinels_a_healthy_primary_serves_on(make: Make, watched: tuple[Node, str]) -> None:
    """They say where Redis is; that nobody says so now is no reason to distrust who answers."""
    sentinel, url = watched
    engine = make(url)
    for name in (KEY, SECOND):
        assert engine.in_memory(name) == 1
    sentinel.kill()
    link = engine.store.link
    assert engine.tracking is not None
    began = time.monotonic()
    while time.monotonic() - began < 1.5:  # the primaries are asked for every second
        assert engine.cache.read(KEY).layer == MEMORY
        assert engine.store.exists(SECOND)
        assert engine.tracking.trusted
        assert link.breaker.state == CLOSED
        threading.Event().wait(0.01)
    engine.memory.delete(SECOND)
    assert engine.cache.read(SECOND).layer == REDIS
    assert engine.cache.invalidate([KEY]) == 1
    assert engine.version(KEY) == 1
    assert engine.source.loads == {KEY: 2, SECOND: 1}
    assert link.breaker.opened == 0
