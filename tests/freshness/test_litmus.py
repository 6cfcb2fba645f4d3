"""Each known way to an old number, alone, on a real PostgreSQL and a real Valkey.

Instances that are not started have no background work: they check the database when they read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from fleetcache.cache.ledger import Check
from fleetcache.cache.memory import Entry
from fleetcache.cache.proof import Proof
from fleetcache.cache.reading import MEMORY, REDIS, VIEW, Reading
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import Unavailable
from fleetcache.freshness import keeper as keepers
from fleetcache.runtime import Runtime
from fleetcache.source import guards, triggers, view
from tests.conftest import TestDatabase
from tests.live import until

Make = Callable[..., Runtime]
COUNT = "fleet:pilots:count"
LEAVE_SQL = "UPDATE leave_requests SET status = 'WITHDRAWN' WHERE id = (SELECT min(id) FROM leave_requests WHERE status = 'APPROVED')"
PILOT_SQL = (
    "UPDATE pilots SET active = false, examiner = false, training_captain = false"
    " WHERE id = (SELECT max(id) FROM pilots WHERE active)"
)


def one_pilot(number: int) -> str:
    return f"UPDATE pilots SET active = false, examiner = false, training_captain = false WHERE id = {number}"


def now(instance: Runtime) -> float:
    return instance.clock.monotonic()


def count(reading: Reading) -> int:
    """The number in a reading that must not be flagged."""
    assert not reading.stale, reading.reason
    return int(reading.value.count)


def strict(instance: Runtime) -> int:
    """What a strict read says that is not flagged, as it may be on a machine that is busy with others."""
    return count(until(lambda: proven(instance.cache.read_strict(COUNT)), what="proven"))


def proven(reading: Reading) -> Reading:
    assert not reading.stale, reading.reason
    return reading


def truth(database: TestDatabase) -> int:
    (row,) = database.rows("SELECT count(*) FROM pilots WHERE active")
    return int(str(row[0]))


def settled(instance: Runtime) -> int:
    """Wait until a key is proven in memory; what it says."""
    until(lambda: instance.cache.read_strict(COUNT).layer == MEMORY, what="held in memory")
    return strict(instance)


@contextmanager
def locked(database: TestDatabase, table: str) -> Iterator[psycopg.Connection]:
    """Nobody can read the table; whoever tries has had its snapshot."""
    with database.owner() as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield connection
        connection.rollback()


def waiting(database: TestDatabase) -> bool:
    return bool(database.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))


# Loads


def test_a_load_that_began_before_a_change_serves_nobody_who_came_after(
    make_runtime: Make, demo: TestDatabase
) -> None:
    """Neither does memory take it, nor does who asks now wait for it."""
    instance = make_runtime(demo)
    demo.sql(PILOT_SQL)  # the view is behind, and the tables have to be counted
    before = truth(demo)
    with ThreadPoolExecutor(2) as pool, locked(demo, "pilots") as lock:
        early: Future[Reading] = pool.submit(instance.cache.read, COUNT)
        until(lambda: waiting(demo), what="the load waits with its snapshot")
        lock.execute(PILOT_SQL.encode())
        lock.commit()
        late: Future[Reading] = pool.submit(instance.cache.read_strict, COUNT)
        assert count(late.result(10)) == before - 1
        assert count(early.result(10)) in (before, before - 1), "it began before the change"
    assert strict(instance) == count(instance.cache.read(COUNT)) == before - 1


def test_an_old_value_put_back_into_redis_is_not_served(make_runtime: Make, demo: TestDatabase) -> None:
    """A stale set, whoever makes it: a slow loader, a restored Redis, a person."""
    one, other = make_runtime(demo), make_runtime(demo)
    before = settled(one)
    key = one.store.names.value(COUNT)
    old = one.store.link.client.get(key)
    assert old is not None
    demo.sql(PILOT_SQL)
    assert strict(one) == before - 1
    one.store.link.client.set(key, old, px=60_000)
    reading = other.cache.read(COUNT)
    assert count(reading) == before - 1
    assert "Redis: it has changed since" in (reading.reason or "")


def test_a_value_of_redis_is_served_once_it_is_proven(make_runtime: Make, demo: TestDatabase) -> None:
    """Redis is still what spares the other instances the load."""
    one, other = make_runtime(demo), make_runtime(demo)
    before = settled(one)
    reading = other.cache.read(COUNT)
    assert (reading.layer, count(reading)) == (REDIS, before)
    assert reading.version == one.cache.read(COUNT).version


def test_strict_reads_have_every_change(make_runtime: Make, demo: TestDatabase) -> None:
    """Not one of a hundred is a change behind, with the proof of a moment ago at hand."""
    instance = make_runtime(demo)
    instance.start()
    expected = settled(instance)
    with demo.owner() as writer:
        writer.autocommit = True
        for _ in range(100):
            writer.execute(PILOT_SQL.encode())
            expected -= 1
            assert strict(instance) == expected


def test_who_wrote_reads_the_own_change(make_runtime: Make, demo: TestDatabase) -> None:
    """The label after the change asks for no less, on any instance; one it reaches already costs nothing."""
    one, other = make_runtime(demo), make_runtime(demo)
    before = settled(one)
    settled(other)
    demo.sql(PILOT_SQL)
    strict(one)
    after = one.cache.ledger.known
    assert after is not None
    answer = other.cache.read_many([COUNT], after=after)[COUNT]
    assert isinstance(answer, Reading)
    assert count(answer) == before - 1
    sent_at = other.cache.ledger.sent_at
    other.cache.read_many([COUNT], after=after)
    assert other.cache.ledger.sent_at == sent_at


def test_only_what_depends_on_a_change_is_loaded_anew(make_runtime: Make, demo: TestDatabase) -> None:
    """Leave says nothing of retirement, of reference data or of headcount."""
    instance = make_runtime(demo)
    instance.cache.warm(CATALOGUE)
    for name in CATALOGUE:
        instance.cache.read_strict(name)
    demo.sql(LEAVE_SQL)
    kept = {name for name in CATALOGUE if instance.cache.read_strict(name).layer == MEMORY}
    assert kept == {name for name, entry in CATALOGUE.items() if "leave" not in entry.topics}


# The memory


class TrickyProof(Proof):
    """Another thread has its turn while somebody looks at the deadline: it evicts, then puts it off."""

    __slots__ = ("_evict",)

    def __init__(self, evict: Callable[[], object]) -> None:
        self._evict = evict

    def __getattribute__(self, name: str) -> object:
        if name == "until":
            object.__getattribute__(self, "_evict")()
            return float("inf")
        return object.__getattribute__(self, name)


def test_the_proof_is_looked_at_before_the_value(make_runtime: Make, demo: TestDatabase) -> None:
    """Otherwise an old value is served by the deadline that was put off because it was evicted."""
    instance = make_runtime(demo)
    before = settled(instance)
    demo.sql(PILOT_SQL)
    entry = instance.cache.memory.entries[COUNT]
    entry.proof = TrickyProof(lambda: instance.poller.prove(now(instance)))
    assert count(instance.cache.read(COUNT)) == before - 1


def test_a_replaced_value_is_void(make_runtime: Make, demo: TestDatabase) -> None:
    """A reader may have got hold of it just before."""
    instance = make_runtime(demo)
    settled(instance)
    entry: Entry = instance.cache.memory.entries[COUNT]
    assert entry.soft > now(instance)
    instance.cache.warm([COUNT])
    assert instance.cache.memory.entries[COUNT] is not entry
    assert entry.soft < now(instance)


def test_a_check_is_dated_when_it_was_sent(make_runtime: Make, demo: TestDatabase) -> None:
    """What was committed while the answer was under way is not in it."""
    instance = make_runtime(demo)
    settled(instance)
    began = now(instance)
    assert instance.poller.prove(began)
    ended = now(instance)
    assert began <= instance.cache.ledger.sent_at < ended
    # And an answer that comes after a later one says nothing any more.
    later, known = instance.cache.ledger.sent_at, instance.cache.ledger.known
    assert known is not None
    assert instance.cache.told(Check(later - 1, known, 60.0)) == set()
    assert instance.cache.ledger.sent_at == later


# The database


def test_versions_move_when_a_change_becomes_visible(make_runtime: Make, demo: TestDatabase) -> None:
    """Not when it is made: the earlier of two may commit last, and none may pass for the other."""
    instance = make_runtime(demo)
    before = settled(instance)
    with demo.owner() as first, demo.owner() as second:
        first.execute(one_pilot(20).encode())
        second.execute(one_pilot(21).encode())
        assert strict(instance) == before
        second.commit()
        assert strict(instance) == before - 1
        first.commit()
        assert strict(instance) == before - 2


def test_folding_changes_nothing(make_runtime: Make, demo: TestDatabase) -> None:
    """Neither the versions that anybody sees, nor what a writer under way adds to them."""
    instance = make_runtime(demo)
    before = settled(instance)
    with demo.owner() as writer, demo.owner() as reader:
        reader.execute(b"BEGIN ISOLATION LEVEL REPEATABLE READ")
        seen = reader.execute(b"SELECT * FROM current_versions ORDER BY topic").fetchall()
        writer.execute(one_pilot(20).encode())
        demo.sql(PILOT_SQL, "SELECT fold_changes()", PILOT_SQL, "SELECT fold_changes()")
        assert reader.execute(b"SELECT * FROM current_versions ORDER BY topic").fetchall() == seen
        assert strict(instance) == before - 2
        writer.rollback()
    known = instance.cache.ledger.known
    demo.sql("SELECT fold_changes()")
    assert strict(instance) == before - 2
    assert instance.cache.ledger.known == known


def test_the_view_is_labelled_with_what_it_counted(make_runtime: Make, demo: TestDatabase) -> None:
    """A change that commits while the view is refreshed is not in it, and the label says so."""
    instance = make_runtime(demo)
    before = settled(instance)
    with demo.owner() as writer:
        writer.execute(PILOT_SQL.encode())
        demo.sql("SELECT refresh_figures()")
        writer.commit()
    answer = view.load(instance.database, [COUNT])[COUNT]
    assert not isinstance(answer, Exception)
    assert answer.label.lacks(answer.current, answer.label.versions) == "changed"
    assert strict(instance) == before - 1
    assert view.renew(instance.database, view.state(instance.database)) is not None
    assert view.renew(instance.database, view.state(instance.database)) is None, "nothing has moved since"
    other = make_runtime(demo)
    other.cache.flush()
    assert (other.cache.read(COUNT).layer, strict(other)) == (VIEW, before - 1)


def test_one_refreshes_and_the_others_do_not_wait(make_runtime: Make, demo: TestDatabase) -> None:
    instance = make_runtime(demo)
    demo.sql(PILOT_SQL)
    with ThreadPoolExecutor(1) as pool:
        with locked(demo, "daily_metrics"):
            leader = pool.submit(view.refresh, instance.database)
            until(lambda: waiting(demo), what="somebody refreshes")
            began = time.monotonic()
            assert view.renew(instance.database, view.state(instance.database)) is None
            assert time.monotonic() - began < 5
        leader.result(10)


def test_truncate_is_a_change(make_runtime: Make, demo: TestDatabase) -> None:
    instance = make_runtime(demo)
    pending = instance.cache.read_strict("fleet:leave:stats").version
    demo.sql("TRUNCATE leave_requests")
    assert instance.cache.read_strict("fleet:leave:stats").version != pending


# Midnight


def test_no_number_survives_midnight_unproven(make_runtime: Make, demo: TestDatabase) -> None:
    """The fleet's calendar turns over under a running instance: the proof ends with the day, to the moment."""
    demo.sql("DELETE FROM demo")  # or the airline would be seeded anew for the new day, beside the readers
    instance = make_runtime(demo)
    instance.start()
    moment = datetime.now(UTC) + timedelta(seconds=3)
    zone = timedelta(hours=24) - timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second)
    if zone > timedelta(hours=12):
        zone -= timedelta(hours=24)
    sign = "-" if zone > timedelta(0) else "+"  # POSIX counts west of Greenwich
    demo.sql(f"UPDATE settings SET value = '\"X{sign}{abs(zone)}\"' WHERE name = 'fleet_time_zone'")
    yesterday = instance.cache.read_strict(COUNT).day
    midnight = moment.replace(microsecond=0).timestamp()
    seen = {yesterday}
    # On a starved machine a single read may take longer than the second that matters.
    while (at := time.time()) < midnight + 1 or (len(seen) < 2 and at < midnight + 60):
        reading = instance.cache.read(COUNT)
        seen.add(reading.day)
        assert reading.stale or at < midnight or reading.day == yesterday + timedelta(days=1)
    assert seen == {yesterday, yesterday + timedelta(days=1)}, reading


