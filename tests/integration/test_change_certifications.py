"""Certifications: a chain of documents for each check of a pilot, of which nothing is ever overwritten."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from fleetcache.access.roles import Person
from fleetcache.catalogue import CATALOGUE
from fleetcache.changes import validity
from fleetcache.changes.certifications import add, correct, remove, renew, restore
from fleetcache.changes.door import Door
from fleetcache.errors import Conflict, Forbidden, Invalid, NotFound
from fleetcache.figures.fleet import FleetStats
from fleetcache.runtime import Runtime
from fleetcache.source import audit, people, raw
from fleetcache.source.certifications import check_types
from tests.conftest import TestDatabase

MANAGER = Person("records officer", "manager", "test")
PAPER = {"issuer": "Examiner Panel", "document_number": "CRM-77-1"}
DAY = timedelta(days=1)


@pytest.fixture
def door(runtime: Runtime) -> Door:
    return runtime.door(MANAGER)


@pytest.fixture
def pilot(demo: TestDatabase) -> int:
    """A pilot with a single row of CRM (12 months, window of 3), good until the end of next month."""
    found = demo.rows("SELECT id FROM pilots WHERE active AND date_of_birth IS NOT NULL ORDER BY id LIMIT 1")[0][0]
    demo.sql(
        f"DELETE FROM certifications WHERE pilot_id = {found} AND check_type IN ('CRM', 'LICENCE')",
        "INSERT INTO certifications (pilot_id, check_type, completed_on, expires_on, issuer, document_number, recorded_by)"
        f" VALUES ({found}, 'CRM', today() - 320, '{expiry(demo)}', 'Ground School', 'CRM-1', 'seed')",
    )
    return int(str(found))


def today(demo: TestDatabase) -> date:
    found = demo.rows("SELECT today()")[0][0]
    assert isinstance(found, date)
    return found


def expiry(demo: TestDatabase) -> date:
    """The end of next month."""
    return (today(demo).replace(day=1) + timedelta(days=62)).replace(day=1) - DAY


def year_later(day: date) -> date:
    return (day + DAY).replace(year=(day + DAY).year + 1) - DAY


def on_file(demo: TestDatabase, pilot: int, check: str = "CRM") -> list[dict[str, Any]]:
    names = ("id", "xmin::text", "completed_on", "expires_on", "superseded_by", "void_reason", "recorded_by", "never_expires")
    rows = demo.rows(
        f"SELECT {', '.join(names)} FROM certifications WHERE pilot_id = {pilot} AND check_type = '{check}'"
        " ORDER BY completed_on, id"
    )
    return [dict(zip(("id", "version", *names[2:]), row, strict=True)) for row in rows]


def sound(demo: TestDatabase, pilot: int, check: str = "CRM") -> dict[str, Any] | None:
    """The current row, after a look at the whole chain: each row that counts is superseded by the next."""
    counting = [row for row in on_file(demo, pilot, check) if row["void_reason"] is None]
    links = [row["superseded_by"] for row in counting]
    assert links == [row["id"] for row in counting[1:]] + [None] * bool(counting)
    voided = [row for row in on_file(demo, pilot, check) if row["void_reason"] is not None]
    assert all(row["superseded_by"] is None for row in voided)
    return counting[-1] if counting else None


def current(demo: TestDatabase, pilot: int) -> dict[str, Any]:
    found = sound(demo, pilot)
    assert found is not None
    return found


def faults(work: Callable[[], Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        work()
    return dict(refused.value.faults)


def test_a_renewal_inside_its_window_keeps_the_anniversary(door: Door, demo: TestDatabase, pilot: int) -> None:
    """The old row stays as it was, superseded; the compliance figures count the new one."""
    old = current(demo, pilot)
    made = renew(door, old["id"], old["version"], completed_on=today(demo), **PAPER)
    new = sound(demo, pilot)
    assert new is not None and made.value.counts and new["id"] == made.value.row["id"]
    assert new["expires_on"] == year_later(old["expires_on"])
    assert new["recorded_by"] == MANAGER.name
    first = on_file(demo, pilot)[0]
    assert {**first, "version": "", "superseded_by": None} == {**old, "version": ""}
    assert made.label.versions["certifications"] > 0
    with pytest.raises(Conflict):
        renew(door, old["id"], old["version"], completed_on=today(demo), **PAPER)
    with pytest.raises(Conflict, match="renewed already"):
        renew(door, first["id"], first["version"], completed_on=today(demo), **PAPER)


def test_a_renewal_outside_its_window_counts_anew(door: Door, demo: TestDatabase, pilot: int) -> None:
    old = current(demo, pilot)
    early = old["expires_on"] - timedelta(days=130)
    new = renew(door, old["id"], old["version"], completed_on=early, **PAPER).value.row
    assert new["expires_on"].replace(day=1) == early.replace(day=1, year=early.year + 1)


def test_what_is_printed_on_the_document_is_taken_when_asked_for(door: Door, demo: TestDatabase, pilot: int) -> None:
    old = current(demo, pilot)

    def renewed(**said: Any) -> Any:
        return renew(door, old["id"], old["version"], completed_on=today(demo), **PAPER, **said)

    assert set(faults(lambda: renewed(expires_on=today(demo)))) == {"expires_on"}
    assert set(faults(lambda: renewed(never_expires=True))) == {"never_expires"}
    assert set(faults(lambda: renewed(as_printed=True))) == {"expires_on"}
    assert set(faults(lambda: renewed(as_printed=True, never_expires=True, expires_on=today(demo)))) == {"expires_on"}
    assert set(faults(lambda: renewed(as_printed=True, expires_on=today(demo) - DAY))) == {"expires_on"}
    printed = today(demo) + 400 * DAY
    row = renewed(as_printed=True, expires_on=printed).value.row
    assert row["expires_on"] == printed
    lasting = correct(door, row["id"], row["version"], reason="level 6", completed_on=today(demo), as_printed=True, never_expires=True, **PAPER)
    assert (lasting.value.row["expires_on"], lasting.value.row["never_expires"]) == (None, True)


def test_every_fault_of_a_document_is_named_at_once(door: Door, demo: TestDatabase, pilot: int) -> None:
    old = current(demo, pilot)
    renewed = {"number": old["id"], "version": old["version"]}
    found = faults(lambda: renew(door, **renewed, completed_on=today(demo) + DAY, issuer="", document_number="x" * 121, expires_on="soon"))
    assert set(found) == {"completed_on", "issuer", "document_number", "expires_on"}
    assert set(faults(lambda: renew(door, **renewed, **PAPER))) == {"completed_on"}
    assert "correct that one" in faults(lambda: renew(door, **renewed, completed_on=old["completed_on"], **PAPER))["completed_on"]
    assert set(faults(lambda: renew(door, **renewed, completed_on=date(1930, 1, 1), **PAPER))) == {"completed_on"}
    assert set(faults(lambda: add(door, pilot_id=pilot, check_type="YOGA", completed_on=today(demo), **PAPER))) == {"check_type"}
    assert set(faults(lambda: add(door, pilot_id="x", completed_on=today(demo), **PAPER))) == {"pilot_id", "check_type"}
    with pytest.raises(NotFound):
        add(door, pilot_id=0, check_type="CRM", completed_on=today(demo), **PAPER)
    assert len(on_file(demo, pilot)) == 1


def test_a_first_row_and_an_older_one_found_later(door: Door, demo: TestDatabase, pilot: int) -> None:
    """Back-dated rows become history behind the current one, wherever they belong, and never current."""
    licence = add(door, pilot_id=pilot, check_type="LICENCE", completed_on=today(demo) - 900 * DAY, **PAPER).value
    assert licence.counts and licence.row["expires_on"] is None
    newest = current(demo, pilot)
    with pytest.raises(Conflict, match="renew that row"):
        add(door, pilot_id=pilot, check_type="CRM", completed_on=today(demo), **PAPER)
    for days in (1400, 700, 1000):
        made = add(door, pilot_id=pilot, check_type="CRM", completed_on=today(demo) - days * DAY, **PAPER).value
        assert not made.counts and made.current is not None and made.current["id"] == newest["id"]
        assert {**current(demo, pilot), "version": ""} == {**newest, "version": ""}
    made = renew(door, newest["id"], current(demo, pilot)["version"], completed_on=today(demo) - 500 * DAY, **PAPER).value
    assert not made.counts and len(on_file(demo, pilot)) == 5
    sound(demo, pilot)


def test_a_correction_voids_and_adds(door: Door, demo: TestDatabase, pilot: int) -> None:
    """The wrong row stays, with the reason; the right one takes its place in the chain: the current one's,
    one's in the history, or another one when the day of completion was wrong."""
    first = current(demo, pilot)
    second = renew(door, first["id"], first["version"], completed_on=today(demo) - 5 * DAY, **PAPER).value.row
    typo = correct(door, second["id"], second["version"], reason="typed wrongly", completed_on=today(demo) - 4 * DAY, **PAPER)
    assert typo.value.counts and current(demo, pilot)["expires_on"] == year_later(first["expires_on"])
    assert [row["void_reason"] for row in on_file(demo, pilot)] == [None, "typed wrongly", None]

    version = on_file(demo, pilot)[0]["version"]
    older = correct(door, first["id"], version, reason="issuer", completed_on=first["completed_on"], as_printed=True, expires_on=first["expires_on"], **PAPER).value
    assert not older.counts and current(demo, pilot)["id"] == typo.value.row["id"]

    moved = correct(door, typo.value.row["id"], current(demo, pilot)["version"], reason="of two years ago", completed_on=today(demo) - 700 * DAY, **PAPER).value
    assert not moved.counts and current(demo, pilot)["id"] == older.row["id"], "the other one is the latest now"
    with pytest.raises(Conflict, match="taken back already"):
        correct(door, first["id"], next(row["version"] for row in on_file(demo, pilot) if row["id"] == first["id"]), reason="again", completed_on=today(demo), **PAPER)
    assert set(faults(lambda: correct(door, older.row["id"], current(demo, pilot)["version"], reason=" ", completed_on=today(demo), **PAPER))) == {"reason"}


