"""The administrator's buttons: each does what it says, says what it did, and leaves an audit row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fleetcache import embedded
from fleetcache import runtime as current
from fleetcache.cache.reading import DATABASE, MEMORY, NOBODY, REDIS, VIEW
from fleetcache.catalogue import CATALOGUE
from fleetcache.runtime import Runtime
from fleetcache.source import view
from fleetcache.ui import words
from tests.conftest import TestDatabase
from tests.pages.test_pages import cards, opened, said

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def instance(runtime: Runtime) -> Iterator[Runtime]:
    """Everything is held."""
    runtime.cache.warm(CATALOGUE)
    current.install(runtime)
    yield runtime
    current.install(None)


def button(page: AppTest, label: str) -> object:
    [found] = [each for each in page.button if each.label == label]
    return found


def press(page: AppTest, label: str) -> AppTest:
    found = button(page, label)
    assert not found.disabled, f"{label} is disabled"  # type: ignore[attr-defined]
    found.click()  # type: ignore[attr-defined]
    page.run()
    assert not page.exception
    return page


def held(instance: Runtime) -> set[str]:
    return {row.name for row in instance.store.held()}


def audited(database: TestDatabase) -> list[tuple[object, ...]]:
    return database.rows("SELECT action, subject, affected, outcome FROM audit_log WHERE action LIKE 'cache.%' ORDER BY id")


def test_invalidate_keys(instance: Runtime, demo: TestDatabase) -> None:
    """Exactly the chosen ones, and the number that there really were."""
    page = opened("cache")
    assert button(page, "Invalidate keys").disabled  # type: ignore[attr-defined]
    page.multiselect(key="invalidate-keys").set_value(["fleet:stats", "ref:settings"]).run()
    assert "Removes 2 values, " in said(page) and "counted up to" in said(page)
    press(page, "Invalidate keys")
    assert [each.value for each in page.success] == ["Removed 2 values."]
    assert held(instance) == set(CATALOGUE) - {"fleet:stats", "ref:settings"}
    assert audited(demo) == [("cache.invalidate", "fleet:stats ref:settings", 2, "done")]


@pytest.mark.parametrize("label", ["Invalidate keys", "Invalidate 3 values", "Flush all our values"])
def test_what_has_changed_since_it_was_shown_is_not_done(instance: Runtime, demo: TestDatabase, label: str) -> None:
    """The click decides on what was on the page, not on what has come there meanwhile; a second one goes
    through, for it is drawn anew."""
    instance.counters.timed(VIEW, "hit", 0.004)
    instance.beat()
    page = opened("cache")
    page.multiselect(key="invalidate-keys").set_value(["fleet:stats", "ref:settings"]).run()
    page.text_input(key="invalidate-pattern").input("fleet:leave:*").run()
    page.text_input(key="flush-word").input("flush").run()
    assert re.search(r"To load again: [34]\.\d\d ms from the view \(p50 of the last hour\)", said(page))
    shown = [each.value for each in page.dataframe if list(each.value) == ["Key", "Size", "Counted", "TTL left"]]
    assert [len(each) for each in shown] == [2, 3, len(CATALOGUE)]
    assert shown[0]["Size"].min() > 100 and set(shown[0]["Counted"].str[-3:]) <= {"ago", "now"}
    instance.store.delete("ref:settings", "fleet:leave:stats")  # somebody else was quicker
    press(page, label)
    assert page.error[0].value.startswith("Not done. What would be removed has changed since"), said(page)
    assert held(instance) == set(CATALOGUE) - {"ref:settings", "fleet:leave:stats"}
    assert audited(demo)[-1][-1] == "refused"
    if label.startswith("Flush"):
        page.text_input(key="flush-word").input("flush").run()
    press(page, label.replace("3", "2"))
    assert page.success and not page.error


def test_invalidate_pattern_shows_before_what_it_will_remove(instance: Runtime, demo: TestDatabase) -> None:
    """The preview's number is the number removed."""
    page = opened("cache")
    page.text_input(key="invalidate-pattern").input("fleet:leave:*").run()
    assert "Removes 3 values, " in said(page)
    press(page, "Invalidate 3 values")
    assert [each.value for each in page.success] == ["Removed 3 values."]
    assert held(instance) == {name for name in CATALOGUE if not name.startswith("fleet:leave:")}
    assert audited(demo) == [("cache.invalidate", "fleet:leave:*", 3, "done")]


