"""Leave decisions: judged on the worst day, one at a time for a fleet and rank, seniority first."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from fleetcache import embedded
from fleetcache.access.roles import Person
from fleetcache.changes import leave
from fleetcache.changes.door import Door
from fleetcache.errors import Conflict, FleetcacheError, Forbidden, Invalid, NeedsOverride, NotFound
from fleetcache.runtime import Runtime
from fleetcache.source import leave as source
from fleetcache.source import people
from tests.conftest import TestDatabase

MANAGER = Person("m", "manager", "test")
ADMIN = Person("a", "admin", "test")
CREW = "fleet = 'A330-200' AND rank = 'captain'"


def version(demo: TestDatabase, number: int) -> str:
    return str(demo.rows(f"SELECT xmin::text FROM leave_requests WHERE id = {number}")[0][0])


def status(demo: TestDatabase, number: int) -> str:
    return str(demo.rows(f"SELECT status FROM leave_requests WHERE id = {number}")[0][0])


def today(demo: TestDatabase) -> date:
    found = demo.rows("SELECT today()")[0][0]
    assert isinstance(found, date)
    return found


@pytest.fixture
def door(runtime: Runtime) -> Door:
    return runtime.door(MANAGER)


@pytest.fixture
def quiet_crew(demo: TestDatabase) -> list[int]:
    """A330 captains without any leave ahead, everything they hold renewed: every one of them counts on every
    day. Their numbers, the most senior first."""
    demo.sql(
        f"DELETE FROM leave_requests WHERE pilot_id IN (SELECT id FROM pilots WHERE {CREW})",
        f"UPDATE pilots SET date_of_birth = date_of_birth + 3650 WHERE {CREW} AND date_of_birth < '1972-01-01'",
    )
    return [int(str(row[0])) for row in demo.rows(f"SELECT id FROM pilots WHERE {CREW} AND active ORDER BY seniority")]


def at_floor(demo: TestDatabase, crew: list[int]) -> None:
    """The minimum is one below the crew: exactly one more may be away."""
    demo.sql(f"UPDATE fleets SET minimum_captains = {len(crew) - 1} WHERE code = 'A330-200'")


def asked(demo: TestDatabase, pilot: int, first: date, *, days: int = 3, kind: str = "ANNUAL") -> int:
    row = demo.rows(
        "INSERT INTO leave_requests (pilot_id, leave_type, first_day, last_day, status, submitted_at)"
        f" VALUES ({pilot}, '{kind}', '{first}', '{first + timedelta(days=days - 1)}', 'SUBMITTED', now()) RETURNING id"
    )
    return int(str(row[0][0]))


def pairs(demo: TestDatabase, crew: list[int], count: int) -> list[tuple[int, int]]:
    """Requests of two pilots for the same three days each, one pair after another; the more senior one first."""
    start = today(demo) + timedelta(days=30)
    return [
        tuple(asked(demo, crew[place], start + timedelta(days=3 * pair)) for place in (0, 1)) for pair in range(count)
    ]  # type: ignore[misc]


def exactly_one_each(demo: TestDatabase, made: list[tuple[int, int]]) -> None:
    for one, other in made:
        assert sorted(status(demo, number) for number in (one, other)) == ["APPROVED", "SUBMITTED"]
    shown = demo.rows(
        "SELECT min(crew - minimum) FROM (SELECT jsonb_array_elements_text(line->'ifRenewed')::int AS crew,"
        " (line->>'minimum')::int AS minimum FROM figures, jsonb_array_elements(payload->'availability') AS line"
        " WHERE key = 'fleet:leave:stats' AND line->>'fleet' = 'A330-200' AND line->>'rank' = 'captain') AS days"
    )
    assert shown[0][0] == 0, "at the floor, and not below it"


@pytest.mark.slow  # over processes, below, it is the same with more between them
def test_50_pairs_of_approvals_at_the_floor_over_threads(
    demo: TestDatabase, make_runtime: Callable[..., Runtime], quiet_crew: list[int]
) -> None:
    """Two managers on two instances approve at the same moment, in either order: never one too many."""
    instances = make_runtime(demo), make_runtime(demo)
    at_floor(demo, quiet_crew)
    made = pairs(demo, quiet_crew, 50)
    gate = threading.Barrier(2)
    failures: list[FleetcacheError] = []

    def decide(place: int) -> None:
        desk = instances[place].door(MANAGER)
        for turn, pair in enumerate(made):
            number = pair[(place + turn) % 2]
            shown = version(demo, number)
            gate.wait()
            try:
                leave.approve(desk, number, shown)
            except NeedsOverride:
                pass
            except FleetcacheError as error:
                failures.append(error)

    threads = [threading.Thread(target=decide, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    demo.sql("SELECT refresh_figures()")
    exactly_one_each(demo, made)


def test_50_pairs_of_approvals_at_the_floor_over_processes(
    demo: TestDatabase, servers: embedded.Servers, prefix: str, quiet_crew: list[int]
) -> None:
    at_floor(demo, quiet_crew)
    made = pairs(demo, quiet_crew, 50)
    managers = []
    for place in (0, 1):
        numbers = [pair[(place + turn) % 2] for turn, pair in enumerate(made)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.approver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        wish = {
            "name": f"m{place}",
            "prefix": prefix,
            "urls": [demo.owner_url, demo.url, servers.redis_url],
            "requests": [(number, version(demo, number)) for number in numbers],
            "apart": 0.06,
        }
        process.stdin.write(json.dumps(wish) + "\n")
        process.stdin.flush()
        managers.append(process)
    for process in managers:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    start = time.time() + 0.2
    for process in managers:
        assert process.stdin is not None
        process.stdin.write(f"{start}\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in managers]
    assert sum(len(json.loads(lines)) for lines in said) == 50
    demo.sql("SELECT refresh_figures()")
    exactly_one_each(demo, made)


def test_decisions_about_one_fleet_and_rank_wait_for_each_other(
    demo: TestDatabase, door: Door, quiet_crew: list[int]
) -> None:
    """The second is judged with the first in it: what waits sees what was committed meanwhile."""
    at_floor(demo, quiet_crew)
    first = today(demo) + timedelta(days=40)
    number = asked(demo, quiet_crew[0], first)
    shown = version(demo, number)
    outcome: list[object] = []
    with demo.owner() as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtext('leave'), hashtext('A330-200|captain'))")
        thread = threading.Thread(target=lambda: outcome.append(refusal(lambda: leave.approve(door, number, shown))))
        thread.start()
        thread.join(0.4)
        assert thread.is_alive(), "it waits"
        other.execute(
            "INSERT INTO leave_requests (pilot_id, leave_type, first_day, status, submitted_at)"
            " VALUES (%s, 'SICK', %s, 'APPROVED', now())",
            [quiet_crew[3], first],
        )
    thread.join()
    assert isinstance(outcome[0], NeedsOverride)
    assert status(demo, number) == "SUBMITTED"


def refusal(act: Callable[[], Any]) -> FleetcacheError | None:
    try:
        act()
    except FleetcacheError as error:
        return error
    return None


def test_the_effect_is_said_before_the_click(demo: TestDatabase, door: Door, quiet_crew: list[int]) -> None:
    """The worst day, the days this year, who comes before: what the page shows is what the decision is judged by."""
    at_floor(demo, quiet_crew)
    first = date(today(demo).year + 1, 3, 1)
    senior = asked(demo, quiet_crew[0], first + timedelta(days=1))
    number = asked(demo, quiet_crew[5], first)
    demo.sql(
        "INSERT INTO leave_requests (pilot_id, leave_type, first_day, last_day, status, submitted_at)"
        f" VALUES ({quiet_crew[5]}, 'LSL', '{first.year}-01-04', '{first.year}-01-08', 'APPROVED', now()),"
        f" ({quiet_crew[7]}, 'SICK', '{first + timedelta(days=2)}', NULL, 'APPROVED', now())"
    )
    seen = leave.preview(door.database, number, role="manager")
    crew = len(quiet_crew)
    assert [(one.day, one.if_renewed, one.if_renewed_after) for one in seen.days] == [
        (first, crew, crew - 1),
        (first + timedelta(days=1), crew, crew - 1),
        (first + timedelta(days=2), crew - 1, crew - 2),
    ]
    assert seen.worst is not None and seen.worst.day == first + timedelta(days=2) and seen.worst.margin == -1
    assert seen.sentence() == (
        f"approving drops A330-200 captains to {crew - 2} of {crew - 1} on {seen.worst.day:%a} {seen.worst.day.day} "
        f"{seen.worst.day:%b %Y}"
    )
    assert [row["request_id"] for row in seen.before] == [senior]
    assert seen.year == {"LSL": 5}
    assert len(seen.objections()) == 2


def test_what_the_page_shows_is_the_availability_of_the_leave_page(demo: TestDatabase, runtime: Runtime) -> None:
    """The same days counted by another query: every day of every group, for a pilot who is not in it."""
    stats = runtime.cache.read("fleet:leave:stats").value
    (nobody,) = demo.rows("SELECT max(id) + 1 FROM pilots")[0]
    with runtime.database.snapshot(role="manager") as connection:
        for line in stats.availability:
            days = source.days(
                connection,
                {
                    "fleet": line.fleet,
                    "rank": line.rank,
                    "pilot_id": nobody,
                    "first_day": stats.first_day,
                    "last_day": stats.first_day + timedelta(days=len(line.if_renewed) - 1),
                },
            )
            assert tuple(row["if_renewed"] for row in days) == line.if_renewed
            assert tuple(row["on_paper"] for row in days) == line.on_paper
            assert {row["minimum"] for row in days} == {line.minimum}


def test_below_the_minimum_needs_an_administrator_with_a_reason(
    demo: TestDatabase, runtime: Runtime, quiet_crew: list[int]
) -> None:
    demo.sql(f"UPDATE fleets SET minimum_captains = {len(quiet_crew)} WHERE code = 'A330-200'")
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=20))
    shown = version(demo, number)
    with pytest.raises(NeedsOverride, match="below the minimum"):
        leave.approve(runtime.door(MANAGER), number, shown)
    with pytest.raises(Forbidden, match="needs the role admin"):
        leave.approve(runtime.door(MANAGER), number, shown, override="because")
    with pytest.raises(NeedsOverride):
        leave.approve(runtime.door(ADMIN), number, shown, override="  ")
    leave.approve(runtime.door(ADMIN), number, shown, override="wet lease covers it")
    assert demo.rows(f"SELECT status, decision_reason, decided_by FROM leave_requests WHERE id = {number}") == [
        ("APPROVED", "wet lease covers it", "a")
    ]
    said = demo.rows(
        f"SELECT actor, outcome, affected, detail->>'override', detail->>'margin' FROM audit_log"
        f" WHERE action = 'leave.approve' AND subject = 'leave request {number}' ORDER BY id"
    )
    assert said == [
        ("m", "refused", None, None, "-1"),
        ("m", "refused", None, None, "-1"),
        ("a", "refused", None, None, "-1"),
        ("a", "done", 1, "wet lease covers it", "-1"),
    ]


def test_a_more_senior_request_for_the_same_days_comes_first(
    demo: TestDatabase, door: Door, quiet_crew: list[int]
) -> None:
    demo.sql("UPDATE fleets SET minimum_captains = 0 WHERE code = 'A330-200'")
    first = today(demo) + timedelta(days=25)
    senior, junior = asked(demo, quiet_crew[2], first), asked(demo, quiet_crew[9], first + timedelta(days=2))
    with pytest.raises(NeedsOverride, match="before"):
        leave.approve(door, junior, version(demo, junior))
    leave.approve(door, senior, version(demo, senior))
    leave.approve(door, junior, version(demo, junior))
    later = asked(demo, quiet_crew[9], first + timedelta(days=60))
    leave.approve(door, later, version(demo, later))


def test_notified_leave_is_recorded_whatever_the_crew(demo: TestDatabase, door: Door, quiet_crew: list[int]) -> None:
    demo.sql(f"UPDATE fleets SET minimum_captains = {len(quiet_crew) + 5} WHERE code = 'A330-200'")
    number = asked(demo, quiet_crew[4], today(demo) + timedelta(days=3), kind="SICK")
    with pytest.raises(Invalid, match="notified"):
        leave.deny(door, number, version(demo, number), reason="no")
    done = leave.approve(door, number, version(demo, number))
    assert done.value.effect is not None
    assert any("find cover" in warning for warning in done.value.effect.warnings())


def test_who_looked_at_an_older_state_gets_a_conflict(demo: TestDatabase, door: Door, quiet_crew: list[int]) -> None:
    """Also when it was plain SQL that changed the row meanwhile."""
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=20))
    shown = version(demo, number)
    demo.sql(f"UPDATE leave_requests SET last_day = last_day + 20 WHERE id = {number}")
    with pytest.raises(Conflict, match="since it was shown"):
        leave.approve(door, number, shown)
    leave.approve(door, number, version(demo, number))
    with pytest.raises(Conflict, match="approved"):
        leave.deny(door, number, version(demo, number), reason="too late")


def test_a_request_through_its_life(demo: TestDatabase, door: Door, quiet_crew: list[int]) -> None:
    first = today(demo) + timedelta(days=50)
    made = leave.submit(door, pilot_id=quiet_crew[0], leave_type="ANNUAL", first_day=first, draft=True)
    number = made.value
    for step, becomes in (
        (leave.send, "SUBMITTED"),
        (leave.review, "IN_REVIEW"),
        (leave.approve, "APPROVED"),
        (leave.reopen, "IN_REVIEW"),
        (lambda *of: leave.deny(*of, reason="crew short"), "DENIED"),
        (leave.reopen, "IN_REVIEW"),
        (leave.withdraw, "WITHDRAWN"),
    ):
        step(door, number, version(demo, number))
        assert status(demo, number) == becomes
    actions = demo.rows(f"SELECT action FROM audit_log WHERE subject = 'leave request {number}' ORDER BY id")
    assert [row[0] for row in actions] == [
        f"leave.{name}" for name in ("submit", "submit", "review", "approve", "reopen", "deny", "reopen", "withdraw")
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"leave_type": "HOLIDAY"}, "leave_type"),
        ({"first_day": "24/12/2026"}, "first_day"),
        ({"last_day": "2020-01-01"}, "last_day"),
        ({"last_day": "2090-01-01"}, "last_day"),
        ({"pilot_id": None}, "pilot_id"),
        ({"status": "APPROVED"}, "status"),
    ],
)
def test_bad_requests_name_their_field(
    demo: TestDatabase, door: Door, quiet_crew: list[int], wrong: dict[str, Any], field: str
) -> None:
    before = demo.rows("SELECT count(*) FROM leave_requests")
    given = {"pilot_id": quiet_crew[0], "leave_type": "ANNUAL", "first_day": "2027-02-01", **wrong}
    with pytest.raises(Invalid) as caught:
        leave.submit(door, **given)
    assert field in caught.value.faults
    assert demo.rows("SELECT count(*) FROM leave_requests") == before


def test_nobody_without_the_role_changes_anything(demo: TestDatabase, runtime: Runtime, quiet_crew: list[int]) -> None:
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=20))
    viewer = runtime.door(Person("v", "viewer", "test"))
    for step in (leave.review, leave.approve, leave.withdraw):
        with pytest.raises(Forbidden):
            step(viewer, number, version(demo, number))
    with pytest.raises(NotFound):
        leave.review(runtime.door(MANAGER), 10**9, "1")
    assert demo.rows("SELECT outcome, actor FROM audit_log WHERE action LIKE 'leave.%' ORDER BY id") == [
        *[("refused", "v")] * 3,
        ("refused", "m"),
    ]


def test_the_person_sees_their_own_change_at_once_and_other_instances_soon(
    demo: TestDatabase, make_runtime: Callable[..., Runtime], quiet_crew: list[int]
) -> None:
    """The label that comes back is read after, whatever memory holds; only what depends on leave is dropped."""
    here, there = make_runtime(demo), make_runtime(demo)
    for instance in (here, there):
        instance.prepare(progress=lambda step: None)
        instance.cache.read_many(["fleet:leave:stats", "fleet:retirement:nearing"])
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=20))
    before = here.cache.read_strict("fleet:leave:pending").value.total
    here.cache.read_strict("fleet:retirement:nearing")
    made = leave.approve(here.door(MANAGER), number, version(demo, number))
    seen = here.cache.read_many(["fleet:leave:pending", "fleet:retirement:nearing"], after=made.label)
    assert seen["fleet:leave:pending"].value.total == before - 1  # type: ignore[union-attr]
    assert seen["fleet:retirement:nearing"].layer in ("memory", "redis")  # type: ignore[union-attr]
    assert there.cache.read_strict("fleet:leave:pending").value.total == before - 1


def test_changes_from_outside_are_in_the_audit(demo: TestDatabase, quiet_crew: list[int]) -> None:
    """With the database role and the number of rows; the app's own are there once."""
    demo.sql(f"UPDATE pilots SET base = 'LAE' WHERE {CREW}", "UPDATE pilots SET base = base WHERE false")
    found = demo.rows("SELECT actor, action, affected, origin FROM audit_log WHERE subject = 'pilots' ORDER BY id DESC")
    (crew,) = demo.rows(f"SELECT count(*) FROM pilots WHERE {CREW}")[0]
    assert found[0] == ("role fleetcache_owner", "update", crew, "SQL, local")


def test_the_app_cannot_rewrite_the_audit(runtime: Runtime) -> None:
    """Only the owner of the database could."""
    for statement in ("UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"):
        with pytest.raises(FleetcacheError, match="refused"), runtime.database.change() as connection:
            connection.exec_driver_sql(statement)


def test_people_lists_have_the_queue_the_decisions_work_on(runtime: Runtime) -> None:
    rows = people.rows(runtime.database, "leave_queue", role="manager", fleet=None, rank=None)
    seen = leave.preview(runtime.database, rows[0]["request_id"], role="manager")
    assert seen.request["name"] == rows[0]["name"]
