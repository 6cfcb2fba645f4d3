"""Reads through the layers on real servers: order, parity, provenance, and what happens when one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from fleetcache import embedded
from fleetcache.cache.client import connect
from fleetcache.cache.counters import HitCounters
from fleetcache.cache.envelope import Envelope
from fleetcache.cache.filling import Layer
from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.link import Link
from fleetcache.cache.lock import lock
from fleetcache.cache.memory import Memory
from fleetcache.cache.names import Names
from fleetcache.cache.reading import DATABASE, REDIS, VIEW
from fleetcache.cache.store import RedisStore
from fleetcache.cache.tracking import Tracking
from fleetcache.cache.warming import Progress
from fleetcache.catalogue import CATALOGUE
from fleetcache.clock import Clock
from fleetcache.errors import Busy, StoreDown, Unavailable
from fleetcache.freshness import refresher
from fleetcache.panels import cache as panel
from fleetcache.runtime import Runtime
from fleetcache.source import raw, view
from tests.conftest import TestDatabase

ALL = list(CATALOGUE)


def layers(runtime: Runtime) -> dict[str, str]:
    """Which layer serves each key now."""
    return {key: getattr(answer, "layer", "unavailable") for key, answer in runtime.cache.read_many(ALL).items()}


def values(runtime: Runtime) -> dict[str, Any]:
    return {key: answer.value for key, answer in runtime.cache.read_many(ALL).items()}  # type: ignore[union-attr]


def test_every_key_goes_down_and_climbs_again(runtime: Runtime, demo: TestDatabase) -> None:
    """D2: redis -> view -> database for all twenty keys, with the same values on each."""
    runtime.store.flush()
    assert set(layers(runtime).values()) == {VIEW}
    assert set(layers(runtime).values()) == {REDIS}
    from_redis = values(runtime)
    runtime.store.flush()
    from_view = values(runtime)
    demo.sql("DROP MATERIALIZED VIEW figures")
    runtime.store.flush()
    assert values(runtime) == from_view == from_redis
    runtime.store.flush()
    names = set(layers(runtime).values())
    assert names <= {DATABASE, REDIS}  # single counts are loaded together: the first fills the others
    assert DATABASE in names
    reading = runtime.cache.read("dashboard:metrics")
    assert reading.layer == REDIS
    runtime.store.flush()
    reading = runtime.cache.read("dashboard:metrics")
    assert "view: The database lacks" in (reading.reason or "")
    runtime.prepare(progress=lambda step: None)
    runtime.store.flush()
    assert set(layers(runtime).values()) == {VIEW}


def test_every_key_is_written_with_its_ttl(runtime: Runtime) -> None:
    """C6, C7: nineteen documented keys of the old system were never written."""
    runtime.store.flush()
    runtime.cache.read_many(ALL)
    held = {row.name: row.ttl for row in runtime.store.held()}
    assert set(held) == set(ALL)
    for key, entry in CATALOGUE.items():
        day_left = float(runtime.cache.now() % 86400)  # whatever it is, the day's end may cut it
        assert entry.ttl * 0.9 - 5 <= held[key] <= entry.ttl or held[key] <= 86400 - day_left + 86400


def test_ttl_overrides_of_the_settings_apply(runtime: Runtime) -> None:
    runtime.cache.ttls = {"fleet:stats": 7.0}
    runtime.store.flush()
    runtime.cache.read("fleet:stats")
    assert runtime.store.ttl("fleet:stats") <= 7  # type: ignore[operator]


def doctor(runtime: Runtime, changes: dict[str, Any]) -> None:
    """Put a doctored envelope where the key lies."""
    key = "fleet:compliance:rate"
    runtime.store.flush()
    runtime.cache.read(key)
    held = runtime.store.get(key, Envelope)
    assert held is not None
    runtime.store.set(key, msgspec.structs.replace(held, **changes), 100)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": "other"}, "schema"),
        ({"key": "fleet:stats"}, "fleet:stats"),
        ({"epoch": "another.database"}, "another database"),
        ({"day_ends_at": 1.0}, "as of"),
        ({"payload": msgspec.Raw(b'{"active":1}')}, "does not parse"),
        ({"payload": msgspec.Raw(b'{"active":1,"compliant":1,"unproven":0,"nonCompliant":0,"x":0}')}, "parse"),
    ],
)
def test_a_value_that_may_not_be_served_is_a_miss_with_a_reason(
    runtime: Runtime, changes: dict[str, Any], reason: str
) -> None:
    """Another program's, another database's, another day's, half a payload: the next layer answers."""
    doctor(runtime, changes)
    reading = runtime.cache.read("fleet:compliance:rate")
    assert reading.layer == VIEW
    assert reason in (reading.reason or "")
    assert runtime.cache.read("fleet:compliance:rate").layer == REDIS, "the good value was kept in its place"


