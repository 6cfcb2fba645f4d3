"""One load at a time, its time-outs, and what an invalidation in the middle of it does: C2, C3, C13."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from fleetcache.cache.layer import Layer
from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.reading import DATABASE, MEMORY, VIEW, Reading
from fleetcache.cache.single import Made
from fleetcache.errors import SourceDown, Unavailable
from tests.cache.engine import (
    Doc,
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
from tests.live import Redis, until

Make = Callable[..., Engine]
KEY = "fleet:1"
TRIALS = 1000
OPEN = threading.Event()
OPEN.set()


def expire(engine: Engine, name: str = KEY) -> None:
    """Let the time to live of a key run out in memory, as it has long run out in Redis."""
    engine.store.delete(name)
    entry = engine.memory.entries[name]
    entry.soft = entry.hard = engine.cache._monotonic()


@pytest.fixture
def guard() -> Hand:
    """The guard of ``engine``."""
    return Hand()


@pytest.fixture
def engine(make: Make, guard: Hand) -> Engine:
    """A process that hears nothing by itself and trusts its memory."""
    return make(guard=guard)


def crowd(engine: Engine, guard: Hand, readers: int = 32) -> list[Future[Reading]]:
    """What so many readers get who all wait for the same load."""
    gate = engine.source.hold()
    with ThreadPoolExecutor(readers) as pool:
        try:
            outcomes = [pool.submit(engine.cache.read, KEY) for _ in range(readers)]
            until(lambda: guard.asked >= readers, what="all readers wait")
        finally:
            gate.set()
    return outcomes


def test_32_threads_on_a_cold_key_load_once(engine: Engine, guard: Hand) -> None:
    outcomes = crowd(engine, guard)
    assert {value_of(outcome) for outcome in outcomes} == {1}
    assert engine.source.loads == {KEY: 1}
    assert engine.counted().reads() == 32
    assert not engine.has_lease(KEY)


def test_a_load_that_fails_fails_for_everybody_once(engine: Engine, guard: Hand) -> None:
    """No reader retries behind the back of another; the next read does, and finds the lease free."""
    engine.source.fault = SourceDown()
    outcomes = crowd(engine, guard)
    assert {type(outcome.exception()) for outcome in outcomes} == {Unavailable}
    assert engine.source.loads == {KEY: 1}
    assert not engine.has_lease(KEY)
    engine.source.fault = None
    assert engine.version(KEY) == 1
    assert engine.source.loads == {KEY: 2}


@pytest.mark.parametrize("fault", [ZeroDivisionError("a bug"), KeyError("missing"), RuntimeError()])
def test_what_nobody_expected_reaches_every_reader_and_leaves_nothing_behind(
    engine: Engine, guard: Hand, fault: Exception
) -> None:
    """A bug in a loader is logged and named, is the next layer's turn, and blocks nothing."""
    engine.source.fault = fault
    outcomes = crowd(engine, guard)
    assert {type(outcome.exception()) for outcome in outcomes} == {Unavailable}
    assert all(type(fault).__name__ in str(outcome.exception()) for outcome in outcomes)
    assert engine.source.loads == {KEY: 1}
    settle()
    assert not engine.has_lease(KEY), "others need not wait for it to end"
    engine.source.fault = None
    assert engine.version(KEY) == 1


def test_a_value_that_cannot_be_written_blocks_nobody(engine: Engine) -> None:
    """The lease of a load that ends in an error is given back, and not renewed for ever."""
    with pytest.raises(TypeError):
        engine.cache.get_or_load("fleet:odd", object, object, ttl=60)
    settle()
    assert not engine.has_lease("fleet:odd")
    assert engine.cache.get_or_load("fleet:odd", int, lambda: 3, ttl=60).value == 3


def test_a_value_whose_day_is_over_already_blocks_nobody(engine: Engine) -> None:
    """A load that began before midnight and ended after it: not kept, and its lease is given back."""
    for _ in range(3):
        assert engine.cache.get_or_load("fleet:none", Doc, lambda: None, ttl=60, nothing_ttl=0).value is None
        settle()
        assert not engine.has_lease("fleet:none")