def test_a_pattern_that_reaches_beyond_our_names_is_refused(instance: Runtime) -> None:
    """Nothing to press, and the reason."""
    page = opened("cache")
    for pattern in ("*", "session:*", "", "fleet", "[f]leet:*", "fleet:" + "?" * 300):
        page.text_input(key="invalidate-pattern").input(pattern).run()
        assert not page.exception
        # Of what is not known to match anything no number stands on the button either.
        assert button(page, "Invalidate").disabled, pattern  # type: ignore[attr-defined]
        if pattern:
            assert "does not start with fleet:" in said(page) or "too long" in said(page)
    assert held(instance) == set(CATALOGUE)


def test_refresh(instance: Runtime, demo: TestDatabase) -> None:
    """The view is really refreshed, and what the old one gave is dropped after it."""
    before = view.state(instance.database).refreshed_at
    active = instance.cache.read("dashboard:metrics").value.pilots.active
    demo.sql("UPDATE pilots SET active = false WHERE id = (SELECT min(id) FROM pilots WHERE active)")
    page = press(opened("cache"), "Refresh view")
    assert page.success[0].value.startswith("Refreshed the view in ")
    assert f"{len(CATALOGUE)} values dropped" in page.success[0].value
    after = view.state(instance.database).refreshed_at
    assert before is not None and after is not None and after > before
    assert instance.cache.read("dashboard:metrics").value.pilots.active == active - 1
    assert audited(demo) == [("cache.refresh", "view", None, "done")]


def test_warm(instance: Runtime, demo: TestDatabase) -> None:
    instance.store.flush()
    page = press(opened("cache"), "Warm")
    assert [each.value for each in page.success] == [f"Warmed {len(CATALOGUE)} keys."]
    assert held(instance) == set(CATALOGUE)
    assert audited(demo) == [("cache.warm", "all keys", len(CATALOGUE), "done")]


def test_flush_needs_the_word_and_removes_only_ours(instance: Runtime, demo: TestDatabase) -> None:
    """C5: typed confirmation; a foreign key and our own hit history survive; the count is the real one."""
    instance.engine.link.client.set("session:of-somebody", "theirs")
    instance.cache.read("dashboard:metrics")
    instance.beat()
    history = set(instance.engine.link.client.scan_iter(f"{instance.settings.prefix}:m:*"))
    page = opened("cache")
    for wrong in ("", "Flush ", "flus"):
        page.text_input(key="flush-word").input(wrong).run()
        assert button(page, "Flush all our values").disabled, wrong  # type: ignore[attr-defined]
    page.text_input(key="flush-word").input("flush").run()
    press(page, "Flush all our values")
    assert f"Flushed {len(CATALOGUE)} values" in page.success[0].value
    assert held(instance) == set()
    assert instance.engine.link.client.get("session:of-somebody") == b"theirs"
    assert history and history <= set(instance.engine.link.client.scan_iter(f"{instance.settings.prefix}:m:*"))
    assert audited(demo) == [("cache.flush", "all keys", len(CATALOGUE), "done")]
    instance.engine.link.client.delete("session:of-somebody")


def test_recent_actions_are_shown_with_who_what_and_how_many(instance: Runtime) -> None:
    page = press(opened("cache"), "Warm")
    [table] = [each.value for each in page.dataframe if "Outcome" in each.value]
    row = table.iloc[0]
    assert (row["Action"], row["On"], row["Outcome"]) == ("cache.warm", "all keys", "✓ done")
    assert "Removed" not in row, "warming removes nothing"
    assert row["Instance"] == instance.id


