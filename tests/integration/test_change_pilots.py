"""Pilots are entered and changed as a whole, with every fault named, and nobody's change is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from fleetcache.access.roles import Person
from fleetcache.changes import pilots
from fleetcache.changes.door import Door
from fleetcache.errors import Conflict, FleetcacheError, Forbidden, Invalid, NotFound
from fleetcache.runtime import Runtime
from fleetcache.source import audit
from tests.conftest import TestDatabase

MANAGER, ADMIN = Person("m", "manager", "test"), Person("a", "admin", "test")
NEW: dict[str, Any] = {
    "employee_number": "CM-900001", "given_name": "Ada", "family_name": "Example", "email": "", "phone": "+675 7000 0000",
    "fleet": "A330-200", "base": "POM", "contract": "full_time", "rank": "captain", "licence": "ATPL",
    "date_of_birth": date(1980, 2, 29), "commenced_on": date(2010, 1, 4), "seniority": 9001, "examiner": True,
}  # fmt: skip


@pytest.fixture
def door(runtime: Runtime, demo: TestDatabase) -> Door:
    NEW["contract"] = demo.rows("SELECT min(code) FROM contract_types")[0][0]
    return runtime.door(MANAGER)


def shown(door: Door, number: int) -> dict[str, Any]:
    return pilots.look(door.database, number, role="manager")


def faults(work: Callable[[], Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        work()
    return dict(refused.value.faults)


def test_a_life_on_file(door: Door, demo: TestDatabase, runtime: Runtime) -> None:
    """Entered, changed, gone, back, removed: both tables together, each step with its audit row, which holds
    no personal value."""
    number = pilots.create(door, **NEW).value
    row = shown(door, number)
    assert {name: row[name] for name in NEW} == {**NEW, "email": None}

    changed = pilots.update(door, number, row["version"], given_name="Bea", base="LAE", date_of_birth=date(1981, 1, 1))
    assert set(changed.value) == {"given_name", "base", "date_of_birth"}
    version = shown(door, number)["version"]
    assert pilots.update(door, number, version, base="LAE").value == (), "nothing to do"
    assert shown(door, number)["version"] == version

    gone = shown(door, number)["today"] - timedelta(days=3)
    version = pilots.deactivate(door, number, version, left_on=gone).value
    assert (shown(door, number)["active"], shown(door, number)["left_on"]) == (False, gone)
    with pytest.raises(Conflict, match="inactive already"):
        pilots.deactivate(door, number, version, left_on=gone)
    version = pilots.reactivate(door, number, version).value
    with pytest.raises(Conflict, match="active already"):
        pilots.reactivate(door, number, version)
    with pytest.raises(Forbidden):
        pilots.delete(door, number, version)
    demo.sql(
        "INSERT INTO leave_requests (pilot_id, leave_type, first_day, status) VALUES"
        f" ({number}, 'SDO', '2027-01-01', 'DRAFT')"
    )
    along = pilots.delete(runtime.door(ADMIN), number, shown(door, number)["version"]).value
    assert along == {"certifications": 0, "leave_requests": 1}
    assert demo.rows(f"SELECT FROM pilot_identity WHERE pilot_id = {number}") == []
    with pytest.raises(NotFound):
        pilots.update(door, number, version, base="LAE")

    deeds = [one for one in audit.found(door.database, most=12) if one.subject == f"pilot {number}"][::-1]
    assert [one.action.removeprefix("pilot.") for one in deeds if one.outcome == "done"] == [
        "create", "update", "update", "deactivate", "reactivate", "delete",
    ]  # fmt: skip
    assert deeds[0].outcome == "done" and deeds[1].affected == 1 and deeds[2].affected == 0
    assert '"base": {"is": "LAE", "was": "POM"}' in (deeds[1].detail or "")
    assert '"given_name": "personal"' in (deeds[1].detail or "")
    said = " ".join(f"{one.detail} {one.error}" for one in deeds)
    assert not [word for word in ("Ada", "Bea", "Example", "CM-9", "7000", "1980", "1981") if word in said]


def test_every_fault_is_named_at_once_and_in_words(door: Door, demo: TestDatabase) -> None:
    """Inline, each below its field: nobody sends a form five times."""
    taken = demo.rows("SELECT employee_number, seniority FROM pilot_identity JOIN pilots ON id = pilot_id LIMIT 1")[0]
    before = demo.rows("SELECT count(*) FROM pilots")
    found = faults(
        lambda: pilots.create(
            door, employee_number=taken[0], given_name=" ", family_name="x" * 101, email="nobody", phone="call me",
            fleet="A380", base="", contract="none", rank="first_officer", licence="ATPL", date_of_birth="29.2.1980",
            commenced_on=date(2199, 1, 1), seniority=taken[1], training_captain=True, examiner="perhaps", nickname="A",
        )
    )  # fmt: skip
    assert set(found) == {*pilots.FIELDS, "nickname"} - {"rank", "licence", "expatriate"}
    assert found["employee_number"] == found["seniority"] == "another pilot has this number"
    assert "A330-200" in found["fleet"] and "captain" in found["training_captain"]
    assert not [said for said in found.values() if "String" in said or "Input" in said], found

    found = faults(lambda: pilots.create(door, **{**NEW, "licence": "CPL", "commenced_on": date(1990, 1, 1), "seniority": 0}))
    assert set(found) == {"licence", "commenced_on", "seniority"}
    assert set(faults(lambda: pilots.create(door))) == {
        name for name, field in pilots.Pilot.model_fields.items() if field.is_required()
    }
    assert demo.rows("SELECT count(*) FROM pilots") == before


def test_a_change_of_one_field_is_judged_with_the_others(door: Door) -> None:
    """Partial, but never to a row that contradicts itself."""
    number = pilots.create(door, **NEW).value
    version = shown(door, number)["version"]
    assert set(faults(lambda: pilots.update(door, number, version, rank="first_officer"))) == {"examiner"}
    assert set(faults(lambda: pilots.update(door, number, version, licence="CPL"))) == {"licence"}
    assert set(faults(lambda: pilots.update(door, number, version, seniority=1))) == {"seniority"}
    assert set(faults(lambda: pilots.deactivate(door, number, version, left_on=date(2199, 1, 1)))) == {"left_on"}
    assert set(faults(lambda: pilots.deactivate(door, number, version, left_on=date(2000, 1, 1)))) == {"left_on"}
    pilots.update(door, number, version, rank="first_officer", examiner=False, licence="CPL", seniority=9001)


@pytest.mark.parametrize("table", ["pilots", "pilot_identity"])
def test_of_two_people_the_second_is_told_and_nothing_is_lost(door: Door, demo: TestDatabase, table: str) -> None:
    """Also when the other change came by plain SQL, in either table; what it was is said field by field."""
    number = pilots.create(door, **NEW).value
    mine = shown(door, number)
    column = {"pilots": "base = 'LAE' WHERE id", "pilot_identity": "phone = '+675 1' WHERE pilot_id"}[table]
    demo.sql(f"UPDATE {table} SET {column} = {number}")
    with pytest.raises(Conflict):
        pilots.update(door, number, mine["version"], contract=NEW["contract"], licence="ATPL", expatriate=True)
    with pytest.raises(Conflict):
        pilots.deactivate(door, number, mine["version"], left_on=mine["today"])
    theirs = shown(door, number)
    field = {"pilots": ("base", ("POM", "LAE")), "pilot_identity": ("phone", (NEW["phone"], "+675 1"))}[table]
    assert pilots.differences(mine, theirs) == dict([field])
    pilots.update(door, number, theirs["version"], expatriate=True)
    after = shown(door, number)
    assert after["expatriate"] and after[field[0]] == field[1][1], "both changes are there"


def test_of_two_changes_at_the_same_moment_exactly_one_wins(door: Door) -> None:
    number = pilots.create(door, **NEW).value
    version, ready = shown(door, number)["version"], threading.Barrier(4)
    won: list[str] = []

    def save(base: str) -> None:
        ready.wait()
        try:
            pilots.update(door, number, version, base=base)
            won.append(base)
        except Conflict:
            pass

    threads = [threading.Thread(target=save, args=(base,)) for base in ("LAE", "RAB", "CNS", "LAE")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and shown(door, number)["base"] == won[0]


def test_a_viewer_changes_nothing_and_sees_no_more_than_allowed(runtime: Runtime, demo: TestDatabase) -> None:
    door = runtime.door(Person("v", "viewer", "test"))
    steps: list[Callable[[], Any]] = [
        lambda: pilots.create(door, **NEW),
        lambda: pilots.update(door, 1, "0", base="LAE"),
        lambda: pilots.deactivate(door, 1, "0", left_on=date(2026, 1, 1)),
        lambda: pilots.reactivate(door, 1, "0"),
        lambda: pilots.delete(door, 1, "0"),
    ]
    for step in steps:
        with pytest.raises(Forbidden):
            step()
    assert [one.outcome for one in audit.found(door.database, actor="v")] == ["refused"] * len(steps)


def test_numbers_that_are_taken_meanwhile_are_a_fault_and_no_crash(door: Door, demo: TestDatabase) -> None:
    """Between the look and the write another one may take the number; the constraint then says so."""
    with demo.owner() as other:
        other.execute("SELECT set_config('fleetcache.role', 'admin', false)")
        other.execute(
            "INSERT INTO pilots (fleet, base, contract, rank, licence, commenced_on, seniority)"
            " SELECT fleet, base, contract, rank, licence, commenced_on, 9001 FROM pilots LIMIT 1"
        )
        found: list[FleetcacheError] = []

        def create() -> None:
            try:
                pilots.create(door, **NEW)
            except FleetcacheError as error:
                found.append(error)

        thread = threading.Thread(target=create)
        thread.start()
        thread.join(0.3)
        other.commit()
        thread.join(10)
    assert isinstance(found[0], Invalid) and set(found[0].faults) == {"seniority"}