def test_a_loader_that_forgets_a_key_is_an_error_for_all_and_blocks_nobody(engine: Engine) -> None:
    load = engine.source.load

    def forgetful(names: object) -> dict[str, object]:
        return {}

    engine.cache._layers[0].__dict__["load"] = forgetful
    with pytest.raises(KeyError):
        engine.cache.read(KEY)
    settle()
    engine.cache._layers[0].__dict__["load"] = load
    assert not engine.has_lease(KEY)
    assert engine.version(KEY) == 1


def test_a_late_load_gives_the_old_value_flagged_and_goes_on(make: Make) -> None:
    """After the soft time-out a reader takes what ran out; the load ends for those who come later."""
    engine = make(guard=Hand(), soft=0.05)
    assert engine.version(KEY) == 1
    expire(engine)
    engine.source.change(KEY)
    gate = engine.source.hold()
    readings = [outcome.result() for outcome in together(8, lambda: engine.cache.read(KEY))]
    assert all(reading.stale and reading.value.version == 1 for reading in readings)
    assert all("newer one is being loaded" in (reading.reason or "") for reading in readings)
    assert engine.source.loads == {KEY: 2}
    gate.set()
    settle()
    assert engine.version(KEY) == 2
    assert engine.source.loads == {KEY: 2}
    counted = engine.counted()
    assert sum(counted.stale.values()) == 8
    assert counted.reads() == 10


def test_many_late_keys_cost_one_soft_time_out_and_not_one_each(make: Make) -> None:
    engine = make(guard=Hand(), soft=0.2)
    names = [f"fleet:{number}" for number in range(20)]
    engine.cache.read_many(names)
    for name in names:
        expire(engine, name)
    gate = engine.source.hold()
    began = time.monotonic()
    found = engine.cache.read_many(names)
    took = time.monotonic() - began
    gate.set()
    settle()
    assert all(isinstance(one, Reading) and one.stale for one in found.values())
    assert took < 2, "20 soft time-outs are 4 s"


def test_a_value_that_was_invalidated_is_no_substitute_for_a_late_load(make: Make) -> None:
    """Who has just changed something waits for the new value, however long the load takes."""
    engine = make(guard=Hand(), soft=0.02)
    assert engine.version(KEY) == 1
    engine.source.change(KEY)
    engine.cache.invalidate([KEY])
    engine.source.seconds = 0.2
    assert engine.version(KEY) == 2


def test_after_the_hard_time_out_a_reader_gives_up(make: Make) -> None:
    """Unavailable with the reason when there is nothing, the old value flagged when there is."""
    engine = make(guard=Hand(), soft=0.05, hard=0.2)
    gate = engine.source.hold()
    with pytest.raises(Unavailable, match="longer than"):
        engine.cache.read(KEY)
    gate.set()
    settle()
    assert engine.version(KEY) == 1, "the load went on"
    engine.cache.invalidate([KEY])
    gate = engine.source.hold()
    reading = engine.cache.read(KEY)
    assert reading.stale
    assert "longer than" in (reading.reason or "")
    gate.set()


def test_a_kept_value_is_flagged_when_every_loader_fails(engine: Engine) -> None:
    assert engine.version(KEY) == 1
    engine.cache.invalidate([KEY])
    engine.source.fault = SourceDown()
    reading = engine.cache.read(KEY)
    assert reading.stale
    assert reading.value.version == 1
    assert "PostgreSQL" in (reading.reason or "")
    with pytest.raises(Unavailable):
        engine.cache.read("fleet:2")


def test_a_day_that_is_kept_longer_than_an_hour_is_there_when_every_loader_fails(make: Make) -> None:
    """What may be served as current may all the more be served flagged."""
    engine = make(guard=Hand(), ttl=86_400.0)
    engine.version(KEY)
    entry = engine.memory.entries[KEY]
    assert entry.end >= entry.hard


