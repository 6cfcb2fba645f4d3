"""Health, the verdict and the administrator's actions on real servers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import psycopg
import pytest

from fleetcache.access.roles import Person
from fleetcache.cache.ledger import Check
from fleetcache.cache.lock import lock
from fleetcache.cache.reading import VIEW
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import (
    BadPattern,
    Busy,
    Conflict,
    FleetcacheError,
    Forbidden,
    SourceDown,
    StoreDown,
    UnknownKey,
    Unrecorded,
)
from fleetcache.ops.health import DEGRADED, DOWN, HEALTHY
from fleetcache.runtime import Runtime
from fleetcache.source import audit
from tests.conftest import TestDatabase
from tests.live import Redis, until
from tests.pages.test_pages import shut

NOWHERE = "unix:///nowhere/valkey.sock"
SOMEBODY = Person("somebody", "admin", "tests")


def last(runtime: Runtime) -> audit.Action:
    return audit.found(runtime.database, most=1)[0]


def gone(database: TestDatabase) -> TestDatabase:
    return TestDatabase(database.url.replace("/test_", "/gone_"), database.owner_url)


def test_healthy(runtime: Runtime) -> None:
    """C8, D6."""
    runtime.cache.read_many(CATALOGUE)
    runtime.beat()
    health, since = runtime.health()
    assert (health.overall, health.text) == (HEALTHY, "All cache layers healthy")
    assert health.redis.keys == {"dashboard": 1, "fleet": 16, "ref": 3}
    assert health.redis.memory is not None
    assert health.redis.memory > 0
    assert health.redis.latency is not None
    assert (health.redis.version or "").startswith("Valkey 9")
    assert health.view.as_of_date is not None
    assert [one.id for one in health.instances] == [runtime.id]
    assert since.at <= health.at
    document = health.document()
    assert document["redis"]["keyCount"] == 20
    assert document["materializedView"]["healthy"] is True


def test_redis_down(make_runtime: Callable[..., Runtime], demo: TestDatabase) -> None:
    runtime = make_runtime(demo, redis_url=NOWHERE)
    runtime.prepare(progress=lambda step: None)
    health, _ = runtime.health()
    assert (health.overall, health.redis.connected, health.view.healthy) == (DEGRADED, False, True)
    assert "serving from the view" in health.text
    assert health.document()["redis"]["keyCount"] is None, "unavailable is not zero"


def test_redis_that_takes_no_values_is_not_healthy(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """Out of memory or a read-only copy: reads work, so only a write tells."""
    full = Redis()
    try:
        runtime = make_runtime(demo, redis_url=full.url)
        runtime.prepare(progress=lambda step: None)
        assert runtime.health()[0].overall == HEALTHY
        full.client.config_set("maxmemory", 1)
        health, _ = runtime.health()
        assert (health.overall, health.redis.connected, health.redis.healthy) == (DEGRADED, True, False)
        assert "refuses new values" in health.text
    finally:
        full.close()


def test_view_gone(runtime: Runtime, demo: TestDatabase) -> None:
    demo.sql("DROP MATERIALIZED VIEW figures")
    health, _ = runtime.health()
    assert (health.overall, health.view.healthy, health.database_fault) == (DEGRADED, False, None)
    assert "serving from raw queries" in health.text
    assert "migrate" in health.recommendation


def test_database_down_with_values_held_and_without(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    up, down = make_runtime(demo), make_runtime(gone(demo))
    up.prepare(progress=lambda step: None)
    up.console(SOMEBODY).refresh()
    up.cache.read_many(CATALOGUE)
    health, _ = down.health()
    assert health.overall == DEGRADED
    assert "20 last values" in health.text
    oldest = min(reading.computed_at for reading in up.cache.read_many(CATALOGUE).values())  # type: ignore[union-attr]
    assert f"{health.at - oldest:.0f} s ago" in health.text
    assert down.cache.read("fleet:stats").layer == "redis"
    up.store.flush()
    health, _ = down.health()
    assert health.overall == DOWN
    both = make_runtime(gone(demo), redis_url=NOWHERE)
    assert both.health()[0].overall == DOWN


def test_database_down_with_values_in_this_process_only(runtime: Runtime, demo: TestDatabase) -> None:
    """What memory last knew counts: Redis holds nothing, and still there are figures to show, marked old."""
    names = ["fleet:stats", "fleet:leave:stats"]
    runtime.console(SOMEBODY).refresh()
    counted = min(runtime.cache.read(name).computed_at for name in names)
    runtime.store.flush()
    shut(demo)
    until(lambda: runtime.cache.read("fleet:stats").stale, within=1, what="what was proven a moment ago")
    assert runtime.cache.read("fleet:stats").layer == "memory"
    health, _ = runtime.health()
    assert health.overall == DEGRADED
    assert f"2 last values are still held, counted up to {health.at - counted:.0f} s ago" in health.text
    for entry in runtime.cache.memory.entries.values():
        entry.value = msgspec.structs.replace(entry.value, computed_at=counted - 20 * 60)
    assert "counted up to 20 min ago" in runtime.health()[0].text


def test_a_value_of_another_database_is_not_one_that_is_held(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """It lies in Redis, and nobody would be served with it."""
    up, down = make_runtime(demo), make_runtime(gone(demo))
    up.prepare(progress=lambda step: None)
    up.cache.read_many(CATALOGUE)
    known = up.cache.ledger.known
    assert known is not None
    down.cache.told(Check(up.clock.monotonic(), msgspec.structs.replace(known, epoch="another"), 60.0))
    assert down.health()[0].overall == DOWN


def test_a_sick_instance_is_named_and_the_state_stays_that_of_the_layers(runtime: Runtime) -> None:
    """Spec section 9 knows no state for it; the words say it."""
    runtime.beat()
    [own] = runtime.instances.all(runtime.clock.now())
    silent = msgspec.structs.replace(own, id="silent-one", seen=own.seen - 11)
    cut = msgspec.structs.replace(own, id="cut-off", breaker="open", breaker_opened=3, memory_hit_rate=12.34)
    runtime.instances.announce(silent)
    health, _ = runtime.health()
    assert (health.overall, health.text) == (HEALTHY, "All cache layers healthy; 1 of 2 instances is silent")
    assert health.recommendation == "See whether silent-one is still running."
    runtime.instances.announce(cut)
    health, _ = runtime.health()
    assert health.overall == HEALTHY
    assert "1 of 3 instances is silent; 1 of 3 instances is not asking Redis" in health.text
    assert "See whether cut-off is able to reach Redis." in health.recommendation
    of = {one["id"]: one for one in health.document()["instances"]}
    assert (of["silent-one"]["silent"], of["cut-off"]["silent"]) == (True, False)
    assert {key: of["cut-off"][key] for key in ("breaker", "breakerOpened", "memoryHitRate")} == {
        "breaker": "open", "breakerOpened": 3, "memoryHitRate": 12.3,
    }  # fmt: skip


def test_the_verdict_remembers_since_when(runtime: Runtime, demo: TestDatabase) -> None:
    first = runtime.health()[1]
    assert runtime.health()[1] == first
    demo.sql("DROP MATERIALIZED VIEW figures")
    assert runtime.health()[1].at > first.at


def test_invalidation_is_previewed_exact_and_audited(runtime: Runtime) -> None:
    runtime.cache.read_many(CATALOGUE)
    console = runtime.console(SOMEBODY)
    assert {value.name for value in console.preview(["ref:settings"], "fleet:leave:*").values} == {
        "ref:settings",
        "fleet:leave:stats",
        "fleet:leave:pending",
        "fleet:leave:approved",
    }
    assert console.invalidate(["ref:settings", "dashboard:metrics:v3"], "fleet:leave:*") == 5
    action = last(runtime)
    assert (action.actor, action.action, action.affected, action.outcome) == ("somebody", "cache.invalidate", 5, "done")
    assert console.invalidate([]) == 0


def test_a_preview_says_what_it_costs(runtime: Runtime) -> None:
    """Bytes, age, seconds left and the time to load again; what nobody measured is not known."""
    runtime.cache.warm(CATALOGUE)
    found = runtime.console(SOMEBODY).preview(pattern="fleet:leave:*")
    assert (len(found.values), found.from_view, found.from_tables) == (3, None, None)
    for value in found.values:
        assert value.age is not None and 0 <= value.age < 3600
        assert 60 < value.ttl <= 120 and value.memory > 100
    assert found.memory == sum(value.memory for value in found.values)
    runtime.counters.timed(VIEW, "hit", 0.004)
    runtime.beat()
    loading = runtime.console(SOMEBODY).preview(["fleet:stats"]).from_view
    assert loading is not None and 0.003 < loading < 0.005
    foreign = f"{runtime.settings.prefix}:c:s0:{{fleet:old}}"
    runtime.engine.link.client.set(foreign, "of before", ex=60)
    [old] = runtime.console(SOMEBODY).preview(pattern="fleet:old").values
    assert (old.current, old.age) == (False, None), "what another version wrote cannot be read"


def test_what_has_changed_since_it_was_shown_is_not_done(runtime: Runtime) -> None:
    """Nothing is removed on a decision about something else; the stamp of now goes through."""
    console = runtime.console(SOMEBODY)
    runtime.cache.warm(CATALOGUE)
    of_keys = console.preview(["ref:settings"], "fleet:leave:*").stamp
    of_all = console.preview_flush().stamp
    assert console.preview(["ref:settings"], "fleet:leave:*").stamp == of_keys, "ages are no change"
    runtime.store.delete("fleet:leave:stats")
    with pytest.raises(Conflict, match="3 values"):
        console.invalidate(["ref:settings"], "fleet:leave:*", expect=of_keys)
    assert (last(runtime).action, last(runtime).outcome) == ("cache.invalidate", "refused")
    before = runtime.health()[0].view.refreshed_at
    with pytest.raises(Conflict):
        console.flush(expect=of_all)
    assert runtime.health()[0].view.refreshed_at == before
    assert len(runtime.store.held()) == len(CATALOGUE) - 1
    assert console.invalidate(["ref:settings"], "fleet:leave:*", expect=console.preview(["ref:settings"], "fleet:leave:*").stamp) == 3
    assert console.flush(expect=console.preview_flush().stamp) == len(CATALOGUE) - 4


def test_who_may_not_is_refused_and_audited(runtime: Runtime) -> None:
    """A2, A4: in the service itself, not only by hiding a button."""
    runtime.cache.read("fleet:stats")
    manager = runtime.console(Person("a manager", "manager", "tests"))
    for forbidden in (manager.flush, manager.warm, manager.invalidate):
        with pytest.raises(Forbidden):
            forbidden()
        assert (last(runtime).actor, last(runtime).outcome) == ("a manager", "refused")
    with pytest.raises(Forbidden):
        manager.preview(pattern="fleet:*")
    assert runtime.store.exists("fleet:stats")
    assert manager.refresh().seconds > 0


@pytest.mark.parametrize("pattern", ["*", "", "f*", "fleet", "sessions:*", "?leet:*", "fleet:*\n", "fleet:" + "x" * 300])
def test_a_pattern_that_could_reach_further_is_refused_and_audited(runtime: Runtime, pattern: str) -> None:
    runtime.cache.read("fleet:stats")
    with pytest.raises(BadPattern):
        runtime.console(SOMEBODY).invalidate(pattern=pattern)
    assert last(runtime).outcome == "refused"
    assert runtime.store.exists("fleet:stats")


def test_an_unknown_key_removes_nothing(runtime: Runtime) -> None:
    runtime.cache.read("fleet:stats")
    with pytest.raises(UnknownKey):
        runtime.console(SOMEBODY).invalidate(["fleet:stats", "fleet:nonsense"])
    assert runtime.store.exists("fleet:stats")


def test_flush_refreshes_first_and_spares_foreign_keys(runtime: Runtime) -> None:
    """C5; the old flush was FLUSHDB and wiped other people's sessions."""
    runtime.cache.read_many(CATALOGUE)
    foreign = f"{runtime.settings.prefix}-session"
    runtime.engine.link.client.set(foreign, "theirs", ex=60)
    before = runtime.health()[0].view.refreshed_at
    assert runtime.console(SOMEBODY).flush() == len(CATALOGUE)
    assert runtime.store.held() == []
    assert runtime.engine.link.client.get(foreign) == b"theirs"
    after = runtime.health()[0].view.refreshed_at
    assert after is not None
    assert before is not None
    assert after > before