def test_a_view_row_that_does_not_parse_is_passed_over(runtime: Runtime, demo: TestDatabase) -> None:
    """The old system read columns that did not exist and showed zeros for seven months."""
    demo.sql(
        "DROP MATERIALIZED VIEW figures",
        "CREATE VIEW figures AS SELECT 'fleet:compliance:rate' AS key, '{\"active\": 5}'::jsonb AS payload,"
        f" '{runtime.store.names.schema}' AS schema, today() AS as_of_date, now() AS refreshed_at, NULL AS versions",
        "GRANT SELECT ON figures TO fleetcache_app",
    )
    runtime.store.flush()
    reading = runtime.cache.read("fleet:compliance:rate")
    assert reading.layer == DATABASE
    assert reading.value.active == 362
    assert "does not parse" in (reading.reason or "")
    assert runtime.cache.read("fleet:stats").layer == DATABASE, "a key without a row"


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ("today() - 1 AS as_of_date, now() AS refreshed_at", "another day"),
        ("today() AS as_of_date, now() - interval '2 hours' AS refreshed_at", "min old"),
    ],
)
def test_a_view_of_another_day_or_too_old_does_not_serve(
    runtime: Runtime, demo: TestDatabase, columns: str, reason: str
) -> None:
    """The old view was 26 days stale and counted by CURRENT_DATE in the wrong time zone."""
    demo.sql(
        "ALTER MATERIALIZED VIEW figures RENAME TO kept",
        f"CREATE VIEW figures AS SELECT key, payload, schema, {columns}, versions FROM kept",
        "GRANT SELECT ON figures TO fleetcache_app",
    )
    runtime.store.flush()
    reading = runtime.cache.read("dashboard:metrics")
    assert reading.layer == DATABASE
    assert reason in (reading.reason or "")