def test_a_hot_value_is_loaded_anew_before_it_ends_once_and_behind_the_scenes(make: Make) -> None:
    """In the last tenth of its life the first reader starts a load; nobody waits for it."""
    engine = make(guard=Hand(), ttl=60)
    assert engine.version(KEY) == 1
    engine.source.change(KEY)
    entry = engine.memory.entries[KEY]
    assert entry.soft < entry.hard
    entry.soft = engine.cache._monotonic()
    gate = engine.source.hold()
    outcomes = together(16, lambda: engine.cache.read(KEY))
    assert {value_of(outcome) for outcome in outcomes} == {1}
    assert all(not outcome.result().stale for outcome in outcomes)
    assert len(loading_threads()) == 1
    gate.set()
    settle()
    assert engine.version(KEY) == 2
    assert engine.source.loads == {KEY: 2}


def test_a_load_ahead_that_fails_takes_nothing_away(engine: Engine) -> None:
    assert engine.version(KEY) == 1
    engine.memory.entries[KEY].soft = engine.cache._monotonic()
    engine.source.fault = SourceDown()
    for _ in range(3):
        assert engine.version(KEY) == 1
        settle()
    assert engine.source.loads == {KEY: 2}


def test_nothing_is_kept_too(engine: Engine) -> None:
    """Negative caching: that there is no row is a value, for a shorter time."""
    asked: list[int] = []

    def none() -> Doc | None:
        asked.append(1)
        return None

    for _ in range(3):
        reading = engine.cache.get_or_load("fleet:none", Doc, none, ttl=60, nothing_ttl=5)
        assert reading.value is None
        assert not reading.stale
    assert len(asked) == 1
    left = engine.store.ttl("fleet:none")
    assert left is not None
    assert left <= 5
    assert engine.cache.get_or_load("fleet:some", Doc, lambda: Doc(7), ttl=60, nothing_ttl=5).value == Doc(7)
    left = engine.store.ttl("fleet:some")
    assert left is not None
    assert left > 50


def test_get_or_load_is_single_flight_too(engine: Engine, guard: Hand) -> None:
    asked: list[int] = []
    gate = threading.Event()

    def load() -> Doc:
        asked.append(1)
        assert gate.wait(15)
        return Doc(1)

    with ThreadPoolExecutor(16) as pool:
        for _ in range(16):
            pool.submit(engine.cache.get_or_load, "fleet:x", Doc, load, ttl=60)
        until(lambda: guard.asked >= 16, what="all readers wait")
        gate.set()
    assert len(asked) == 1


def test_a_family_comes_with_one_load(make: Make) -> None:
    """Keys that one query gives together are filled together."""
    family = [f"fleet:{number}" for number in range(5)]
    engine = make(guard=Hand(), family=family)
    engine.version("fleet:0")
    settle()
    assert [engine.cache.read(name).layer for name in family] == ["memory"] * 5
    assert engine.source.loads == dict.fromkeys(family, 1)


def test_who_asks_after_an_invalidation_does_not_get_a_load_of_before(engine: Engine) -> None:
    """The reader of before gets the old value, the reader of after starts a load of its own, and the
    first load neither fills memory nor Redis, whichever ends first."""
    for last in ("old", "new"):
        before = engine.source.versions[KEY]
        old_gate = engine.source.hold()
        with ThreadPoolExecutor(2) as pool:
            old = pool.submit(engine.cache.read, KEY)
            engine.source.wait_begun()
            after = engine.source.change(KEY)
            engine.cache.invalidate([KEY])
            new_gate = engine.source.hold()
            new = pool.submit(engine.cache.read, KEY)
            engine.source.wait_begun()
            for gate, outcome in [(old_gate, old), (new_gate, new)][:: 1 if last == "new" else -1]:
                gate.set()
                outcome.result(15)
        assert (value_of(old), value_of(new)) == (before, after)
        assert engine.version(KEY) == after
        held = engine.store.fetch([KEY])[KEY]
        assert f'"version":{after}'.encode() in held
        engine.cache.invalidate([KEY])


