"""What a hostile reading of the protocol found: each of these went wrong once, or would not have been noticed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from fleetcache.cache.ledger import AHEAD, ELSEWHERE, LAGS, Check, Ledger, Regress
from fleetcache.cache.memory import Memory
from fleetcache.cache.reading import MEMORY, Reading
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError
from fleetcache.label import Label
from fleetcache.runtime import Runtime
from fleetcache.source import guards, raw, triggers, view
from fleetcache.source.checks import Checks
from tests.conftest import TestDatabase
from tests.freshness.test_litmus import COUNT, PILOT_SQL, count, locked, now, settled, strict, truth
from tests.live import until

Make = Callable[..., Runtime]
TODAY = date(2026, 11, 23)
TOPICS = frozenset({"leave"})


def label(version: int, *, epoch: str = "one", day: date = TODAY) -> Label:
    return Label(epoch, day, {"leave": version})


def told(ledger: Ledger, at: float, found: Label, evict: Callable[..., None] = lambda holds: None) -> set[str]:
    return ledger.answered(Check(at, found, 1000.0), evict)


class Held:
    """A layer whose load waits, with its answer in hand, for as long as the test likes."""

    def __init__(self, instance: Runtime) -> None:
        layers = instance.cache._layers
        self._pool = ThreadPoolExecutor(1)
        self.calls = 0
        self.answered = False
        self.go = False
        self._load = layers[-1].load
        object.__setattr__(layers[-1], "load", self.load)
        object.__setattr__(layers[0], "load", self._nothing)

    def load(self, names: Sequence[str]) -> Any:
        self.calls += 1
        found = self._load(names)
        self.answered = True
        until(lambda: self.go, what="the test lets go")
        return found

    def _nothing(self, names: Sequence[str]) -> Any:
        return {name: FleetcacheError("no view here") for name in names}


# Steps


def test_the_proof_is_put_off_after_the_eviction() -> None:
    """A reader who sees the new deadline must find what is old voided already."""
    ledger = Ledger(0.25)
    seen: list[float] = []
    told(ledger, 1.0, label(1))
    told(ledger, 2.0, label(2), lambda holds: seen.append(ledger.proof.until))
    assert seen == [1.25]
    assert ledger.proof.until == 2.25


def test_a_layer_that_lags_or_is_elsewhere_or_ahead_is_passed_over() -> None:
    """A replica behind, another server, a database that lost changes: none is current."""
    ledger = Ledger(0.25)
    told(ledger, 1.0, label(5))

    def refused(of: Label, current: Label, at: float = 0.9) -> str:
        return ledger.refuses_loaded(of, current, TOPICS, copied=True, sent_at=at, asked=ledger.known)

    assert refused(label(5), label(5)) == ""
    assert refused(label(6), label(6)) == "", "a change since the check"
    assert refused(label(4), label(4)) == LAGS
    assert refused(label(4), label(5)) == "changed"
    assert refused(label(7), label(6)) == AHEAD
    other = label(5, epoch="two")
    assert refused(other, other) == ELSEWHERE
    assert refused(other, other, at=1.1) == "", "nobody knows better: no check since has been answered"
    assert refused(label(5, day=TODAY - timedelta(1)), label(5)) == "day"


def test_fewer_changes_are_noticed_on_another_day_too() -> None:
    ledger = Ledger(0.25)
    told(ledger, 1.0, label(9))
    with pytest.raises(Regress):
        told(ledger, 2.0, label(1, day=TODAY + timedelta(1)))


def test_a_check_from_before_a_new_life_proves_nothing() -> None:
    """It was under way while the triggers came back, and tells of the life that was given up."""
    ledger = Ledger(0.25)
    told(ledger, 1.0, label(1))
    ledger.doubt("a trigger is off", 2.0)
    ledger.doubt(None, 3.0)
    assert told(ledger, 2.9, label(1)) == set()
    assert not ledger.proven(0.0, 3.1)
    assert ledger.proof.until < 3.1
    told(ledger, 3.1, label(1, epoch="two"))
    assert ledger.proven(3.0, 3.2)


def test_the_own_change_is_asked_for_whatever_the_day() -> None:
    ledger = Ledger(0.25)
    told(ledger, 1.0, label(1))
    assert ledger.reaches(label(1))
    assert not ledger.reaches(label(2))
    assert not ledger.reaches(label(2, day=TODAY + timedelta(1)))
    assert not ledger.reaches(label(0, epoch="two"))


def test_what_has_left_memory_is_void() -> None:
    """For want of room, or because it was deleted: a reader may hold it still."""
    memory = Memory(limit=1)
    memory.set("a", 1, 60)
    first = memory.entries["a"]
    memory.set("b", 2, 60)
    second = memory.entries["b"]
    memory.delete("b")
    assert first.hard < 0 > second.hard


# Loads


def test_nobody_who_comes_after_the_bound_is_given_a_load_from_before_a_change(
    make_runtime: Make, demo: TestDatabase
) -> None:
    """Neither by joining it nor by taking what it brings."""
    instance = make_runtime(demo)
    held = Held(instance)
    before = truth(demo)
    with ThreadPoolExecutor(4) as pool:
        early = pool.submit(instance.cache.read, COUNT)
        until(lambda: held.answered, what="a load with its numbers")
        demo.sql(PILOT_SQL)
        time.sleep(instance.cache.ledger.bound + 0.05)
        late = [pool.submit(instance.cache.read, COUNT) for _ in range(3)]
        time.sleep(0.2)
        held.go = True
        assert [count(one.result(10)) for one in late] == [before - 1] * 3
        assert count(early.result(10)) == before
    assert held.calls <= 3, "two at a time, and no more because many wait"
    assert strict(instance) == before - 1


def test_a_value_that_has_only_lived_too_long_is_not_called_old(make_runtime: Make, demo: TestDatabase) -> None:
    """The time to live proves nothing, neither that it is current nor that it is not."""
    instance = make_runtime(demo)
    before = settled(instance)
    held = Held(instance)
    instance.cache.flush()
    settled_entry = instance.cache.memory.entries[COUNT]
    instance.poller.prove(now(instance))
    settled_entry.hard = settled_entry.soft = now(instance) - 1
    settled_entry.true = float("inf")
    reading = instance.cache.read(COUNT)
    assert (reading.layer, count(reading)) == (MEMORY, before)
    held.go = True


def test_the_tables_answer_though_checks_fail(
    make_runtime: Make, demo: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They need no check: no connection was to be had for checks, the pool has its own."""
    instance = make_runtime(demo)
    before = settled(instance)

    def fail(self: Checks) -> Any:
        raise FleetcacheError("no slot is left")

    monkeypatch.setattr(Checks, "ask", fail)
    demo.sql(PILOT_SQL)
    time.sleep(instance.cache.ledger.bound)
    reading = instance.cache.read(COUNT)
    assert (reading.layer, count(reading)) == ("database", before - 1)


