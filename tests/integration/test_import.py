"""Bulk import: the report is exact, what is good is written and nothing else, once, with its audit row."""

from __future__ import annotations

import csv
import hashlib
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from fleetcache.access.roles import Person
from fleetcache.cache.reading import Reading
from fleetcache.changes import certifications as certifications_by_hand
from fleetcache.changes.door import Door
from fleetcache.changes.imports import cells
from fleetcache.changes.imports.columns import match
from fleetcache.changes.imports.files import read
from fleetcache.changes.imports.importing import KINDS, Refused, Report, preview, run
from fleetcache.changes.imports.pilots import _ranked
from fleetcache.changes.imports.plan import Plan
from fleetcache.cli import main
from fleetcache.errors import Conflict, Forbidden, NeedsOverride
from fleetcache.runtime import Runtime
from fleetcache.source import leave
from tests.conftest import TestDatabase
from tests.import_file import File, certifications
from tests.live import until
from tests.recount import month_of, recount

STATS = "fleet:certifications:stats"
MANAGER = Person("Test Manager", "manager", "test")


class Desk:
    """Somebody who imports."""

    def __init__(self, runtime: Runtime, database: TestDatabase, person: Person = MANAGER) -> None:
        self.runtime, self.database = runtime, database
        self.door: Door = runtime.door(person)

    def look(self, kind: str, data: bytes | str, **more: Any) -> Report:
        """A preview."""
        sheet, matched = self._read(kind, data, **more)
        return preview(self.door, KINDS[kind], sheet, matched)

    def do(self, kind: str, data: bytes | str, *, skip_bad: bool = False, seen: Any = None, override: str = "", **more: Any) -> Report:
        """The import itself."""
        sheet, matched = self._read(kind, data, **more)
        return run(self.door, KINDS[kind], sheet, matched, skip_bad=skip_bad, seen=seen, override=override).value

    def _read(self, kind: str, data: bytes | str, **more: Any) -> Any:
        sheet = read(data.encode() if isinstance(data, str) else data, "their file.csv")
        return sheet, match(sheet, KINDS[kind].columns, **more)

    def one(self, query: str) -> Any:
        """The only value of a query."""
        [[value]] = self.database.rows(query)
        return value

    def audit(self) -> tuple[Any, ...]:
        """The last row of the audit log."""
        query = "SELECT actor, action, subject, affected, outcome, detail FROM audit_log ORDER BY id DESC LIMIT 1"
        return self.database.rows(query)[0]


@pytest.fixture
def desk(runtime: Runtime, demo: TestDatabase) -> Desk:
    return Desk(runtime, demo)


def rows(*lines: dict[str, Any]) -> str:
    """A CSV file."""
    written = io.StringIO()
    out = csv.DictWriter(written, list(dict.fromkeys(name for line in lines for name in line)))
    out.writeheader()
    out.writerows(lines)
    return written.getvalue()


def faults(report: Report) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.column, fault.reason) for fault in report.bad]


STATE = "SELECT md5(string_agg(c::text, ',' ORDER BY id)) FROM certifications c"
BROKEN_CHAINS = """
    SELECT count(*) FROM (
        SELECT superseded_by, lead(id) OVER (PARTITION BY pilot_id, check_type ORDER BY completed_on, id) AS next
        FROM certifications WHERE void_reason IS NULL
    ) chain WHERE superseded_by IS DISTINCT FROM next
"""


