"""A pilot whose name nobody has entered is one like the others: what counts them lists them."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from fleetcache.access.roles import Person
from fleetcache.changes import leave, pilots
from fleetcache.demo.scenes import Scenes
from fleetcache.errors import Invalid
from fleetcache.runtime import Runtime
from fleetcache.source import people, statements
from fleetcache.source.database import Database
from tests.conftest import TestDatabase

NAMELESS = "Name not on file"
LISTS = [path.stem for path in (statements._SQL / "people").glob("*.sql") if "{people/names}" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("past", [False, True], ids=["today", "as of yesterday"])
def test_every_list_has_as_many_rows_without_the_names(source: Database, demo: TestDatabase, past: bool) -> None:
    today = demo.rows("SELECT today()")[0][0]
    assert isinstance(today, date) and len(LISTS) > 12
    day = today - timedelta(days=1) if past else None
    needed: dict[str, dict[str, Any]] = {
        "retiring": {"months": 60},
        "leave_days": {"first": today, "last": today + timedelta(days=30)},
    }

    def read(name: str) -> list[dict[str, Any]]:
        return people.rows(source, name, role="viewer", as_of=day, most=100_000, **needed.get(name, {}))

    before = {name: len(read(name)) for name in LISTS}
    assert sum(n > 0 for n in before.values()) > 9
    demo.sql("DELETE FROM pilot_identity WHERE pilot_id % 2 = 0")
    after = {name: read(name) for name in LISTS}
    assert {name: len(rows) for name, rows in after.items()} == before
    for name, rows in after.items():
        nameless = [row for row in rows if row["name"] == NAMELESS]
        assert all(row["employee_number"].startswith("pilot ") for row in nameless)
        assert nameless or len(rows) < 5, name
    assert not people.rows(source, "pilots", role=""), "who is not signed in reads nothing, with names or without"


def test_leave_without_a_name_is_decided_like_any_other(source: Database, demo: TestDatabase) -> None:
    """The request opens, and those that come before it are all there."""
    number = int(str(demo.rows("SELECT request_id FROM leave_facts WHERE pending ORDER BY last_day DESC, seniority DESC LIMIT 1")[0][0]))
    before = leave.preview(source, number, role="manager")
    demo.sql("DELETE FROM pilot_identity")
    after = leave.preview(source, number, role="manager")
    assert after.request["name"] == NAMELESS and after.request["employee_number"] == f"pilot {after.request['pilot_id']}"
    assert len(after.before) == len(before.before)


def test_a_change_asks_for_the_name_and_the_played_demo_goes_on(runtime: Runtime, demo: TestDatabase) -> None:
    """Field by field, in words."""
    demo.sql("DELETE FROM pilot_identity")
    number = int(str(demo.rows("SELECT min(id) FROM pilots WHERE active")[0][0]))
    version = pilots.look(runtime.database, number, role="manager")["version"]
    with pytest.raises(Invalid) as refused:
        pilots.update(runtime.door(Person("ana", "manager", "page")), number, version, base="LAE")
    assert refused.value.faults == dict.fromkeys(("employee_number", "given_name", "family_name"), "is missing")
    scenes = Scenes(runtime, Random(7))
    assert scenes._ask().startswith(f"{NAMELESS} (")
    scenes.undo()