def test_emptying_a_table_waits_for_who_counts_it(make_runtime: Make, demo: TestDatabase) -> None:
    """TRUNCATE shows in snapshots of before, so a count under way would be one of no state there ever was."""
    instance = make_runtime(demo)
    entry = CATALOGUE["fleet:leave:approved"]
    with instance.database.snapshot() as connection, demo.owner() as other:
        raw.hold(connection, [entry])
        other.execute("SET lock_timeout = '100ms'")
        with pytest.raises(Exception, match="lock timeout"):
            other.execute("TRUNCATE leave_requests")
        assert raw.counted(connection, entry)[entry.name].value


# The database


def test_a_view_with_changes_that_were_lost_is_found_by_who_never_saw_them(
    make_runtime: Make, demo: TestDatabase
) -> None:
    """The counted changes are emptied between two lives of instances: the view, and Redis, say more than
    there is, and nobody is left who remembers."""
    one = make_runtime(demo)
    for _ in range(3):
        demo.sql(PILOT_SQL)
    view.refresh(one.database)
    one.cache.warm([COUNT])
    demo.sql("DELETE FROM changes", "UPDATE versions SET base = 0", PILOT_SQL)
    other = make_runtime(demo)
    assert strict(other) == truth(demo)
    assert view.state(other.database).ahead
    other.keeper.round()
    assert guards.differing(other.database, list(CATALOGUE)) == []
    assert not view.state(other.database).ahead