def test_data_counted_before_the_change_is_not_stored_after_it(make: Make) -> None:
    """A source that lags behind (a view, a replica) is passed over; where it is all there is its old numbers
    are flagged. Either way they are never kept."""
    facts = Facts()
    engine = make(source=facts, guard=Hand(), prover=Prover(facts))
    old = facts.load([KEY])[KEY]
    facts.change(KEY)

    def behind(names: Sequence[str]) -> dict[str, Made]:
        return {name: Made(old.value, old.computed_at, old.label, facts.label) for name in names}

    def lagging(names: Sequence[str]) -> dict[str, Made]:
        return dict.fromkeys(names, old)

    [below] = engine.cache._layers
    for layer, reason in [
        (Layer(VIEW, "view", behind, copied=True), "it has changed since"),
        (Layer(VIEW, "replica", lagging), "lags behind"),
    ]:
        engine.cache._layers = [layer, below]
        facts.fault = SourceDown()
        reading = engine.cache.read(KEY)
        assert (reading.value.version, reading.stale, reading.layer) == (1, True, VIEW)
        assert reason in (reading.reason or "")
        settle()
        assert engine.store.fetch([KEY]) == {}
        assert KEY not in engine.memory.entries
        assert not engine.has_lease(KEY)
        facts.fault = None
        reading = engine.cache.read(KEY)
        assert (reading.value.version, reading.stale, reading.layer) == (2, False, DATABASE)
        assert engine.cache.read(KEY).layer == MEMORY
        engine.cache.invalidate([KEY])
        engine.memory.clear()


@pytest.mark.parametrize(
    "invalidate",
    [
        lambda cache: cache.invalidate([KEY]),
        lambda cache: cache.invalidate_matching("fleet:*"),
        lambda cache: cache.flush(),
    ],
)
def test_another_process_hears_of_a_change_while_it_loads_a_cold_key(
    make: Make, invalidate: Callable[[LayeredCache], int]
) -> None:
    """The key is not in Redis, so by itself Redis has nothing to tell of: yet no reader of the other
    process may join the load that began before the change."""
    writer, other = make(), make()
    gate = other.source.hold()
    with ThreadPoolExecutor(20) as pool:
        before = pool.submit(other.cache.read, KEY)
        other.source.wait_begun()
        after = other.source.change(KEY)
        assert invalidate(writer.cache) == 0
        other.source.gate = OPEN
        try:
            late = until(lambda: _answer(pool.submit(other.cache.read, KEY)), within=3)
        finally:
            gate.set()
        assert late == after
        before.result(15)
    settle()
    assert other.version(KEY) == after


def _answer(outcome: Future[Reading]) -> int | None:
    try:
        return int(outcome.result(0.3).value.version)
    except TimeoutError:
        return None


def test_no_reader_joins_a_load_whose_proof_was_lost(make: Make) -> None:
    """A link lost in the middle of a load may have hidden a change: who asks from then on gets a load
    of its own."""
    guard = Hand()
    engine = make(guard=guard)
    writer = make(guard=Hand(), source=engine.source)
    gate = engine.source.hold()
    with ThreadPoolExecutor(2) as pool:
        before = pool.submit(engine.cache.read, KEY)
        engine.source.wait_begun()
        after = engine.source.change(KEY)
        writer.cache.invalidate([KEY])
        guard.void()
        engine.source.gate = threading.Event()
        engine.source.gate.set()
        try:
            late = pool.submit(engine.cache.read, KEY).result(5)
        finally:
            gate.set()
        before.result(15)
    assert late.value.version == after


