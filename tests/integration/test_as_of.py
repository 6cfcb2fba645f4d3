"""Every list of pilots and checks can be asked as of a day: who was what and held what, from the records as
they are known today. The oracle counts in plain Python from plain rows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from fleetcache.access.roles import Person
from fleetcache.changes import certifications, pilots
from fleetcache.runtime import Runtime
from fleetcache.source import people
from fleetcache.source.database import Database
from tests.conftest import TestDatabase
from tests.recount import DAY, Recount, Row, birthday

CREW: dict[str, Any] = {"fleet": None, "rank": None}
LISTS: dict[str, dict[str, Any]] = {
    "pilots": {**CREW, "base": None},
    "certifications": {**CREW, "category": None, "state": None, "search": None},
    "matrix": CREW,
    "non_compliant": CREW,
    "renewals": CREW,
    "retiring": {**CREW, "months": 60},
    "successors": {"fleet": None},
}


class Then(Recount):
    """The recount of a past day: the tables as they stood, rebuilt row by row."""

    def _read(self, table: str) -> list[Row]:
        rows = super()._read(table)
        if table == "pilots":
            kept = sorted(super()._read("pilot_history"), key=lambda row: (row["until"], row["id"]))
            return [then for row in rows if (then := self._pilot(row, [one for one in kept if one["pilot_id"] == row["id"]]))]
        if table == "certifications":
            last: dict[Any, Row] = {}
            for row in sorted(rows, key=lambda row: (row["completed_on"], row["id"])):
                if row["completed_on"] <= self.today and row["void_reason"] is None:
                    last[row["pilot_id"], row["check_type"]] = {**row, "superseded_by": None}
            return list(last.values())
        return rows

    def _pilot(self, now: Row, kept: list[Row]) -> Row | None:
        states = [*(one for one in kept if one["until"] > self.today), now]
        then = {**states[0], "id": now["id"], "date_of_birth": now["date_of_birth"]}
        if now["commenced_on"] > self.today:
            return None
        # Whoever was marked as gone for longer than the day it was entered on was gone, since the day that was said last.
        gone, began = [], date.min
        for one in (*kept, {**now, "until": date.max}):
            if not one["active"] and one["until"] > max(began, self.today):
                gone.append(one["left_on"] or began)
            began = one["until"]
        return {**then, "commenced_on": now["commenced_on"], "active": not any(day <= self.today for day in gone)}


def listed(source: Database, name: str, day: date | None, **filters: Any) -> list[Row]:
    return people.rows(source, name, role="viewer", as_of=day, most=100_000, **{**LISTS[name], **filters})


def today(demo: TestDatabase) -> date:
    found = demo.rows("SELECT today()")[0][0]
    assert isinstance(found, date)
    return found


def ago(demo: TestDatabase, days: int, *statements: str) -> None:
    """Do what moves pilots, as if it had been done some days ago."""
    last = demo.rows("SELECT coalesce(max(id), 0) FROM pilot_history")[0][0]
    demo.sql(*statements, f"UPDATE pilot_history SET until = until - {days} WHERE id > {last}")


@pytest.fixture
def moving(demo: TestDatabase) -> TestDatabase:
    """An airline in which people moved: promoted, re-fleeted, gone, found to have gone earlier, back again."""
    ago(demo, 400, "UPDATE pilots SET rank = 'captain' WHERE rank = 'first_officer' AND licence = 'ATPL' AND id % 7 = 0")
    ago(demo, 300, "UPDATE pilots SET fleet = 'A330-200' WHERE id % 5 = 0", "UPDATE pilots SET base = 'LAE' WHERE id % 10 = 0")
    ago(demo, 200, "UPDATE pilots SET active = false, left_on = today() - 220 WHERE active AND id % 11 = 0")
    ago(demo, 100, "UPDATE pilots SET active = true, left_on = NULL WHERE NOT active AND id % 33 = 0")
    ago(demo, 50, "UPDATE pilots SET expatriate = NOT expatriate, training_captain = false WHERE id % 3 = 0")
    ago(demo, 0, "UPDATE pilots SET commenced_on = commenced_on + 20 WHERE id % 13 = 0")
    return demo


def test_past_days_count_as_in_plain_python(moving: TestDatabase, source: Database) -> None:
    """The same definitions over the tables as they stood."""
    for days in (1, 150, 210, 350):
        day = today(moving) - timedelta(days=days)
        with moving.owner() as connection:
            counted(Then(connection, day), day, source)


def counted(oracle: Then, day: date, source: Database) -> None:
    judged = {pilot: oracle.compliance(pilot) for pilot in oracle.active}
    rows = listed(source, "pilots", day)
    assert {row["pilot_id"]: row["compliance"] for row in rows} == {pilot: judged.get(pilot) for pilot in oracle.pilots}
    for name in ("fleet", "rank", "base", "training_captain", "active"):
        assert {row["pilot_id"]: row[name] for row in rows} == {pilot: row[name] for pilot, row in oracle.pilots.items()}
    lapsed = {row["pilot_id"] for row in listed(source, "non_compliant", day)}
    assert lapsed == {pilot for pilot, state in judged.items() if state == "non_compliant"} and lapsed

    names = {row["employee_number"]: row["pilot_id"] for row in rows}
    held = {
        (names[row["employee_number"]], code): state
        for row in listed(source, "matrix", day)
        for code, state in zip(row["checks"], row["states"], strict=True)
    }
    assert held == {key: oracle.state(key) for key in oracle.required | oracle.held.keys()}
    assert len(listed(source, "certifications", day)) == len(oracle.held)
    assert {names[row["employee_number"]] for row in listed(source, "retiring", day)} == {
        pilot
        for pilot, row in oracle.active.items()
        if (on := oracle.retires(row)) and on <= birthday(day, 5)
    }
    assert len(listed(source, "successors", day)) == sum(row["rank"] == "first_officer" for row in oracle.active.values())


def test_asked_as_of_today_every_list_is_the_list(source: Database, demo: TestDatabase) -> None:
    for name in LISTS:
        assert listed(source, name, today(demo)) == listed(source, name, None), name


def test_who_is_promoted_today_was_not_yesterday(runtime: Runtime, demo: TestDatabase, source: Database) -> None:
    """Fleet, rank and what is required of them are of the day; before their history the earliest that is known."""
    door = runtime.door(Person("m", "manager", "test"))
    number = int(str(demo.rows("SELECT min(id) FROM pilots WHERE rank = 'first_officer' AND licence = 'ATPL' AND fleet = 'DHC-8-400' AND active")[0][0]))
    for changes in ({"rank": "captain"}, {"fleet": "A330-200"}):
        pilots.update(door, number, pilots.look(door.database, number, role="viewer")["version"], **changes)

    def was(day: date | None) -> tuple[str, str]:
        row = next(row for row in listed(source, "pilots", day) if row["pilot_id"] == number)
        return row["fleet"], row["rank"]

    assert was(None) == was(today(demo)) == ("A330-200", "captain")
    for days in (1, 30, 365):
        assert was(today(demo) - days * DAY) == ("DHC-8-400", "first_officer")
    assert number not in {row["pilot_id"] for row in listed(source, "pilots", today(demo) - 30 * DAY, fleet="A330-200")}


def test_what_is_corrected_today_was_right_yesterday(runtime: Runtime, demo: TestDatabase, source: Database) -> None:
    """A void row was never held, an older one that turned up was; and who left last week was gone, also when it
    is entered today."""
    door = runtime.door(Person("m", "manager", "test"))
    yesterday = today(demo) - DAY
    number, row, version = demo.rows(
        "SELECT pilot_id, c.id, c.xmin::text FROM certifications c JOIN pilots p ON p.id = pilot_id AND active"
        f" WHERE check_type = 'CRM' AND superseded_by IS NULL AND void_reason IS NULL AND completed_on < '{yesterday}'"
        " AND c.id IN (SELECT superseded_by FROM certifications) LIMIT 1"
    )[0]

    def crm(day: date) -> Row | None:
        found = listed(source, "certifications", day, search="Crew resource management")
        return next((row for row in found if row["pilot_id"] == number), None)

    before = crm(yesterday)
    taken = certifications.remove(door, int(str(row)), str(version), reason="of another pilot").value
    after = crm(yesterday)
    assert before is not None and after is not None and after["document_number"] != before["document_number"]
    assert taken.current is not None and after["completed_on"] == taken.current["completed_on"]

    shown = pilots.look(door.database, int(str(number)), role="viewer")
    pilots.deactivate(door, int(str(number)), shown["version"], left_on=today(demo) - 7 * DAY)
    assert crm(today(demo) - 8 * DAY) is not None and crm(today(demo) - 7 * DAY) is None


def test_a_slip_that_is_undone_the_same_day_does_not_rewrite_the_past(runtime: Runtime, demo: TestDatabase, source: Database) -> None:
    """Neither a deactivation that was taken back, nor a wrong day of leaving, nor a wrong day of joining."""
    door = runtime.door(Person("m", "manager", "test"))
    [[undone], [wrong], [late]] = demo.rows("SELECT id FROM pilots WHERE active AND commenced_on < '2012-01-01' ORDER BY id LIMIT 3")
    now, day = today(demo), today(demo) - 30 * DAY

    def here(number: Any, then: date) -> bool | None:
        return next((row["active"] for row in listed(source, "pilots", then) if row["pilot_id"] == number), None)

    for number in (undone, wrong):
        shown = pilots.look(door.database, int(str(number)), role="viewer")
        version = pilots.deactivate(door, int(str(number)), shown["version"], left_on=now - 60 * DAY).value
        version = pilots.reactivate(door, int(str(number)), version).value
    pilots.deactivate(door, int(str(wrong)), version, left_on=now - 7 * DAY)
    assert here(undone, day) and here(wrong, day) and not here(wrong, now - 6 * DAY)
    shown = pilots.look(door.database, int(str(late)), role="viewer")
    pilots.update(door, int(str(late)), shown["version"], commenced_on=date(2020, 1, 1))
    assert here(late, date(2016, 1, 1)) is None and here(late, date(2020, 1, 1))


@pytest.mark.parametrize("past", [False, True], ids=["today", "as of last month"])
def test_the_matrix_is_narrowed_before_it_is_cut(source: Database, demo: TestDatabase, past: bool) -> None:
    """Who has an undated check is found, however many come before them."""
    day = today(demo) - timedelta(days=30) if past else None
    everyone = listed(source, "matrix", day)
    for states in ("undated", "expiring", "expired,missing"):
        wanted = [row["employee_number"] for row in everyone if not set(states.split(",")).isdisjoint(row["states"])]
        assert 0 < len(wanted) < len(everyone)
        assert [row["employee_number"] for row in listed(source, "matrix", day, states=states)] == wanted
        found = people.rows(source, "matrix", role="viewer", as_of=day, most=3, states=states)
        assert [row["employee_number"] for row in found] == wanted[:3]


def test_twelve_months_from_a_leap_day_end_on_the_first_of_march(source: Database, demo: TestDatabase) -> None:
    """Who was born on one as well reaches the limit on that day."""
    born = "SELECT id FROM pilots WHERE active ORDER BY id LIMIT 1"
    demo.sql(f"UPDATE pilots SET date_of_birth = '1964-02-29' WHERE id = ({born})")
    found = listed(source, "retiring", date(2028, 2, 29), months=12)
    assert date(2029, 3, 1) in {row["retires_on"] for row in found}