def test_the_day_ends_although_nothing_changes(demo: TestDatabase) -> None:
    """The quick check compares sums; it must not miss midnight."""
    checks = Checks(demo.url, seconds=5)
    _label, seconds = checks.ask()
    last = checks._last
    assert last is not None
    assert 0 < seconds <= 86_400
    object.__setattr__(last, "ends_at", last.at - 1)
    checks.ask()
    assert checks._last is not last, "asked in full"
    checks.close()


def test_while_changes_are_not_counted_redis_gets_nothing(make_runtime: Make, demo: TestDatabase) -> None:
    """Nor does memory: a label would say what it cannot know."""
    instance = make_runtime(demo)
    settled(instance)
    demo.sql("ALTER TABLE pilots DISABLE TRIGGER note_update")
    instance.keeper.guard()
    instance.cache.flush()
    assert count(instance.cache.read(COUNT)) == truth(demo)
    assert not instance.store.exists(COUNT)
    text = instance.health()[0].text
    assert "pilots" in text


def test_a_table_that_inherits_is_not_counted_and_found(make_runtime: Make, demo: TestDatabase) -> None:
    instance = make_runtime(demo)
    demo.sql("CREATE TABLE trainees () INHERITS (pilots)")
    assert triggers.faults(instance.database) == ["pilots"]


def test_another_life_shows_nothing_of_before(make_runtime: Make, demo: TestDatabase) -> None:
    """Not even marked as old."""
    instance = make_runtime(demo)
    settled(instance)
    demo.sql("SELECT renew_epoch()")
    instance.poller.prove(now(instance))
    assert COUNT not in instance.cache.memory.entries


def test_a_database_without_a_life_is_a_fault_with_words(make_runtime: Make, demo: TestDatabase) -> None:
    """No reader gets a programming error, health does not call it healthy, and migrate mends it."""
    instance = make_runtime(demo)
    settled(instance)
    demo.sql("DELETE FROM epoch")
    time.sleep(instance.cache.ledger.bound)
    assert instance.cache.read(COUNT).stale
    assert instance.poller.fault is not None
    instance.prepare()
    assert strict(instance) == truth(demo)


def test_checks_that_wait_for_a_lock_do_not_pile_up(make_runtime: Make, demo: TestDatabase) -> None:
    """Given up here they have to end in the server as well, or its connections are soon used up."""
    instance = make_runtime(demo)
    settled(instance)
    instance.poller.start()
    with locked(demo, "changes"):
        until(lambda: instance.poller.fault is not None, what="a check fails")
        time.sleep(2.0)
        waiting = demo.rows("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fleetcache check'")
        assert int(str(waiting[0][0])) <= 3
    until(lambda: instance.poller.fault is None, what="checks are answered")


def test_rights_of_the_apps_role_survive_a_migration_by_the_owner(make_runtime: Make, demo: TestDatabase) -> None:
    """Made again, views grant nothing; whoever runs migrate may not know the app's role."""
    from fleetcache.source import migrations

    demo.sql("DROP MATERIALIZED VIEW figures")
    migrations.migrate(demo.owner_url)
    instance = make_runtime(demo)
    answer = instance.cache.read(COUNT)
    assert isinstance(answer, Reading)
    assert count(answer) == truth(demo)
    assert view.refresh(instance.database)