def test_a_renewal_of_the_wrong_pilot_is_taken_back_and_the_row_before_counts_again(
    door: Door, demo: TestDatabase, pilot: int
) -> None:
    """That renewal never took place, so what the pilot holds is what they held before it; who takes it
    back is told, and may put it back."""
    first = current(demo, pilot)
    wrong = renew(door, first["id"], first["version"], completed_on=today(demo), **PAPER).value.row
    taken = remove(door, wrong["id"], wrong["version"], reason="of another pilot").value
    assert taken.current is not None and taken.current["id"] == first["id"] and not taken.counts
    assert current(demo, pilot)["id"] == first["id"]

    with pytest.raises(Conflict):
        restore(door, wrong["id"], wrong["version"])
    back = restore(door, wrong["id"], taken.row["version"]).value
    assert back.counts and current(demo, pilot)["id"] == wrong["id"]

    old = next(row for row in on_file(demo, pilot) if row["id"] == first["id"])
    behind = remove(door, old["id"], old["version"], reason="never was").value
    assert behind.current is not None and behind.current["id"] == wrong["id"], "history goes, the current one stays"
    last = current(demo, pilot)
    gone = remove(door, last["id"], last["version"], reason="never was").value
    assert gone.current is None and sound(demo, pilot) is None, "nothing on file: the check is missing"
    add(door, pilot_id=pilot, check_type="CRM", completed_on=last["completed_on"], **PAPER)
    with pytest.raises(Conflict, match="same day"):
        restore(door, gone.row["id"], gone.row["version"])