# Counting that cannot be relied on


def test_changes_that_are_not_counted_are_found_and_nothing_cached_is_served(
    make_runtime: Make, demo: TestDatabase
) -> None:
    """With a trigger off everything comes from the tables; when it is on again all that was is void."""
    instance = make_runtime(demo)
    before = settled(instance)
    demo.sql("ALTER TABLE pilots DISABLE TRIGGER note_update")
    assert triggers.faults(instance.database) == ["pilots"]
    instance.keeper.guard()
    demo.sql(PILOT_SQL)
    reading = instance.cache.read(COUNT)
    assert (reading.layer, count(reading)) == ("database", before - 1)
    demo.sql(PILOT_SQL)
    assert count(instance.cache.read(COUNT)) == before - 2, "and again"
    health, _ = instance.health()
    assert health.overall == "degraded"
    assert "not all counted" in health.text
    demo.sql("ALTER TABLE pilots ENABLE TRIGGER note_update")
    assert triggers.faults(instance.database) == ["pilots"], "not ALWAYS: replication would pass it by"
    demo.sql("ALTER TABLE pilots ENABLE ALWAYS TRIGGER note_update")
    instance.keeper.guard()
    assert count(instance.cache.read(COUNT)) == before - 2
    assert settled(make_runtime(demo)) == before - 2, "Redis and the view have nothing of before"