def test_ten_thousand_certifications(desk: Desk) -> None:
    """The report names every bad line with its reason, all-or-nothing leaves nothing, skipping writes the
    rest in under ten seconds, the figures are right afterwards, and the same file changes nothing again."""
    with desk.database.owner() as connection:
        file: File = certifications(connection)
    assert desk.one(BROKEN_CHAINS) == 0
    before, held = desk.one(STATE), desk.one("SELECT count(*) FROM certifications")

    looked = desk.look("certifications", file.data)
    found = faults(looked)
    assert len(found) == len(file.faults) == 100
    for (line, column, reason), (wanted_line, wanted_column, wanted) in zip(found, sorted(file.faults), strict=True):
        assert (line, column) == (wanted_line, wanted_column)
        assert reason.startswith(wanted), (line, reason)
    assert (looked.rows, looked.new, looked.unchanged, looked.bad_rows) == (10_000, 9_900, 0, 100)
    assert looked.ignored == ("Remarks",)

    with pytest.raises(Refused) as refused:
        desk.do("certifications", file.data)
    assert refused.value.report.bad == looked.bad
    assert desk.one(STATE) == before
    mark = f"certifications {hashlib.sha256(file.data).hexdigest()[:12]}.csv"
    assert desk.audit()[1:5] == ("import.certifications", mark, None, "refused"), "a name of a file may be that of a person"

    told: list[tuple[int, int]] = []
    began = time.perf_counter()
    sheet, matched = desk._read("certifications", file.data)
    made = run(
        desk.door, KINDS["certifications"], sheet, matched, skip_bad=True,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    took = time.perf_counter() - began
    assert took < 10, f"{took:.1f} s"
    assert made.value.done and made.value.new == 9_900 and made.value.bad == looked.bad
    assert told[-1] == (9_900, 9_900) and [done for done, _ in told] == sorted({done for done, _ in told})
    assert desk.one("SELECT count(*) FROM certifications") == held + 9_900
    assert desk.one(BROKEN_CHAINS) == 0
    actor, action, subject, affected, outcome, detail = desk.audit()
    assert (actor, action, subject, affected, outcome) == (
        "Test Manager", "import.certifications", mark, 9_900, "done",
    )  # fmt: skip
    later = detail.pop("unsettled")
    assert f"({later:,})" in " ".join(made.value.notes), "rows on file that follow a new one and were not printed by the rules"
    assert detail == {"new": 9_900, "changed": 0, "unchanged": 0, "bad": 100, "skip_bad": True}

    reading = desk.runtime.cache.read_many([STATS], after=made.label)[STATS]
    assert isinstance(reading, Reading)
    with desk.database.owner() as connection:
        today = desk.one("SELECT today()")
        counted = recount(connection, today)[STATS]
    assert msgspec.json.decode(msgspec.json.encode(reading.value)) == counted

    after = desk.one(STATE)
    again = desk.do("certifications", file.data, skip_bad=True)
    assert (again.new, again.changed, again.unchanged, again.bad_rows) == (0, 0, 9_900, 100)
    assert desk.one(STATE) == after and desk.audit()[3] == 0


PILOTS = """
    SELECT i.employee_number, i.given_name, i.family_name, i.email, i.phone, p.fleet, p.base, p.contract, p.rank, p.licence,
           p.date_of_birth, p.commenced_on, p.seniority, p.training_captain, p.examiner, p.expatriate
    FROM pilots p JOIN pilot_identity i ON i.pilot_id = p.id ORDER BY p.id
"""


def everybody(desk: Desk) -> list[dict[str, Any]]:
    """Every pilot on file, as rows of a file."""
    names = [column.name for column in KINDS["pilots"].columns]
    return [dict(zip(names, row, strict=True)) for row in desk.database.rows(PILOTS)]


def test_pilots_are_entered_and_changed(desk: Desk) -> None:
    """What is on file as it is stays untouched, what differs is changed, who is new is entered, and two
    pilots may swap their seniority; a number that somebody keeps is refused, by whichever row."""
    crew = everybody(desk)
    before = desk.one("SELECT sum(base) + (SELECT count(*) FROM changes) FROM versions")
    same = desk.do("pilots", rows(*crew))
    assert (same.new, same.changed, same.unchanged, same.bad) == (0, 0, len(crew), ())
    assert desk.one("SELECT sum(base) + (SELECT count(*) FROM changes) FROM versions") == before, "nothing was written"

    one, two, three, four = crew[0], crew[1], crew[2], crew[3]
    fresh = {
        **one, "employee_number": "CM-990001", "given_name": "=Ana", "fleet": "a330 200", "rank": "First officer",
        "licence": "cpl", "contract": "Full-time", "training_captain": "no", "examiner": "NO", "seniority": 99_001,
        "email": "", "phone": "+675 7000 0001", "date_of_birth": "1990-02-28", "commenced_on": "2020-01-01",
    }  # fmt: skip
    first = desk.do(
        "pilots",
        rows(
            {**one, "seniority": two["seniority"]},
            {**two, "seniority": one["seniority"], "email": "new@example.org"},
            {**three, "base": "CNS" if three["base"] != "CNS" else "POM"},
            fresh,
        ),
    )
    assert (first.new, first.changed, first.unchanged, first.bad_rows) == (1, 3, 0, 0)
    now = {row["employee_number"]: row for row in everybody(desk)}
    assert now[one["employee_number"]]["seniority"] == two["seniority"]
    assert now[two["employee_number"]]["email"] == "new@example.org"
    made = now["CM-990001"]
    assert (made["fleet"], made["rank"], made["licence"], made["contract"]) == ("A330-200", "first_officer", "CPL", "FULL_TIME")
    assert (made["given_name"], made["email"], made["seniority"]) == ("=Ana", None, 99_001)
    detail = desk.audit()[5]
    assert detail == {"new": 1, "changed": 3, "unchanged": 0, "bad": 0, "skip_bad": False}, "no personal data"
    assert desk.one("SELECT count(*) FROM pilot_history WHERE until = today()") == 3

    bad = desk.look(
        "pilots",
        rows(
            {**fresh, "employee_number": "CM-990002", "seniority": four["seniority"]},
            {**fresh, "employee_number": "CM-990003", "seniority": 99_002},
            {**fresh, "employee_number": "CM-990004", "seniority": 99_002, "fleet": "Zeppelin"},
            {**fresh, "employee_number": "CM-990005", "seniority": 99_002},
            {**fresh, "employee_number": "CM-990003", "seniority": 99_003},
            {**fresh, "employee_number": "990006", "family_name": "", "seniority": "x", "date_of_birth": "1/2/1990"},
            {**four, "seniority": 99_004, "rank": "boss"},
        ),
    )
    held = "another pilot has this number"
    fleets = desk.one("SELECT string_agg(code, ', ' ORDER BY code) FROM fleets")
    assert faults(bad) == [
        (2, "seniority", f"{held}, whose row (line 8) is bad"),
        (3, "employee_number", "line 6 says otherwise of the same: leave one of them out"),
        (4, "fleet", f"is none of {fleets}"),
        (6, "employee_number", "line 3 says otherwise of the same: leave one of them out"),
        (7, "employee_number", "is not two capital letters, a dash and six digits, as in CM-004217"),
        (7, "family_name", "is missing"),
        (7, "seniority", "is not a whole number"),
        (7, "date_of_birth", cells.AMBIGUOUS),
        (8, "rank", "is none of 'captain' or 'first_officer'"),
    ]
    assert (bad.new, bad.bad_rows) == (1, 6), "line 5 is the only one left with its seniority"


def test_a_file_with_few_columns_leaves_the_others_alone(desk: Desk) -> None:
    """Only what is given is changed, and an empty cell empties nothing."""
    one = everybody(desk)[0]
    report = desk.do("pilots", rows({"Employee Number": one["employee_number"], "Phone": "+675 71 234", "E-mail": "", "Base": ""}))
    assert (report.changed, report.ignored) == (1, ())
    assert everybody(desk)[0] == {**one, "phone": "+675 71 234"}


def test_what_somebody_changed_since_the_preview_is_not_overwritten(desk: Desk) -> None:
    """The preview promised to change another row than the one that is there now."""
    one, two = everybody(desk)[:2]
    data = rows({**one, "phone": "+675 1 111 11"}, {**two, "phone": "+675 2 222 22"})
    looked = desk.look("pilots", data)
    desk.database.sql(f"UPDATE pilot_identity SET phone = '+675 9 999 99' WHERE employee_number = '{one['employee_number']}'")
    report = desk.do("pilots", data, skip_bad=True, seen=looked.seen)
    assert report.changed == 1
    assert faults(report) == [(2, "employee_number", "somebody has changed this pilot since the preview: look at it again")]
    assert [row["phone"] for row in everybody(desk)[:2]] == ["+675 9 999 99", "+675 2 222 22"]


def check(desk: Desk) -> dict[str, Any]:
    """A current certification on file, as a row of a file that says the same."""
    [[number, check_type, completed, issuer, document]] = desk.database.rows("""
        SELECT i.employee_number, c.check_type, c.completed_on, c.issuer, c.document_number
        FROM certifications c JOIN pilot_identity i USING (pilot_id) JOIN pilots p ON p.id = c.pilot_id
        WHERE c.superseded_by IS NULL AND c.void_reason IS NULL AND c.check_type = 'CRM' AND p.active
          AND c.expires_on > today() AND c.completed_on < today() - 40
        ORDER BY c.id LIMIT 1
    """)
    return {
        "employee_number": number, "check_type": check_type, "completed_on": completed, "issuer": issuer,
        "document_number": document,
    }  # fmt: skip


def chain(desk: Desk, row: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Completion, expiry and whether it is the current one, of each row of a check."""
    return desk.database.rows(f"""
        SELECT completed_on, expires_on, superseded_by IS NULL FROM certifications JOIN pilot_identity USING (pilot_id)
        WHERE employee_number = '{row["employee_number"]}' AND check_type = '{row["check_type"]}' AND void_reason IS NULL
        ORDER BY completed_on
    """)


def test_a_later_check_renews_and_an_earlier_one_is_history(desk: Desk) -> None:
    """Several rows of one check in any order; the expiry that is printed, or by the rules from the row before."""
    held = check(desk)
    today = desk.one("SELECT today()")
    before = chain(desk, held)
    early = before[0][0] - timedelta(days=400)
    between = before[-1][0] + timedelta(days=10)
    report = desk.do(
        "certifications",
        rows(
            {**held, "completed_on": today, "document_number": "N-3"},
            {**held, "completed_on": early, "document_number": "N-1"},
            {**held, "completed_on": between, "document_number": "N-2", "expires_on": between + timedelta(days=7)},
            held,
        ),
    )
    assert (report.new, report.unchanged, report.bad) == (3, 1, ())
    after = chain(desk, held)
    # Counted to the end of the month; today is long after what N-2 prints, so it counts anew.
    assert after == [
        (early, month_end(early, 12), False),
        *((completed, expires, False) for completed, expires, _ in before),
        (between, between + timedelta(days=7), False),
        (today, month_end(today, 12), True),
    ]
    assert desk.one(BROKEN_CHAINS) == 0


def test_a_renewal_inside_its_window_keeps_the_anniversary(desk: Desk) -> None:
    """By the same rule as by hand."""
    [[number, expires]] = desk.database.rows("""
        SELECT i.employee_number, c.expires_on FROM certifications c JOIN pilot_identity i USING (pilot_id)
        WHERE c.superseded_by IS NULL AND c.void_reason IS NULL AND c.check_type = 'CRM'
          AND c.expires_on BETWEEN today() + 35 AND today() + 80 AND c.completed_on < today()
        ORDER BY c.id LIMIT 1
    """)
    assert isinstance(expires, date)
    row = {
        "employee_number": number, "check_type": "CRM", "completed_on": desk.one("SELECT today()"), "issuer": "x",
        "document_number": "R-1",
    }  # fmt: skip
    assert desk.do("certifications", rows(row)).new == 1
    assert chain(desk, row)[-1][1] == month_end(expires, 12)


def month_end(day: date, months: int) -> date:
    """The last day of the month so many months later."""
    return month_of(day, months + 1) - timedelta(days=1)


def test_a_row_that_was_taken_back_does_not_come_back_by_a_file(desk: Desk) -> None:
    """Whoever voided it had a reason; the right one of the same day is taken."""
    held = check(desk)
    desk.database.sql(f"""
        UPDATE certifications SET voided_at = now(), void_reason = 'another pilot', superseded_by = NULL
        WHERE document_number = '{held["document_number"]}' AND completed_on = '{held["completed_on"]}'
    """)
    report = desk.look("certifications", rows(held, {**held, "issuer": "The right one"}))
    assert [fault.line for fault in report.bad] == [2, 3], "the second is the same check of the same day"
    assert "taken back" in desk.look("certifications", rows(held)).bad[0].reason
    assert desk.look("certifications", rows({**held, "issuer": "The right one"})).new == 1


def test_an_interrupted_import_leaves_nothing(desk: Desk) -> None:
    """A person who leaves the page in the middle of it, or Ctrl-C."""

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    sheet, matched = desk._read("certifications", rows({**check(desk), "completed_on": desk.one("SELECT today()")}))
    before = desk.one(STATE)
    with pytest.raises(KeyboardInterrupt):
        run(desk.door, KINDS["certifications"], sheet, matched, progress=stop)
    assert desk.one(STATE) == before
    assert desk.audit()[3:5] == (None, "failed")


def captains(desk: Desk) -> list[tuple[str, int]]:
    """Active captains of the A330 who have no leave to come."""
    found = desk.database.rows("""
        SELECT i.employee_number, p.id FROM pilots p JOIN pilot_identity i ON i.pilot_id = p.id
        WHERE p.active AND p.fleet = 'A330-200' AND p.rank = 'captain'
          AND NOT EXISTS (SELECT FROM leave_requests l WHERE l.pilot_id = p.id AND l.first_day > today())
        ORDER BY p.id
    """)
    return [(str(number), int(pilot)) for number, pilot in found]  # type: ignore[call-overload]


def test_leave_of_another_system(desk: Desk) -> None:
    """Requests wait, decisions come with who took them; approved leave is taken as it is, and the report says
    where it goes below the minimum. What is on file stays what it has become since."""
    desk.database.sql(
        "UPDATE leave_requests SET status = 'WITHDRAWN' WHERE coalesce(last_day, first_day) > today() + 60",
        "UPDATE pilots SET date_of_birth = '1975-01-01' WHERE date_of_birth < '1975-01-01' AND commenced_on > '1976-01-01'",
    )
    (number, pilot), (_, away), (old, retired) = captains(desk)[:3]
    first = desk.one("SELECT today() + 100")
    # One captain is away on the first day, one will have retired, and all of the others are needed but one.
    desk.database.sql(
        f"UPDATE pilots SET date_of_birth = today() + 50 - interval '65 years' WHERE id = {retired}",
        f"""INSERT INTO leave_requests (pilot_id, leave_type, first_day, status, submitted_at)
            VALUES ({away}, 'RDO', '{first}', 'APPROVED', now())""",
        f"""UPDATE fleets SET minimum_captains = (
                SELECT count(*) - 1 FROM pilot_compliance
                WHERE fleet = 'A330-200' AND rank = 'captain' AND coalesce(retires_on, 'infinity') > '{first}'
            ) WHERE code = 'A330-200'""",
    )
    base = {"employee_number": number, "leave_type": "annual", "first_day": first, "last_day": first + timedelta(days=2)}
    asked = {**base, "first_day": first + timedelta(days=30), "last_day": ""}
    approved = {**base, "status": "Approved", "decided_by": "Crew planning"}
    gone = {**approved, "employee_number": old, "first_day": first + timedelta(days=1)}
    denied = {**base, "first_day": first + timedelta(days=1), "status": "DENIED", "decided_by": "Crew planning"}
    data = rows(approved, {**denied, "decision_reason": "too many away"}, asked, gone)
    looked = desk.look("leave", data)
    with pytest.raises(NeedsOverride, match="below the minimum on 1 day"):
        desk.do("leave", data, override="")
    with pytest.raises(Forbidden):
        desk.do("leave", data, override="cover is found")
    admin = Desk(desk.runtime, desk.database, Person("Test Admin", "admin", "test"))
    with pytest.raises(Conflict, match="More stands against"):
        admin.do("leave", data, override="cover is found", seen={})
    report = admin.do("leave", data, override="cover is found", seen=looked.seen)
    detail = desk.audit()[5]
    assert (detail["approved"], detail["denied"], detail["override"]) == (2, 1, "cover is found")
    [below] = detail["below"]
    assert (below["fleet"], below["rank"], below["days"], below["worst"] - below["minimum"]) == ("A330-200", "captain", 1, -1)
    assert (report.new, report.bad) == (looked.new, looked.bad) == (4, ())
    minimum = desk.one("SELECT minimum_captains FROM fleets WHERE code = 'A330-200'")
    assert report.notes == looked.notes
    assert report.notes[0] == (
        "A330-200 captains are below the minimum on 1 day with the approved leave of this file, the worst of them "
        f"{first:%a} {first.day} {first:%b %Y}: {minimum - 1} of {minimum}."
    )
    assert len(report.notes) == 1, report.notes
    assert desk.database.rows(f"""
        SELECT leave_type, first_day, last_day, status, decided_by, decided_at IS NOT NULL, decision_reason
        FROM leave_requests WHERE pilot_id = {pilot} AND first_day >= '{first}' AND status <> 'WITHDRAWN' ORDER BY first_day
    """) == [
        ("ANNUAL", first, base["last_day"], "APPROVED", "Crew planning", True, None),
        ("ANNUAL", denied["first_day"], base["last_day"], "DENIED", "Crew planning", True, "too many away"),
        ("ANNUAL", asked["first_day"], None, "SUBMITTED", None, False, None),
    ]  # fmt: skip

    desk.database.sql(f"UPDATE leave_requests SET status = 'IN_REVIEW' WHERE pilot_id = {pilot} AND status = 'SUBMITTED'")
    again = desk.do("leave", data)
    assert (again.new, again.unchanged, again.bad, again.notes) == (0, 4, (), ())

    inactive = desk.one("SELECT min(employee_number) FROM pilot_identity JOIN pilots ON id = pilot_id WHERE NOT active")
    bad = desk.look(
        "leave",
        rows(
            {**asked, "status": "APPROVED", "decided_by": "x"},
            {**asked, "last_day": first},
            {**approved, "decided_by": "", "first_day": first + timedelta(days=300), "last_day": ""},
            {**denied, "first_day": first + timedelta(days=301), "last_day": ""},
            {**denied, "leave_type": "SICK", "decision_reason": "no"},
            {**base, "leave_type": "HOLIDAY", "employee_number": "CM-999999", "decided_by": "x"},
            {**base, "decided_by": "x"},
            {**base, "first_day": "2201-01-01", "last_day": ""},
            {**asked, "employee_number": inactive},
        ),
    )
    assert faults(bad) == [
        (2, "status", "is on file as IN_REVIEW: decide it there"),
        (3, "last_day", "the last day is before the first"),
        (4, "decided_by", "say who decided it"),
        (5, "decision_reason", "say why it was denied"),
        (6, "status", "this leave is notified, not asked for: it cannot be denied"),
        (7, "leave_type", "is none of 'ANNUAL', 'SICK', 'RDO', 'LSL', 'SDO', 'COMPASSIONATE', 'LWOP' or 'MATERNITY'"),
        (7, "employee_number", "no pilot has this number"),
        (8, "status", "is not decided, but a decision is given"),
        (9, "first_day", "is not between 1900 and 2200"),
        (10, "employee_number", "the pilot is not active"),
    ]


def test_approved_leave_waits_for_a_decision_about_the_same_crew(desk: Desk) -> None:
    """Otherwise both would be judged without the other."""
    [(number, _), *_] = captains(desk)
    day = desk.one("SELECT today() + 200")
    data = rows({"employee_number": number, "leave_type": "RDO", "first_day": day, "status": "APPROVED", "decided_by": "x"})
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    with ThreadPoolExecutor() as pool, desk.runtime.database.change(actor="x", role="manager") as connection:
        leave.hold(connection, "A330-200", "captain")
        done = pool.submit(desk.do, "leave", data)
        until(lambda: desk.one(waiting) == 1, within=3, what="the import waits")
        connection.commit()
        assert done.result().new == 1


def test_who_may_not_import_cannot(desk: Desk) -> None:
    """Neither look nor do; the refusal is audited."""
    viewer = Desk(desk.runtime, desk.database, Person("Test Viewer", "viewer", "test"))
    with pytest.raises(Forbidden):
        viewer.look("certifications", rows(check(desk)))
    with pytest.raises(Forbidden):
        viewer.do("certifications", rows(check(desk)))
    actor, action, _, affected, outcome, _ = desk.audit()
    assert (actor, action, affected, outcome) == ("Test Viewer", "import.certifications", None, "refused")


def test_imports_and_a_change_by_hand_follow_one_another(desk: Desk) -> None:
    """All of one check at one moment: no chain is torn, nothing is lost, nothing is entered twice."""
    held = check(desk)
    today = desk.one("SELECT today()")
    pilot = desk.one(f"SELECT pilot_id FROM pilot_identity WHERE employee_number = '{held['employee_number']}'")
    before = chain(desk, held)
    data = rows(*({**held, "completed_on": today - timedelta(days=ago)} for ago in (30, 20, 10)))
    begin = threading.Barrier(3)

    def by_hand() -> int:
        begin.wait()
        certifications_by_hand.add(
            desk.door, pilot_id=pilot, check_type="CRM", completed_on=before[0][0] - timedelta(days=50),
            issuer="By hand", document_number="H-1",
        )  # fmt: skip
        return 1

    def by_file() -> int:
        begin.wait()
        return desk.do("certifications", data).new

    with ThreadPoolExecutor() as pool:
        written = [done.result() for done in [pool.submit(by_hand), pool.submit(by_file), pool.submit(by_file)]]
    assert sorted(written[1:]) == [0, 3]
    assert len(chain(desk, held)) == len(before) + 4
    assert desk.one(BROKEN_CHAINS) == 0


def test_the_command(desk: Desk, servers: Any, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template, a dry run that says every bad row, all or nothing, and an import with its own columns."""
    monkeypatch.setenv("DATABASE_URL", desk.database.url)
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    monkeypatch.setenv("FLEETCACHE_PREFIX", prefix)
    file = tmp_path / "checks.csv"
    held = check(desk)
    day = held["completed_on"] + timedelta(days=20)
    line = {**held, "completed_on": f"{day:%d/%m/%Y}", "Doc": "C-1"}
    del line["document_number"]
    file.write_text(rows(line, {**line, "employee_number": "CM-999999"}))
    call = partial(CliRunner().invoke, main)

    assert call(["import", "leave", "--template"]).stdout.startswith("employee_number,leave_type,")
    missing = call(["import", "certifications", str(file)])
    assert missing.exit_code == 1 and "no column “document_number”" in missing.output
    how = ["import", "certifications", str(file), "--map", "Doc=document_number", "--days", "day-first"]
    dry = call([*how, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert dry.stdout.splitlines()[0] == "line 3, employee_number: no pilot has this number"
    assert dry.stdout.splitlines()[-1] == "Not imported: 1 new, 0 changed, 0 unchanged, 1 bad."
    refused = call(how)
    assert refused.exit_code == 1 and "1 of 2 rows are bad, so nothing was written" in refused.output
    done = call([*how, "--skip-bad"])
    assert done.exit_code == 0 and done.stdout.splitlines()[-1] == "Imported: 1 new, 0 changed, 0 unchanged, 1 bad."
    assert chain(desk, held)[-1][0] == day


def test_a_row_that_was_unchanged_or_new_in_the_preview_overwrites_nothing(desk: Desk) -> None:
    """What the preview has shown is what must still be there, not only what it would change; again is quiet."""
    one, two = everybody(desk)[:2]
    fresh = {**two, "employee_number": "CM-990001", "seniority": 99_001, "email": ""}
    data = rows(one, fresh)
    looked = desk.look("pilots", data)
    assert (looked.new, looked.unchanged) == (1, 1)
    desk.database.sql(f"UPDATE pilot_identity SET phone = '+675 9 999 99' WHERE employee_number = '{one['employee_number']}'")
    desk.do("pilots", rows({**fresh, "phone": "+675 1 111 11"}))
    report = desk.do("pilots", data, skip_bad=True, seen=looked.seen)
    assert [fault.line for fault in report.bad] == [2, 3] and "since the preview" in report.bad[1].reason
    desk.do("pilots", rows(fresh))
    assert desk.do("pilots", rows(fresh), seen=looked.seen).unchanged == 1


def test_who_follows_a_bad_row_in_the_list_of_seniority_is_told_and_soon() -> None:
    """Ten thousand who each move up into the place of the next, of whom the last cannot."""
    count, plan = 10_000, Plan()
    good: list[Any] = [(at + 1, {"seniority": at + 1}, {"pilot_id": at, "seniority": at}) for at in range(1, count + 1)]
    began = time.perf_counter()
    assert _ranked(plan, good, {at: at for at in range(1, count + 2)}, {count + 1: count + 2}) == []
    assert time.perf_counter() - began < 1
    assert {fault.line: fault.reason for fault in plan.bad}[2] == "another pilot has this number, whose row (line 3) is bad"
    assert plan.bad[0].reason.endswith(f"(line {count + 2}) is bad")


def test_leave_that_jumps_a_more_senior_request_needs_an_override_and_overlaps_are_said(desk: Desk) -> None:
    """Notified leave jumps nobody, and is in the audit."""
    crew = desk.database.rows("""
        SELECT i.employee_number, p.id FROM pilots p JOIN pilot_identity i ON i.pilot_id = p.id
        WHERE p.active AND p.fleet = 'A330-200' AND p.rank = 'captain' ORDER BY p.seniority
    """)
    desk.database.sql("UPDATE fleets SET minimum_captains = 0", "DELETE FROM leave_requests")
    day = desk.one("SELECT today() + 50")
    desk.database.sql(f"""INSERT INTO leave_requests (pilot_id, leave_type, first_day, last_day, status, submitted_at)
                          VALUES ({crew[0][1]}, 'ANNUAL', '{day}', '{day + timedelta(days=9)}', 'SUBMITTED', now())""")
    row = {"employee_number": crew[-1][0], "leave_type": "ANNUAL", "first_day": day, "status": "APPROVED", "decided_by": "x"}
    with pytest.raises(NeedsOverride, match="1 undecided request of more senior A330-200 captains"):
        desk.do("leave", rows(row))
    sick = {**row, "leave_type": "SICK", "first_day": day, "last_day": day + timedelta(days=1)}
    assert desk.do("leave", rows(sick)).done
    assert desk.audit()[5]["approved"] == 1
    later = {**row, "first_day": day + timedelta(days=30), "last_day": day + timedelta(days=32)}
    looked = desk.look("leave", rows(later, {**later, "last_day": day + timedelta(days=40)}))
    assert looked.notes == ("2 new rows are for days on which the same pilot has other leave: look whether it is meant so.",)


def test_how_long_a_level_of_english_lasts_is_not_guessed(desk: Desk) -> None:
    row = {**check(desk), "check_type": "ENGLISH", "completed_on": desk.one("SELECT today() - 1"), "document_number": "E-1"}
    assert "give expires_on or never_expires" in desk.look("certifications", rows(row)).bad[0].reason
    printed = {**row, "never_expires": "yes"}
    assert desk.do("certifications", rows(printed)).new == 1
    assert desk.look("certifications", rows(row)).unchanged == 1