def test_the_audit_says_what_was_and_what_is(door: Door, demo: TestDatabase, pilot: int) -> None:
    first = current(demo, pilot)
    wrong = renew(door, first["id"], first["version"], completed_on=today(demo), **PAPER).value.row
    correct(door, wrong["id"], wrong["version"], reason="typo", completed_on=today(demo) - DAY, **PAPER)
    deeds = audit.found(door.database, actor=MANAGER.name, most=2)
    assert [one.action for one in deeds] == ["certification.correct", "certification.renew"]
    detail = deeds[0].detail or ""
    for part in (f'"pilot": {pilot}', '"check": "CRM"', '"reason": "typo"', f'"completed_on": "{today(demo)}"', f'"completed_on": "{today(demo) - DAY}"'):
        assert part in detail
    assert PAPER["document_number"] not in detail


def test_of_two_renewals_at_the_same_moment_exactly_one_wins(door: Door, demo: TestDatabase, pilot: int) -> None:
    """Two people at one row: never two current ones, and the second is told."""
    first = current(demo, pilot)
    ready, told = threading.Barrier(4), []

    def record(days: int) -> None:
        ready.wait()
        try:
            renew(door, first["id"], first["version"], completed_on=today(demo) - days * DAY, **PAPER)
        except Conflict as error:
            told.append(error)

    threads = [threading.Thread(target=record, args=(days,)) for days in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 3 and len(on_file(demo, pilot)) == 2
    sound(demo, pilot)


def test_a_viewer_records_nothing(runtime: Runtime, demo: TestDatabase, pilot: int) -> None:
    door, row = runtime.door(Person("v", "viewer", "test")), current(demo, pilot)
    at = {"number": row["id"], "version": row["version"]}
    for step in (
        lambda: add(door, pilot_id=pilot, check_type="CRM", completed_on=today(demo), **PAPER),
        lambda: renew(door, **at, completed_on=today(demo), **PAPER),
        lambda: correct(door, **at, reason="x", completed_on=today(demo), **PAPER),
        lambda: remove(door, **at, reason="x"),
        lambda: restore(door, **at),
    ):
        with pytest.raises(Forbidden):
            step()
    assert sound(demo, pilot) == row


def test_the_seeded_history_follows_the_rules(demo: TestDatabase, door: Door) -> None:
    """What the program would propose is what the demo's documents say, wherever one was renewed in time. The
    seed knows two more cases, about 1 in 80: days drawn into a band, and the first renewal after joining."""
    rows: list[Any] = demo.rows(
        "SELECT n.check_type, n.completed_on, n.expires_on, o.expires_on, p.date_of_birth FROM certifications o"
        " JOIN certifications n ON n.id = o.superseded_by JOIN pilots p ON p.id = n.pilot_id"
        " WHERE n.expires_on IS NOT NULL AND o.expires_on IS NOT NULL"
    )
    with door.database.snapshot() as connection:
        types = check_types(connection)
    agree = [
        validity.expiry(types[code], done, born=born, renews=before).on == ends
        for code, done, ends, before, born in rows
        if validity.in_window(types[code], done, before)
    ]
    assert len(agree) > 10_000 and sum(agree) > 0.98 * len(agree)


def test_a_later_row_whose_anniversary_has_moved_is_pointed_out_and_left_alone(door: Door, demo: TestDatabase, pilot: int) -> None:
    """It may have been printed so. The audit has it, and says of what is personal only that it has changed."""
    first = current(demo, pilot)
    kept = renew(door, first["id"], first["version"], completed_on=today(demo), **PAPER).value
    assert not kept.later
    version = demo.rows(f"SELECT xmin::text FROM certifications WHERE id = {first['id']}")[0][0]
    given = {**PAPER, "completed_on": first["completed_on"], "reason": "typed wrongly", "as_printed": True}
    made = correct(door, first["id"], str(version), **given, expires_on=today(demo) - DAY).value
    [later] = made.later
    assert later.row["id"] == kept.row["id"] and later.row["expires_on"] == kept.row["expires_on"] != later.by_rules
    detail = demo.rows("SELECT detail FROM audit_log ORDER BY id DESC LIMIT 1")[0][0]
    assert detail["later"][0]["certification"] == kept.row["id"] and detail["changed"] == ["issuer", "document_number"]
    assert "Ground School" not in str(detail) and PAPER["issuer"] not in str(detail)


def test_what_corrects_an_old_row_is_no_renewal(door: Door, demo: TestDatabase, pilot: int, runtime: Runtime) -> None:
    """“Since yesterday: 1 renewed” counts renewals, once each, also of rows that are corrected afterwards."""
    demo.sql(f"UPDATE certifications SET recorded_at = recorded_at - interval '90 days' WHERE pilot_id = {pilot}")

    def renewed() -> int:
        loaded = raw.count(runtime.database, CATALOGUE["fleet:stats"])["fleet:stats"].value
        assert isinstance(loaded, FleetStats)
        listed = people.rows(runtime.database, "renewed", role="viewer", most=100_000)
        assert len(listed) == loaded.since_yesterday.renewed
        return len(listed)

    before = renewed()
    old = current(demo, pilot)
    add(door, pilot_id=pilot, check_type="CRM", completed_on=old["completed_on"] - 400 * DAY, **PAPER)
    assert renewed() == before, "an old paper entered late"
    correct(door, old["id"], current(demo, pilot)["version"], completed_on=old["completed_on"], reason="typed wrongly", **PAPER)
    again = current(demo, pilot)
    assert renewed() == before
    correct(door, again["id"], again["version"], completed_on=old["completed_on"] + DAY, reason="once more", **PAPER)
    assert renewed() == before, "the correction of a correction"
    fresh = current(demo, pilot)
    demo.sql(f"UPDATE certifications SET recorded_at = recorded_at - interval '90 days', voided_at = voided_at - interval '90 days' WHERE pilot_id = {pilot}")
    renew(door, fresh["id"], current(demo, pilot)["version"], completed_on=today(demo), **PAPER)
    assert renewed() == before + 1
    new = current(demo, pilot)
    correct(door, new["id"], new["version"], completed_on=today(demo) - DAY, reason="a day early", **PAPER)
    assert renewed() == before + 1
    demo.sql(f"UPDATE certifications SET recorded_at = recorded_at - interval '90 days', voided_at = voided_at - interval '90 days' WHERE pilot_id = {pilot}")
    assert renewed() == before
    newest = current(demo, pilot)
    correct(door, newest["id"], newest["version"], completed_on=today(demo) - 2 * DAY, reason="typed wrongly", **PAPER)
    assert renewed() == before
    right = current(demo, pilot)
    renew(door, right["id"], right["version"], completed_on=today(demo) - DAY, **PAPER)
    assert renewed() == before + 1, "corrected first, then renewed"