def test_no_layer_at_all_is_said_and_not_drawn_as_zero(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """D3, and the order of the reasons."""
    broken = TestDatabase(demo.url.replace("/test_", "/gone_"), demo.owner_url)
    runtime = make_runtime(broken, redis_url="unix:///nowhere/valkey.sock")
    with pytest.raises(Unavailable) as caught:
        runtime.cache.read("fleet:stats")
    message = str(caught.value)
    assert message.index("Redis") < message.index("view") < message.index("raw queries")
    assert isinstance(runtime.cache.read_many(["fleet:stats"])["fleet:stats"], Unavailable)


def test_redis_down_costs_nothing_but_the_cache(make_runtime: Callable[..., Runtime], demo: TestDatabase) -> None:
    """C13: the same numbers from the view."""
    up, down = make_runtime(demo), make_runtime(demo, redis_url="unix:///nowhere/valkey.sock")
    up.prepare(progress=lambda step: None)
    assert set(layers(down).values()) == {VIEW}
    assert values(down) == values(up)


def test_a_wrong_database_url_of_another_database_is_never_mixed(
    make_runtime: Callable[..., Runtime], demo: TestDatabase, database: TestDatabase
) -> None:
    """Two databases on one Redis with one prefix: each sees its own numbers only."""
    first, second = make_runtime(demo), make_runtime(database)
    for each in (first, second):
        each.prepare(progress=lambda step: None)
    for _ in range(2):
        assert first.cache.read("fleet:pilots:count").value.count == 362
        assert second.cache.read("fleet:pilots:count").value.count == 0


def test_provenance(runtime: Runtime) -> None:
    """D7: layer, age, day, expiry, and why no higher layer served."""
    runtime.store.flush()
    before = runtime.cache.now()
    loaded = runtime.cache.read("fleet:stats")
    kept = runtime.cache.read("fleet:stats")
    assert (loaded.layer, loaded.cache_hit, loaded.reason) == (
        VIEW, False, "memory: not held; Redis: not held",
    )  # fmt: skip
    assert (kept.layer, kept.cache_hit, kept.reason) == (REDIS, True, None)
    assert kept.computed_at == loaded.computed_at <= before
    assert kept.expires_at is not None
    assert kept.expires_at - before <= 301
    assert kept.day == loaded.day


def test_refresh_then_invalidate_shows_the_change(runtime: Runtime, demo: TestDatabase) -> None:
    """D4: after a change by plain SQL and a refresh, every layer has it; also the single counts."""
    before = runtime.cache.read("fleet:examiners:count").value.count
    demo.sql("UPDATE pilots SET examiner = true WHERE id = (SELECT min(id) FROM pilots"
             " WHERE rank = 'captain' AND active AND NOT examiner)")  # fmt: skip
    done = refresher.refresh(runtime.database, runtime.cache)
    assert done.dropped >= 1
    assert runtime.store.held() == []
    for _ in range(2):
        assert runtime.cache.read("fleet:examiners:count").value.count == before + 1
        assert runtime.cache.read("dashboard:metrics").value.pilots.examiners == before + 1


def test_an_instance_drops_what_another_could_not(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """A refreshed the view but cannot reach Redis: B must not serve the old numbers until their TTL."""
    good, cut_off = make_runtime(demo), make_runtime(demo, redis_url="unix:///nowhere/valkey.sock")
    good.prepare(progress=lambda step: None)
    refresher.refresh(good.database, good.cache)
    before = good.cache.read("fleet:retirement:forecast").value.buckets.overdue
    demo.sql("UPDATE settings SET value = '60' WHERE name = 'retirement_age'")
    refresher.refresh(cut_off.database, cut_off.cache)
    assert good.cache.read("fleet:retirement:forecast").value.buckets.overdue == before
    assert not refresher.keep_young(good.database, good.cache), "the view is young"
    assert len(good.store.held()) == len(CATALOGUE), "and warmed again at once"
    assert good.cache.read("fleet:retirement:forecast").value.buckets.overdue > before
    kept = good.cache.read("fleet:stats").expires_at
    refresher.keep_young(good.database, good.cache)
    assert good.cache.read("fleet:stats").expires_at == kept, "dropped once, not at every look"


def test_values_of_an_unknown_database_are_marked(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """The database was never reached: whose numbers Redis holds is not known, and said."""
    up = make_runtime(demo)
    up.prepare(progress=lambda step: None)
    assert not up.cache.read("fleet:stats").stale
    never = make_runtime(TestDatabase(demo.url.replace("/test_", "/gone_"), demo.owner_url))
    reading = never.cache.read("fleet:stats")
    assert reading.stale
    assert "not been reached" in (reading.reason or "")


def test_reads_that_nobody_could_serve_count_against_the_hit_rate(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """100 % while most reads fail would be a lie."""
    up = make_runtime(demo)
    up.prepare(progress=lambda step: None)
    up.store.flush()
    up.cache.read("fleet:stats", counted=False)
    never = make_runtime(TestDatabase(demo.url.replace("/test_", "/gone_"), demo.owner_url))
    never.cache.read_many(["fleet:stats", "fleet:leave:stats", "dashboard:metrics", "ref:settings"])
    never.counters.flush()
    minute = int(never.cache.now() // 60)
    window = panel.total(never.counters.minutes(minute - 1, minute))
    assert window.reads() == 4
    assert window.hit_rate == 25.0
    assert window.without_query_rate == 25.0


def test_keep_young_refreshes_only_what_is_due(runtime: Runtime, demo: TestDatabase) -> None:
    refresher.refresh(runtime.database, runtime.cache)
    assert not refresher.keep_young(runtime.database, runtime.cache)
    demo.sql("UPDATE settings SET value = '0.001' WHERE name = 'view_max_age_seconds'")
    assert refresher.keep_young(runtime.database, runtime.cache)
    assert len(runtime.store.held()) == len(CATALOGUE), "warm after the refresh"


def test_warming_loads_everything_dearest_first_on_one_instance(runtime: Runtime) -> None:
    """C10."""
    runtime.store.flush()
    steps: list[Progress] = []
    assert refresher.warm(runtime.cache, progress=steps.append) == []
    assert [step.key for step in steps] == ALL
    assert steps[-1].done == steps[-1].total == len(ALL)
    assert {row.name for row in runtime.store.held()} == set(ALL)
    with lock(runtime.engine.link, runtime.store.names, "warm", seconds=10), pytest.raises(Busy):
        refresher.warm(runtime.cache)


def test_a_lock_is_not_released_by_another(runtime: Runtime) -> None:
    client, names = runtime.engine.link.client, runtime.store.names
    with lock(runtime.engine.link, names, "x", seconds=10):
        client.set(names.lock("x"), "stolen")
    assert client.get(names.lock("x")) == b"stolen"


@pytest.fixture
def late(servers: embedded.Servers, runtime: Runtime, prefix: str) -> Iterator[LayeredCache]:
    """The same cache, tomorrow."""
    assert servers.redis_url is not None
    client = connect(servers.redis_url, connect_seconds=1, command_seconds=1)
    names = Names(prefix, runtime.store.names.schema)
    tomorrow = Clock(now=lambda: runtime.cache.now() + 86_400)
    store = RedisStore(Link(client), names)
    counters = HitCounters(Link(client), names, instance="late", clock=tomorrow)
    yield LayeredCache(
        store,
        (Layer(DATABASE, "raw queries", lambda keys: raw.load(runtime.database, keys)),),
        CATALOGUE,
        counters,
        schema=names.schema,
        memory=Memory(clock=tomorrow),
        guard=Tracking(store.link, names),
        clock=tomorrow,
    )
    client.close()


def test_no_number_of_today_is_served_tomorrow(runtime: Runtime, late: LayeredCache) -> None:
    """Midnight on the fleet's calendar: whatever Redis still holds is a miss."""
    runtime.cache.read("dashboard:metrics")
    reading = late.read("dashboard:metrics")
    assert reading.layer == DATABASE
    assert "as of" in (reading.reason or "")


def test_refreshes_at_once_coalesce(runtime: Runtime) -> None:
    """D4: eight at once are content with fewer refreshes, and each saw one that began after it asked."""
    import threading
    import time

    done: list[tuple[float, view.Refreshed]] = []

    def refresh() -> None:
        asked = time.time()
        done.append((asked, view.refresh(runtime.database)))

    threads = [threading.Thread(target=refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 8
    assert all(refreshed.at >= asked - 0.05 for asked, refreshed in done)
    assert len({refreshed.at for _, refreshed in done}) < 8


def test_refresh_while_redis_is_down_still_refreshes(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    runtime = make_runtime(demo, redis_url="unix:///nowhere/valkey.sock")
    assert refresher.refresh(runtime.database, runtime.cache).dropped == 0
    with pytest.raises(StoreDown):
        refresher.warm(runtime.cache)