def test_a_change_that_nobody_counted_raises_the_alarm(make_runtime: Make, demo: TestDatabase) -> None:
    """The triggers were off for a moment between two looks."""
    instance = make_runtime(demo)
    before = settled(instance)
    demo.sql(
        "ALTER TABLE pilots DISABLE TRIGGER note_update",
        PILOT_SQL,
        "ALTER TABLE pilots ENABLE ALWAYS TRIGGER note_update",
    )
    instance.keeper.guard()
    assert strict(instance) == before, "this is what is not promised"
    instance.keeper.recount(COUNT)
    assert instance.keeper.alarm is not None
    assert instance.keeper.alarm.keys == (COUNT,)
    assert any(COUNT in warning for warning in instance.health()[0].warnings), "an administrator sees it"
    assert strict(instance) == before - 1
    assert guards.differing(instance.database, list(CATALOGUE)) == []


def test_a_recount_is_silent_when_all_is_well(make_runtime: Make, demo: TestDatabase) -> None:
    """Also while the view is behind: then it says so itself."""
    instance = make_runtime(demo)
    assert guards.differing(instance.database, list(CATALOGUE)) == []
    demo.sql(PILOT_SQL)
    instance.keeper.recount(*CATALOGUE)
    assert instance.keeper.alarm is None