def test_flush_whose_refresh_fails_removes_nothing(runtime: Runtime, demo: TestDatabase) -> None:
    """“Flushed” was reported after failing."""
    runtime.cache.read_many(CATALOGUE)
    demo.sql("DROP MATERIALIZED VIEW figures")
    with pytest.raises(FleetcacheError):
        runtime.console(SOMEBODY).flush()
    assert len(runtime.store.held()) == len(CATALOGUE)
    assert last(runtime).outcome == "failed"


def test_flush_without_redis_is_an_error(make_runtime: Callable[..., Runtime], demo: TestDatabase) -> None:
    runtime = make_runtime(demo, redis_url=NOWHERE)
    with pytest.raises(StoreDown):
        runtime.console(SOMEBODY).flush()
    assert last(runtime).outcome == "failed"


def test_where_the_audit_cannot_be_written_nothing_is_done(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """A4."""
    up, down = make_runtime(demo), make_runtime(gone(demo))
    up.prepare(progress=lambda step: None)
    up.cache.read("fleet:stats")
    with pytest.raises(SourceDown):
        down.console(SOMEBODY).invalidate(pattern="fleet:*")
    assert up.store.exists("fleet:stats")


def test_an_interrupted_action_leaves_its_row(runtime: Runtime) -> None:
    """A click during Warm, Ctrl-C in the command: neither is a FleetcacheError."""

    def interrupt(_step: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runtime.console(SOMEBODY).warm(progress=interrupt)
    action = last(runtime)
    assert (action.action, action.outcome) == ("cache.warm", "failed")
    assert "interrupted" in (action.error or "")


def test_what_was_done_but_not_recorded_is_not_called_undone(
    runtime: Runtime, demo: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost between the deed and its row."""
    runtime.cache.read("fleet:stats")
    real = runtime.store.delete
    admin = demo.owner_url.replace("fleetcache_owner", "postgres")

    def cut(*names: str) -> int:
        removed = real(*names)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = 'fleetcache_app'"
            )
        return removed

    monkeypatch.setattr(runtime.store, "delete", cut)
    with pytest.raises(Unrecorded):
        runtime.console(SOMEBODY).invalidate(["fleet:stats"])
    assert not runtime.store.exists("fleet:stats")
    assert last(runtime).outcome == "done"


def test_warming_twice_at_once_is_refused(runtime: Runtime) -> None:
    with lock(runtime.engine.link, runtime.store.names, "warm", seconds=10), pytest.raises(Busy):
        runtime.console(SOMEBODY).warm()
    assert last(runtime).outcome == "refused"
    assert runtime.console(SOMEBODY).warm().loaded == len(CATALOGUE)


def test_instances_announce_themselves_and_go_silent(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    one, two = make_runtime(demo), make_runtime(demo)
    for each in (one, two):
        each.beat()
    seen = one.instances.all(one.clock.now())
    assert {each.id for each in seen} == {one.id, two.id}
    assert not any(each.silent(one.clock.now()) for each in seen)
    assert all(each.silent(one.clock.now() + 11) for each in seen)
    assert one.instances.all(one.clock.now() + 700) == []
    two.close()
    one.beat()
    assert [each.id for each in one.instances.all(one.clock.now())] == [one.id]