def test_a_failed_action_says_so_and_is_audited(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """Never “done” after failing."""
    instance = make_runtime(demo, redis_url="redis://127.0.0.1:1")
    current.install(instance)
    try:
        for label, action in (("Warm", "warm"), ("Flush all our values", "flush")):
            page = opened("cache")
            if action == "flush":
                page.text_input(key="flush-word").input("flush").run()
            press(page, label)
            assert page.error[0].value.startswith("Not done."), said(page)
            assert not page.success
            assert audited(demo)[-1] == (f"cache.{action}", "all keys", None, "failed")
    finally:
        current.install(None)


def test_where_the_audit_row_cannot_be_written_nothing_is_done(
    instance: Runtime, make_runtime: Callable[..., Runtime]
) -> None:
    """A4: without the database there is no audit, so no button works."""
    blind = make_runtime(TestDatabase(NOWHERE, NOWHERE))
    current.install(blind)
    page = opened("cache")
    page.multiselect(key="invalidate-keys").set_value(["fleet:stats"]).run()
    press(page, "Invalidate keys")
    assert page.error[0].value.startswith("Not done."), said(page)
    assert "fleet:stats" in held(instance)


def test_an_action_whose_audit_row_is_refused_is_not_done(instance: Runtime, demo: TestDatabase) -> None:
    """The database answers, but the row cannot be written: still nothing may be removed."""
    demo.sql("REVOKE INSERT ON audit_log FROM fleetcache_app")
    page = opened("cache")
    page.multiselect(key="invalidate-keys").set_value(["fleet:stats"]).run()
    press(page, "Invalidate keys")
    assert page.error[0].value.startswith("Not done."), said(page)
    assert "fleet:stats" in held(instance)


def test_two_instances_show_the_same_history(
    make_runtime: Callable[..., Runtime], demo: TestDatabase, servers: embedded.Servers
) -> None:
    """“Shows it works” 4: counts of both add up, on the page of either; warming and the page itself
    are not counted."""
    one, two = make_runtime(demo), make_runtime(demo)
    one.cache.warm(CATALOGUE)
    for instance, reads in ((one, 3), (two, 2)):
        for _ in range(reads):
            instance.cache.read("fleet:stats")
        instance.beat()
    pages = []
    for instance in (one, two):
        current.install(instance)
        page = opened("cache")
        pages.append([(each.label, each.value, each.delta) for each in page.metric[:2]])
        [table] = [each.value for each in page.dataframe if "Running for" in each.value]
        assert len(table) == 2
        assert sum("(this one)" in name for name in table["Instance"]) == 1
    current.install(None)
    assert pages[0] == pages[1]
    assert pages[0] == [
        ("Hit rate", "100.0 %", "memory 60.0 %"),
        ("Without a query", "100.0 %", "5 reads"),
    ]
    assert cards(page)["Hit rate"] == "100.0 %"


def table(page: AppTest, column: str) -> pd.DataFrame:
    """The one table with this column."""
    [found] = [each.value for each in page.dataframe if column in each.value]
    return found


def test_a_silent_and_a_cut_off_instance_stand_out(instance: Runtime) -> None:
    """P6: the one sick instance is found; what is not known of a silent one is not made up."""
    instance.beat()
    [own] = instance.instances.all(instance.clock.now())
    for changed in (
        msgspec.structs.replace(own, memory_trusted=True, memory_hit_rate=97.25, memory_entries=20),
        msgspec.structs.replace(own, id="silent-one", seen=own.seen - 14, memory_hit_rate=50.0),
        msgspec.structs.replace(own, id="cut-off", memory_trusted=False, breaker="open", breaker_opened=3),
    ):
        instance.instances.announce(changed)
    page = opened("cache")
    rows = table(page, "Running for").set_index("Instance")
    mine = rows.loc[f"{own.id}  (this one)"]
    assert (list(mine["State"]), mine["Memory hits"], mine["In memory"]) == (["✓ Running"], "97.2 %", 20)
    silent = rows.loc["silent-one"]
    assert list(silent["State"]) == ["✕ Silent"] and silent["Seen"] in ("14 s ago", "15 s ago")
    assert silent[["Memory hits", "In memory", "Breaker", "Redis", "Running for"]].isna().all()
    cut = rows.loc["cut-off"]
    assert list(cut["State"]) == ["✕ Breaker open", "▲ Cannot prove its numbers"]
    assert cut["Breaker"] == "open, opened 3 times"
    assert "1 of 3 instances is silent" in page.markdown[0].value
    assert "See whether silent-one is still running." in said(page)


def test_every_layer_is_listed_with_its_reads_its_times_and_why_it_missed(instance: Runtime) -> None:
    """Reads with an old value are told apart, no time is a zero, and every reason is in words."""
    reasons = {
        MEMORY: ["absent", "expired", "changed", "unproven"],
        REDIS: [
            "absent", "down", "timeout", "open", "loading", "readonly", "full", "auth", "moved", "garbled",
            "refused", "crowded", "unreadable", "foreign", "epoch", "day", "changed", "unproven",
            "not stored: full",
        ],
        VIEW: [
            "changed", "day", "epoch", "unproven", "lags", "elsewhere", "NotMigrated", "ViewUnusable",
            "SourceDown", "BadPayload",
        ],
        DATABASE: ["lags", "elsewhere", "NotMigrated", "SourceDown"],
    }  # fmt: skip
    counters = instance.counters
    for layer, missed in reasons.items():
        for reason in missed:
            counters.missed(layer, reason, "fleet:stats")
    for _ in range(3):
        counters.served(MEMORY, "fleet:stats")
    counters.served(MEMORY, "fleet:stats", stale=True)
    counters.served(NOBODY, "fleet:stats")
    counters.failed(REDIS, "fleet:stats")
    counters.timed(MEMORY, "hit", 2e-7)
    counters.timed(REDIS, "hit", 4.2e-4)
    instance.beat()
    page = opened("cache")
    times = table(page, "Hit p50").set_index("Layer")
    assert list(times.index) == ["Memory", "Redis", "Materialized view", "Raw queries"]
    assert list(times.loc["Memory"][["Reads", "Old", "Hit p50", "Miss p50"]]) == [4, 1, "1 µs", "–"]
    assert list(times.loc["Redis"][["Reads", "Failed", "Hit p50"]]) == [0, 1, "0.39 ms"]
    assert cards(page)["Hit rate"] == "80.0 %"
    told = table(page, "Why")
    assert len(told) == sum(map(len, reasons.values()))
    for reason in {reason for missed in reasons.values() for reason in missed}:
        assert words.miss(reason) in set(told["Why"])
        assert words.miss(reason) != reason
    assert "what was loaded could not be kept there: out of memory, takes no values" in set(told["Why"])
    chart = {trace["name"]: trace for trace in plotted(page, "Raw queries")["data"]}
    assert (total(chart["Memory"]), total(chart["Old, flagged"]), total(chart["No layer"])) == (3, 1, 1)


def plotted(page: AppTest, series: str) -> dict[str, Any]:
    """The one chart that draws this series."""
    figures = [json.loads(each.proto.spec) for each in page.get("plotly_chart")]
    [found] = [one for one in figures if series in [trace.get("name") for trace in one["data"]]]
    return dict(found)


def total(trace: dict[str, Any]) -> int:
    return sum(n for n in trace["y"] if n is not None)


def test_without_redis_what_this_instance_knows_of_itself_is_shown(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """The list of instances and the history lie in Redis; memory and breaker of this one do not."""
    # Nobody checks in the background here: what was proven before the page is to be so when its last table is drawn.
    cut = make_runtime(demo, redis_url="redis://127.0.0.1:1", bound_ms=60_000)
    cut.prepare(progress=lambda step: None)
    cut.cache.read("fleet:stats")
    current.install(cut)
    try:
        page = opened("cache")
        assert "breaker open, opened 1 time" in " ".join(each.value for each in page.info)
        keys = table(page, "Key").set_index("Key")
        assert keys.loc["fleet:stats", "Memory"] == "✓ current", "that takes no Redis"
        assert "Redis" not in keys, "unknown is not “not held”"
        assert keys["Reads"].isna().all()
        assert not [each for each in page.dataframe if "Hit p50" in each.value], "no reads is not known"
    finally:
        current.install(None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2e-7, "under 1 µs"), (1.09e-6, "1 µs"), (3.4e-5, "34 µs"), (0.00042, "0.42 ms"), (0.0123, "12 ms")],
)
def test_short_times_are_readable(seconds: float, text: str) -> None:
    assert words.milliseconds(seconds) == text