def test_fewer_changes_than_before_void_everything(make_runtime: Make, demo: TestDatabase) -> None:
    """Somebody emptied the table of changes: numbers of versions that come again may be others."""
    instance = make_runtime(demo)
    demo.sql(PILOT_SQL)
    before = settled(instance)
    epoch = instance.cache.ledger.known
    demo.sql("DELETE FROM changes")
    instance.poller.prove(now(instance))
    assert strict(instance) == before
    after = instance.cache.ledger.known
    assert epoch is not None
    assert after is not None
    assert epoch.epoch != after.epoch


# When the database cannot be asked


def test_what_cannot_be_proven_is_flagged_or_refused(make_runtime: Make, demo: TestDatabase) -> None:
    """At once, and with the reason; a policy refuses it instead."""
    instance = make_runtime(demo)
    before = settled(instance)
    cut(demo, "ALTER DATABASE {} ALLOW_CONNECTIONS false")
    until(lambda: instance.cache.read(COUNT).stale, what="flagged")
    began = time.monotonic()
    reading = instance.cache.read(COUNT)
    assert time.monotonic() - began < 0.5
    assert reading.value.count == before
    assert reading.reason is not None
    instance.cache._answering._refuse = True
    with pytest.raises(Unavailable, match="cannot be proven current"):
        instance.cache.read(COUNT)


def cut(database: TestDatabase, *before: str) -> None:
    """End every connection to the database."""
    name = database.url.split("/")[3].split("?")[0]
    admin = database.owner_url.replace("fleetcache_owner", "postgres").replace(f"/{name}?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        for statement in before:
            connection.execute(statement.format(name).encode())
        connection.execute(
            b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


def test_a_cut_connection_is_not_an_outage(make_runtime: Make, demo: TestDatabase) -> None:
    """The next check finds it closed, connects anew and is answered: nobody is told of an old number."""
    instance = make_runtime(demo)
    before = settled(instance)
    cut(demo)
    assert strict(instance) == before


# Who does not read


def test_an_idle_instance_asks_little(make_runtime: Make, demo: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the quiet time the pace falls; the first reader then has its own check made and is not made
    to wait for the slow pace."""
    from fleetcache.freshness import poller

    monkeypatch.setattr(poller, "QUIET_SECONDS", 0.3)
    instance = make_runtime(demo)
    before = settled(instance)
    instance.poller.start()
    until(lambda: instance.poller.idle, what="idle")
    time.sleep(0.5)
    sent_at = instance.cache.ledger.sent_at
    time.sleep(1.0)
    assert instance.cache.ledger.sent_at == sent_at, "not one check in a second"
    demo.sql(PILOT_SQL)
    assert count(instance.cache.read(COUNT)) == before - 1


def test_readers_share_a_check(make_runtime: Make, demo: TestDatabase) -> None:
    """Who waits for its turn finds the answer of one that was sent after it came."""
    instance = make_runtime(demo)
    settled(instance)
    told: list[Check] = []
    answered = instance.cache.told

    def heard(check: Check) -> set[str]:
        told.append(check)
        return answered(check)

    instance.cache.told = heard  # type: ignore[method-assign]
    start = threading.Barrier(16)

    def one() -> int:
        start.wait(10)
        return strict(instance)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: one(), range(16)))
    assert len(told) < 16


def test_the_view_follows_by_itself(make_runtime: Make, demo: TestDatabase) -> None:
    """A change from outside is in the view soon after, without anybody reading."""
    instance = make_runtime(demo)
    instance.prepare()
    instance.start()
    demo.sql(PILOT_SQL)
    until(lambda: view.state(instance.database).fault is None, within=keepers.MOST_SECONDS + 5)
