"""Reads through the layers on real servers: order, parity, provenance, and what happens when one fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import psycopg
import pytest

from fleetcache.cache.envelope import Envelope
from fleetcache.cache.layered import BOUND_SECONDS
from fleetcache.cache.lock import lock
from fleetcache.cache.reading import DATABASE, MEMORY, REDIS, VIEW
from fleetcache.cache.warming import Progress
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import Busy, StoreDown, Unavailable
from fleetcache.freshness import refresher
from fleetcache.freshness.keeper import MOST_SECONDS
from fleetcache.panels import cache as panel
from fleetcache.runtime import Runtime
from fleetcache.source import view
from tests.conftest import TestDatabase
from tests.live import until

ALL = list(CATALOGUE)


def empty(runtime: Runtime) -> None:
    """Neither Redis nor the memory of this instance hold anything."""
    runtime.store.flush()
    runtime.engine.memory.clear()


def layers(runtime: Runtime) -> dict[str, str]:
    """Which layer serves each key now."""
    return {key: getattr(answer, "layer", "unavailable") for key, answer in runtime.cache.read_many(ALL).items()}


def values(runtime: Runtime) -> dict[str, Any]:
    return {key: answer.value for key, answer in runtime.cache.read_many(ALL).items()}  # type: ignore[union-attr]


def test_every_key_goes_down_and_climbs_again(runtime: Runtime, demo: TestDatabase) -> None:
    """D2: memory -> redis -> view -> database for all twenty keys, with the same values on each."""
    memory = runtime.engine.memory
    empty(runtime)
    assert set(layers(runtime).values()) == {VIEW}
    assert set(layers(runtime).values()) == {MEMORY}
    from_memory = values(runtime)
    memory.clear()
    assert set(layers(runtime).values()) == {REDIS}
    memory.clear()
    from_redis = values(runtime)
    empty(runtime)
    from_view = values(runtime)
    demo.sql("DROP MATERIALIZED VIEW figures")
    empty(runtime)
    assert values(runtime) == from_view == from_redis == from_memory
    empty(runtime)
    names = set(layers(runtime).values())
    assert names <= {DATABASE, REDIS}  # single counts are loaded together: the first fills the others
    assert DATABASE in names
    memory.clear()
    reading = runtime.cache.read("dashboard:metrics")
    assert reading.layer == REDIS
    empty(runtime)
    reading = runtime.cache.read("dashboard:metrics")
    assert "view: The database lacks" in (reading.reason or "")
    runtime.prepare(progress=lambda step: None)
    empty(runtime)
    assert set(layers(runtime).values()) == {VIEW}


def test_what_memory_has_is_at_hand_and_what_it_must_ask_for_is_not(runtime: Runtime) -> None:
    """On it hangs whether somebody is told to wait."""
    runtime.cache.read_many(ALL)
    until(lambda: (runtime.cache.read_many(ALL), runtime.cache.at_hand(ALL))[1])
    runtime.engine.memory.void(["fleet:stats"])
    assert not runtime.cache.at_hand(["ref:settings", "fleet:stats"])


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
    """Put a doctored envelope where the key lies; what is in its label is named by ``label.…``."""
    key = "fleet:compliance:rate"
    empty(runtime)
    runtime.cache.read(key)
    held = runtime.store.get(key, Envelope)
    assert held is not None and held.label is not None
    of_label = {name.removeprefix("label."): value for name, value in changes.items() if "." in name}
    if of_label:
        changes = {"label": msgspec.structs.replace(held.label, **of_label)}
    runtime.store.set(key, msgspec.structs.replace(held, **changes), 100)
    runtime.engine.memory.clear()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": "other"}, "schema"),
        ({"key": "fleet:stats"}, "fleet:stats"),
        ({"label.epoch": "another.database"}, "another life of the database"),
        ({"label.day": date(2020, 1, 1)}, "another day"),
        ({"label.versions": {"pilots": 0, "certifications": 0, "settings": 0, "reference": 0}}, "changed since"),
        ({"label": None}, "not known to be current"),
        ({"payload": msgspec.Raw(b'{"active":1}')}, "does not parse"),
        ({"payload": msgspec.Raw(b'{"active":1,"compliant":1,"unproven":0,"nonCompliant":0,"x":0}')}, "parse"),
    ],
)
def test_a_value_that_may_not_be_served_is_a_miss_with_a_reason(
    runtime: Runtime, changes: dict[str, Any], reason: str
) -> None:
    """Another program's, another database's, another day's, from before a change, half a payload: the next
    layer answers."""
    doctor(runtime, changes)
    reading = runtime.cache.read("fleet:compliance:rate")
    assert reading.layer == VIEW
    assert reason in (reading.reason or "")
    runtime.engine.memory.clear()
    assert runtime.cache.read("fleet:compliance:rate").layer == REDIS, "the good value was kept in its place"


def test_a_view_row_that_does_not_parse_is_passed_over(runtime: Runtime, demo: TestDatabase) -> None:
    """The old system read columns that did not exist and showed zeros for seven months."""
    demo.sql(
        "DROP MATERIALIZED VIEW figures",
        "CREATE VIEW figures AS SELECT 'fleet:compliance:rate' AS key, '{\"active\": 5}'::jsonb AS payload,"
        f" '{runtime.store.names.schema}' AS schema, today() AS as_of_date, now() AS refreshed_at, '' AS versions,"
        " to_regclass('fleetcache.changes')::oid || '.' || (SELECT life FROM epoch) AS life",
        "GRANT SELECT ON figures TO fleetcache_app",
    )
    runtime.store.flush()
    reading = runtime.cache.read("fleet:compliance:rate")
    assert reading.layer == DATABASE
    assert reading.value.active == 362
    assert "does not parse" in (reading.reason or "")
    assert runtime.cache.read("fleet:stats").layer == DATABASE, "a key without a row"


VIEW_COLUMNS = {
    "as_of_date": "as_of_date", "refreshed_at": "refreshed_at", "versions": "versions", "life": "life",
}  # fmt: skip


def replace_view(demo: TestDatabase, **columns: str) -> None:
    """Let the view say something else of its rows."""
    said = ", ".join(f"{sql} AS {name}" for name, sql in {**VIEW_COLUMNS, **columns}.items())
    demo.sql(
        "ALTER MATERIALIZED VIEW figures RENAME TO kept",
        f"CREATE VIEW figures AS SELECT key, payload, schema, {said} FROM kept",
        "GRANT SELECT ON figures TO fleetcache_app",
    )


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"as_of_date": "today() - 1"}, "another day"),
        ({"versions": r"regexp_replace(versions, '\d+', '0', 'g')"}, "changed since"),
        ({"life": "gen_random_uuid()::text"}, "another life of the database"),
    ],
    ids=["another day", "before a change", "another life"],
)
def test_a_view_of_another_state_of_the_database_does_not_serve(
    runtime: Runtime, demo: TestDatabase, columns: dict[str, str], reason: str
) -> None:
    """The old view was 26 days stale and counted by CURRENT_DATE in the wrong time zone."""
    replace_view(demo, **columns)
    empty(runtime)
    reading = runtime.cache.read("dashboard:metrics")
    assert (reading.layer, reading.stale) == (DATABASE, False)
    assert reason in (reading.reason or "")


def test_how_long_ago_the_view_was_refreshed_says_nothing(runtime: Runtime, demo: TestDatabase) -> None:
    """While nothing changes its numbers are current, and it says when they were counted."""
    replace_view(demo, refreshed_at="now() - interval '2 hours'")
    empty(runtime)
    reading = runtime.cache.read("dashboard:metrics")
    assert (reading.layer, reading.stale) == (VIEW, False)
    assert 7200 <= reading.age(runtime.cache.now()) < 7300


def test_a_change_by_plain_sql_is_seen_by_all_without_a_word(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """Nobody invalidates and nobody refreshes: what memory, Redis and the view hold is served no more, of
    the keys that hang on it, and what was not touched is."""
    one, other = make_runtime(demo), make_runtime(demo)
    one.prepare(progress=lambda step: None)
    for each in (one, other, one):
        each.cache.read_many(ALL)
    assert set(layers(one).values()) == set(layers(other).values()) == {MEMORY}
    before = one.cache.read("fleet:retirement:forecast")
    demo.sql("UPDATE settings SET value = '60' WHERE name = 'retirement_age'")
    time.sleep(BOUND_SECONDS)
    for each in (one, other):
        after = each.cache.read("fleet:retirement:forecast")
        assert not after.stale
        assert after.version != before.version
        assert after.value.buckets.overdue > before.value.buckets.overdue
    assert one.cache.read("fleet:pilots:count").layer == MEMORY
    changed = {key for key, layer in layers(other).items() if layer != MEMORY}
    assert changed == {key for key in ALL if "settings" in CATALOGUE[key].topics} - {"fleet:retirement:forecast"}


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
    empty(runtime)
    before = runtime.cache.now()
    loaded = runtime.cache.read("fleet:stats")
    remembered = runtime.cache.read("fleet:stats")
    runtime.engine.memory.clear()
    kept = runtime.cache.read("fleet:stats")
    assert (loaded.layer, loaded.cache_hit, loaded.reason) == (
        VIEW, False, "memory: not held; Redis: not held",
    )  # fmt: skip
    assert (remembered.layer, remembered.cache_hit, remembered.reason) == (MEMORY, True, None)
    assert (kept.layer, kept.cache_hit, kept.reason) == (REDIS, True, None)
    assert kept.computed_at == remembered.computed_at == loaded.computed_at <= before
    assert kept.version == remembered.version == loaded.version is not None
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
    """A changes something and cannot reach Redis: B must not serve the old numbers until their TTL, be it
    from memory or Redis, before the refresh of the view or after it."""
    good, cut_off = make_runtime(demo), make_runtime(demo, redis_url="unix:///nowhere/valkey.sock")
    good.prepare(progress=lambda step: None)
    refresher.refresh(good.database, good.cache)
    before = good.cache.read("fleet:retirement:forecast").value.buckets.overdue
    demo.sql("UPDATE settings SET value = '60' WHERE name = 'retirement_age'")
    refresher.refresh(cut_off.database, cut_off.cache)
    time.sleep(BOUND_SECONDS)
    reading = good.cache.read("fleet:retirement:forecast")
    assert reading.value.buckets.overdue > before
    assert (reading.stale, reading.layer) == (False, VIEW)
    good.cache.read("fleet:stats")
    kept = good.cache.read("fleet:stats").expires_at
    time.sleep(BOUND_SECONDS)
    assert good.cache.read("fleet:stats").expires_at == kept, "loaded once, not at every look"


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
    assert "not known to be current" in (reading.reason or "")


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


def test_the_keeper_refreshes_only_what_is_due(runtime: Runtime, demo: TestDatabase) -> None:
    """A view that has every change is left alone, however old; one that lacks a change is refreshed, and
    not again and again while changes go on."""
    keeper = runtime.keeper
    assert keeper.round() is None
    before = runtime.cache.read("fleet:examiners:count").value.count
    change = (
        "UPDATE pilots SET examiner = true WHERE id = (SELECT min(id) FROM pilots"
        " WHERE rank = 'captain' AND active AND NOT examiner)"
    )
    demo.sql(change)
    state = view.state(runtime.database)
    assert (state.fault, state.fresh) == (view.BEHIND, True)
    assert state.behind is not None
    assert keeper.round() is not None
    assert view.state(runtime.database).fault is None
    time.sleep(BOUND_SECONDS)
    reading = runtime.cache.read("fleet:examiners:count")
    assert (reading.layer, reading.value.count) == (VIEW, before + 1)
    assert 0 < keeper.due <= MOST_SECONDS
    demo.sql(change)
    assert keeper.round() is None, "too early"
    time.sleep(keeper.due)
    assert keeper.round() is not None


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


def test_no_number_of_today_is_served_tomorrow(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """Midnight on the fleet's calendar: whatever Redis and the view still hold is a miss."""
    runtime = make_runtime(demo)
    runtime.prepare(progress=lambda step: None)
    todays = runtime.cache.read("dashboard:metrics")
    [(name, tomorrow)] = demo.rows("SELECT current_database()::text, today() + 1")
    with psycopg.connect(demo.owner_url.replace("fleetcache_owner", "postgres"), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET fleetcache.today = '{tomorrow}'".encode())
    late = make_runtime(demo)
    reading = late.cache.read("dashboard:metrics")
    assert (reading.layer, reading.stale, reading.day) == (DATABASE, False, tomorrow)
    assert (reading.reason or "").count("another day") == 2
    assert reading.version != todays.version
    assert todays.day < reading.day


def test_refreshes_at_once_coalesce(runtime: Runtime) -> None:
    """D4: eight at once are content with fewer refreshes, and each saw one that began after it asked."""
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