def test_an_invalidation_in_the_middle_of_a_load_1000_times(make: Make) -> None:
    """Two processes read without pause while one of them changes and invalidates: whoever starts after
    the invalidation returned gets the new value, in the writer's process at once, in the other one
    unless its message is still on its way."""
    source = Source(text="x" * 500)
    writer, other = make(source=source), make(source=source)
    acknowledged = [1]
    over = threading.Event()
    wrong: list[tuple[str, int, int]] = []
    late = [0.0]

    def read(engine: Engine, name: str, grace: float) -> int:
        reads = 0
        behind_since: float | None = None
        while not over.is_set():
            needed, began = acknowledged[0], time.monotonic()
            reading = engine.cache.read(KEY)
            reads += 1
            if reading.value.version >= needed or reading.stale:
                behind_since = None
                continue
            behind_since = behind_since or began
            late[0] = max(late[0], began - behind_since)
            if not grace or began - behind_since > grace:
                wrong.append((name, reading.value.version, needed))
        return reads

    with ThreadPoolExecutor(4) as pool:
        try:
            readers = [pool.submit(read, writer, "writer", 0.0) for _ in range(2)]
            readers += [pool.submit(read, other, "other", 0.3) for _ in range(2)]
            for _ in range(TRIALS):
                version = source.change(KEY)
                writer.cache.invalidate([KEY])
                acknowledged[0] = version
        finally:
            over.set()
        reads = sum(reader.result(15) for reader in readers)
    assert wrong == []
    assert reads > TRIALS, "the readers did read"
    settle()
    assert writer.version(KEY) == TRIALS + 1
    until(lambda: other.version(KEY) == TRIALS + 1)


@pytest.mark.parametrize("by_glob", [False, True])
def test_memory_is_not_filled_with_what_redis_refused(make: Make, own_redis: Redis, by_glob: bool) -> None:
    """A full Redis takes no value, so it has none to tell of when it changes: no process may keep it
    as current."""
    writer, other = make(own_redis.url), make(own_redis.url)
    own_redis.client.config_set("maxmemory", 1)
    assert other.version(KEY) == 1
    assert other.version(KEY) == 1
    other.source.change(KEY)
    if by_glob:
        writer.cache.flush()
    else:
        writer.cache.invalidate([KEY])
    until(lambda: other.version(KEY) == 2, within=2)
    own_redis.client.config_set("maxmemory", 0)
    assert other.in_memory(KEY) == 2


def test_the_end_of_a_value_in_redis_is_no_change(make: Make) -> None:
    """Redis tells of a value that ran out as it tells of a change; a late load must still find the old
    one to serve, flagged."""
    engine = make(soft=0.05, hard=3, ttl=0.3)
    engine.in_memory(KEY)
    until(lambda: not engine.store.exists(KEY), what="its end in Redis")
    gate = engine.source.hold()
    try:
        reading = engine.cache.read(KEY)
    finally:
        gate.set()
    assert reading.stale
    assert "newer one is being loaded" in (reading.reason or "")


def test_a_load_from_the_database_of_before_does_not_bring_it_back(make: Make) -> None:
    """It began before the process learned of the new database, and ends after it: who waited is given
    the new one's value, by a second load."""
    facts = Facts()
    prover = Prover(facts)
    engine, other = make(source=facts, guard=Hand(), prover=prover), make(source=facts, guard=Hand())
    gate = facts.hold()
    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(engine.cache.read, KEY)
        facts.wait_begun()
        facts.epoch = "e2"
        facts.versions[KEY] = 1
        assert prover.prove(0.0)
        facts.gate = OPEN
        gate.set()
        early = before.result(15)
    assert (early.stale, early.version) == (False, facts.label.token())
    assert "another database" in (early.reason or "")
    settle()
    reading = engine.cache.read_strict(KEY)
    assert (reading.stale, reading.version) == (False, facts.label.token())
    assert facts.loads[KEY] == 2
    assert not other.has_lease(KEY)


def test_a_load_that_never_ends_does_not_block_its_key_for_ever(make: Make) -> None:
    """After the hard time-out others may try: here, and in other processes."""
    engine, other = make(guard=Hand(), hard=0.2), make(guard=Hand(), hard=0.2)
    gate = engine.source.hold()
    try:
        with pytest.raises(Unavailable):
            engine.cache.read(KEY)
        engine.source.gate = OPEN
        until(lambda: _served(engine) and _served(other), within=1)
    finally:
        gate.set()


def _served(engine: Engine) -> bool:
    try:
        return not engine.cache.read(KEY).stale
    except Unavailable:
        return False
