"""Settings: looked at first, made only if what was shown still holds."""

from __future__ import annotations

from typing import Any

import pytest

from fleetcache.access.roles import Person
from fleetcache.changes import settings
from fleetcache.changes.door import Door
from fleetcache.errors import Conflict, Forbidden, Invalid, NotFound
from fleetcache.runtime import Runtime
from tests.conftest import TestDatabase

NEEDS = {
    "hulls": 6,
    "captains_per_hull": 9,
    "first_officers_per_hull": 10,
    "minimum_captains": 60,
    "minimum_first_officers": 45,
}


@pytest.fixture
def door(runtime: Runtime) -> Door:
    return runtime.door(Person("a", "admin", "test"))


def test_a_preview_says_what_moves_and_changes_nothing(demo: TestDatabase, runtime: Runtime, door: Door) -> None:
    """The figures after are those that are counted once it is done."""
    before = demo.rows("SELECT xmin::text, value FROM settings WHERE name = 'retirement_age'")
    seen = settings.preview(door, settings.setting("retirement_age", 60))
    assert demo.rows("SELECT xmin::text, value FROM settings WHERE name = 'retirement_age'") == before
    after = {one.figure: one.after for one in seen.moved}
    assert after["retirement.overdue"] and "pilots.active" not in after
    made = settings.put(door, seen)
    counted = runtime.cache.read_many(["dashboard:metrics"], after=made.label)["dashboard:metrics"]
    document = counted.value.document()  # type: ignore[union-attr]
    for figure, value in after.items():
        section, _, name = figure.partition(".")
        if section in document:
            assert document[section][name] == value, figure
    said = demo.rows("SELECT subject, affected, detail::text FROM audit_log WHERE action = 'settings.change'")
    assert said == [("setting retirement_age", 1, '{"after": {"value": 60}, "before": {"value": 65}}')]


def test_what_a_fleet_needs(demo: TestDatabase, door: Door) -> None:
    """A minimum above the crew shows as days below it."""
    seen = settings.preview(door, settings.fleet("A330-200", NEEDS))
    assert "availability.daysBelow" in {one.figure for one in seen.moved}
    settings.put(door, seen)
    assert demo.rows("SELECT minimum_captains FROM fleets WHERE code = 'A330-200'") == [(60,)]


def test_a_change_since_the_preview_refuses_the_doing(demo: TestDatabase, door: Door) -> None:
    seen = settings.preview(door, settings.setting("retirement_age", 60))
    demo.sql("UPDATE pilots SET active = false WHERE id = (SELECT min(id) FROM pilots WHERE active)")
    with pytest.raises(Conflict, match="changed since the preview"):
        settings.put(door, seen)
    assert demo.rows("SELECT value FROM settings WHERE name = 'retirement_age'") == [(65,)]
    again = settings.preview(door, seen.edit)
    settings.put(door, again)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("retirement_age", 0, "greater than or equal to 1"),
        ("retirement_age", "65", "whole number"),
        ("retirement_age", 65.5, "whole number"),
        ("fleet_time_zone", "Mars/Olympus", "not a time zone"),
        ("fleet_time_zone", "../../etc/passwd", "not a time zone"),
        ("roster_anchor", "11/10/2025", "not a day"),
        ("roster_anchor", "0001-01-01", "1900"),
        ("reminder_thresholds", [30, 7], "must rise"),
        ("reminder_thresholds", [], "at least 1"),
        ("ttl_overrides", {"fleet:nonsense": 60}, "not the name of a cached value"),
        ("ttl_overrides", {"fleet:stats": -1}, "greater than 0"),
        ("roster_days", 0, "greater than or equal to 1"),
    ],
)
def test_bad_values_are_named(name: str, value: Any, fault: str) -> None:
    """A bad row here would stop every count."""
    with pytest.raises(Invalid) as caught:
        settings.setting(name, value)
    assert fault in caught.value.faults[name]


def test_every_setting_on_file_has_a_rule_and_fits_it(demo: TestDatabase) -> None:
    found = dict(demo.rows("SELECT name, value FROM settings"))
    assert found.keys() == settings.RULES.keys()
    for name, value in found.items():
        assert settings.setting(str(name), value).values["value"] == value


def test_only_administrators_and_only_what_is_there(demo: TestDatabase, runtime: Runtime, door: Door) -> None:
    manager = runtime.door(Person("m", "manager", "test"))
    edit = settings.setting("retirement_age", 60)
    with pytest.raises(Forbidden):
        settings.preview(manager, edit)
    with pytest.raises(Forbidden):
        settings.put(manager, settings.preview(door, edit))
    with pytest.raises(NotFound):
        settings.setting("colour", "blue")
    with pytest.raises(NotFound):
        settings.preview(door, settings.fleet("B747", NEEDS))
    with pytest.raises(Invalid):
        settings.fleet("A330-200", {**NEEDS, "hulls": -1})
    assert demo.rows("SELECT actor, outcome FROM audit_log WHERE action = 'settings.change'") == [("m", "refused")]
