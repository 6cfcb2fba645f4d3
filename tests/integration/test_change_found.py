"""What a hostile reading of the change core found; each of these was wrong once."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from fleetcache.access.roles import Person
from fleetcache.changes import leave, settings
from fleetcache.changes.door import Door
from fleetcache.errors import Busy, Conflict, FleetcacheError, Forbidden, Invalid, NeedsOverride, Unsure
from fleetcache.runtime import Runtime
from fleetcache.source import audit, migrations, triggers
from fleetcache.source.database import Database
from tests.conftest import TestDatabase
from tests.integration.test_change_leave import (
    ADMIN,
    MANAGER,
    asked,
    at_floor,
    quiet_crew,
    refusal,
    status,
    today,
    version,
)

__all__ = ["quiet_crew"]
PEOPLE = "SELECT family_name || ', ' || given_name FROM pilot_identity"


@pytest.fixture
def door(runtime: Runtime) -> Door:
    return runtime.door(MANAGER)


def actions(demo: TestDatabase, what: str) -> list[tuple[object, ...]]:
    return demo.rows(f"SELECT actor, outcome, affected FROM audit_log WHERE action = '{what}' ORDER BY id")


# The audit and the triggers


def test_a_writer_cannot_have_the_triggers_run_functions_of_its_own(demo: TestDatabase) -> None:
    """The trigger works with the owner's rights; a function found by the writer's search_path did so too. Nor can
    a writer who may not write the audit keep out of it."""
    name = f"writer_{secrets.token_hex(4)}"
    with psycopg.connect(demo.owner_url.replace("fleetcache_owner", "postgres"), autocommit=True) as admin:
        for statement in (
            f"CREATE ROLE {name}",
            f"CREATE SCHEMA {name} AUTHORIZATION {name}",
            f"GRANT USAGE ON SCHEMA fleetcache TO {name}",
            f"GRANT SELECT, UPDATE ON fleetcache.settings TO {name}",
            f"SET SESSION AUTHORIZATION {name}",
            f"CREATE FUNCTION {name}.lower(text) RETURNS text LANGUAGE plpgsql AS"
            " $$ BEGIN DELETE FROM fleetcache.audit_log; RETURN 'nothing'; END $$",
            f"SET search_path = {name}, pg_catalog",
            "SET fleetcache.actor = 'the administrator'",
            "UPDATE fleetcache.settings SET value = value WHERE name = 'retirement_age'",
            "RESET SESSION AUTHORIZATION",
            f"DROP OWNED BY {name}",
            f"DROP ROLE {name}",
        ):
            admin.execute(statement.encode())
    assert demo.rows("SELECT actor, action, subject, affected FROM audit_log ORDER BY id DESC LIMIT 1") == [
        (f"role {name}", "update", "settings", 1)
    ]


def test_an_older_version_s_trigger_does_not_stop_writers(demo: TestDatabase) -> None:
    """It comes back when an older instance migrates: the statement then failed for want of the rows' name."""
    demo.sql(
        "CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON settings"
        " FOR EACH STATEMENT EXECUTE FUNCTION note_change('settings')"
    )
    database = Database(demo.url)
    assert triggers.faults(database) == ["settings"]
    migrations.migrate(demo.owner_url, app_role="fleetcache_app")
    assert triggers.faults(database) == []
    database.close()
    demo.sql("UPDATE settings SET value = '64' WHERE name = 'retirement_age'")


def test_the_app_s_role_cannot_date_an_audit_row_and_a_token_made_by_sql_is_noted(demo: TestDatabase) -> None:
    with psycopg.connect(demo.url) as app:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute(
                "INSERT INTO audit_log (id, at, actor, action, subject, instance, outcome) OVERRIDING SYSTEM VALUE"
                " VALUES (-5, '2020-01-01', 'x', 'x', 'x', '', 'done')"
            )
        app.execute("INSERT INTO api_tokens (name, role, digest) VALUES ('evil', 'admin', '\\x00')")
    assert demo.rows("SELECT actor, action FROM audit_log WHERE subject = 'api_tokens'") == [
        ("role fleetcache_app", "insert")
    ]


def test_no_name_reaches_the_audit(demo: TestDatabase, door: Door, quiet_crew: list[int]) -> None:
    """The refusal used to quote the pilot who comes before."""
    demo.sql("UPDATE fleets SET minimum_captains = 0 WHERE code = 'A330-200'")
    first = today(demo) + timedelta(days=25)
    asked(demo, quiet_crew[0], first)
    junior = asked(demo, quiet_crew[9], first)
    with pytest.raises(NeedsOverride):
        leave.approve(door, junior, version(demo, junior))
    written = str(demo.rows("SELECT detail, subject FROM audit_log"))
    assert not [name for (name,) in demo.rows(PEOPLE) if str(name) in written]


@pytest.mark.parametrize("reason", ["a\x00b", "half a \ud83d face"])
def test_a_refusal_is_audited_whatever_was_typed(
    demo: TestDatabase, runtime: Runtime, quiet_crew: list[int], reason: str
) -> None:
    """Text that the database cannot hold took the audit row with it."""
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=20))
    with pytest.raises(Invalid):
        leave.deny(runtime.door(ADMIN), number, version(demo, number), reason=reason)
    at_floor(demo, [*quiet_crew, 0, 0])
    with pytest.raises(Invalid):
        leave.approve(runtime.door(ADMIN), number, version(demo, number), override=reason)
    with audit_of(runtime, detail={"said": reason}), pytest.raises(FleetcacheError):
        raise Invalid("no")
    assert actions(demo, "test")[-1][:2] == ("a", "refused")


def audit_of(runtime: Runtime, *, detail: dict[str, Any]) -> Any:
    """A deed that is refused after it noted something."""
    door = runtime.door(ADMIN)

    class Tried:
        def __enter__(self) -> None:
            def work(deed: audit.Deed) -> None:
                deed.detail.update(detail)
                raise Invalid("no")

            with pytest.raises(Invalid):
                door.make("leave.change", "test", "nothing", work)

        def __exit__(self, *_: object) -> None:
            return None

    return Tried()


# The end of a transaction


def test_a_change_whose_end_was_not_heard_is_looked_up(
    demo: TestDatabase, door: Door, quiet_crew: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection dies while COMMIT is answered: it was said to have failed, and was done."""
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=30))
    real, lost = psycopg.Connection.commit, []

    def commit(self: psycopg.Connection) -> None:
        ours = not lost and self.execute("SELECT current_setting('fleetcache.actor', true)").fetchone() == ("m",)
        real(self)
        if ours:
            lost.append(1)
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.Connection, "commit", commit)
    shown = version(demo, number)
    made = leave.review(door, number, shown)
    assert lost and made.value.version == version(demo, number)
    assert actions(demo, "leave.review") == [("m", "done", 1)]


def test_when_nobody_can_say_it_is_said(
    demo: TestDatabase, door: Door, quiet_crew: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=30))
    before = len(demo.rows("SELECT 1 FROM audit_log"))

    def unheard(self: psycopg.Connection) -> None:
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    shown = version(demo, number)
    monkeypatch.setattr(audit, "_came_through", unsure)
    monkeypatch.setattr(psycopg.Connection, "commit", unheard)
    with pytest.raises(Unsure, match="may have been done"):
        leave.review(door, number, shown)
    monkeypatch.undo()
    assert len(demo.rows("SELECT 1 FROM audit_log")) == before, "nothing is claimed"


def unsure(*_: object) -> bool:
    raise Unsure()


def test_a_server_that_hangs_at_the_end_holds_nobody_for_ever(demo: TestDatabase) -> None:
    """COMMIT had no deadline: a page, a connection and the lock of a fleet waited with it."""
    database = Database(demo.url, statement_seconds=0.3)
    ended: list[float] = []

    def hang() -> None:
        began = time.monotonic()
        try:
            with database.change(actor="x", role="admin") as connection:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql(
                    "CREATE FUNCTION pg_temp.late() RETURNS trigger LANGUAGE plpgsql AS"
                    " $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$"
                )
                connection.exec_driver_sql("CREATE TEMP TABLE slow (n int)")
                connection.exec_driver_sql(
                    "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
                    " FOR EACH ROW EXECUTE FUNCTION pg_temp.late()"
                )
                connection.exec_driver_sql("INSERT INTO slow VALUES (1)")
        except FleetcacheError:
            ended.append(time.monotonic() - began)

    thread = threading.Thread(target=hang, daemon=True)
    thread.start()
    thread.join(10)
    assert ended and ended[0] < 10
    database.close()


def test_who_waits_for_somebody_s_row_is_told_that(demo: TestDatabase, runtime: Runtime, quiet_crew: list[int]) -> None:
    """It used to say that PostgreSQL should be looked at."""
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=20))
    shown = version(demo, number)
    with demo.owner() as other:
        other.execute("SELECT FROM leave_requests WHERE id = %s FOR UPDATE", [number])
        with pytest.raises(Busy, match="Somebody else"):
            leave.review(runtime.door(MANAGER), number, shown)


# Judging


def test_a_pilot_who_moves_meanwhile_is_judged_beside_the_new_crew_and_waits_for_it(
    demo: TestDatabase, make_runtime: Callable[..., Runtime], quiet_crew: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fleet was read before the lock: the wrong one was locked, and both got through at the floor."""
    moves, stays = quiet_crew[0], quiet_crew[1]
    first = today(demo) + timedelta(days=40)
    demo.sql(f"UPDATE pilots SET fleet = 'DHC-8-400' WHERE id = {moves}")
    at_floor(demo, quiet_crew)
    numbers = asked(demo, moves, first), asked(demo, stays, first)
    shown = [version(demo, number) for number in numbers]
    instances = make_runtime(demo), make_runtime(demo)
    real = leave._effect

    def slow(*of: Any) -> Any:
        found = real(*of)
        time.sleep(0.3)
        return found

    outcome: dict[int, object] = {}

    def decide(place: int) -> None:
        door = instances[place].door(MANAGER)
        outcome[place] = refusal(lambda: leave.approve(door, numbers[place], shown[place]))

    with demo.owner() as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtext('leave'), hashtext('DHC-8-400|captain'))")
        one = threading.Thread(target=decide, args=(0,))
        other.execute("UPDATE pilots SET fleet = 'A330-200' WHERE id = %s", [moves])
        one.start()
        time.sleep(0.3)
    monkeypatch.setattr(leave, "_effect", slow)
    two = threading.Thread(target=decide, args=(1,))
    two.start()
    one.join()
    two.join()
    assert [status(demo, number) for number in numbers].count("APPROVED") == 1, outcome


def test_an_override_covers_what_was_shown_and_no_more(
    demo: TestDatabase, runtime: Runtime, quiet_crew: list[int]
) -> None:
    """The reason was given for a senior colleague's request; meanwhile four fell ill."""
    at_floor(demo, quiet_crew)
    first = today(demo) + timedelta(days=40)
    asked(demo, quiet_crew[0], first)
    junior = asked(demo, quiet_crew[5], first)
    seen = leave.preview(runtime.database, junior, role="admin")
    assert len(seen.objections()) == 1
    demo.sql(
        *(
            "INSERT INTO leave_requests (pilot_id, leave_type, first_day, status, submitted_at)"
            f" VALUES ({quiet_crew[place]}, 'SICK', '{first}', 'APPROVED', now())"
            for place in (7, 8, 9, 10)
        )
    )
    with pytest.raises(Conflict, match="More stands against"):
        leave.approve(runtime.door(ADMIN), junior, str(seen.request["version"]), override="they agreed", seen=seen)
    again = leave.preview(runtime.database, junior, role="admin")
    leave.approve(runtime.door(ADMIN), junior, str(seen.request["version"]), override="cover found", seen=again)


def test_days_that_are_over_are_jumped_by_nobody(demo: TestDatabase, runtime: Runtime, quiet_crew: list[int]) -> None:
    demo.sql("UPDATE fleets SET minimum_captains = 0 WHERE code = 'A330-200'")
    day = today(demo)
    asked(demo, quiet_crew[0], day - timedelta(days=6), days=10)
    late = asked(demo, quiet_crew[5], day - timedelta(days=10), days=6)
    assert leave.preview(runtime.database, late, role="admin").objections() == []
    asked(demo, quiet_crew[1], day - timedelta(days=5), days=5)  # ended yesterday
    running = asked(demo, quiet_crew[6], day - timedelta(days=2), days=5)
    before = leave.preview(runtime.database, running, role="admin").before
    assert [row["seniority"] for row in before] and all(row["last_day"] >= day for row in before)


def test_who_is_away_already_takes_nobody_more_away(demo: TestDatabase, runtime: Runtime, quiet_crew: list[int]) -> None:
    """The crew is below its minimum as it is; this request changes nothing of it."""
    demo.sql(f"UPDATE fleets SET minimum_captains = {len(quiet_crew) + 1} WHERE code = 'A330-200'")
    first = today(demo) + timedelta(days=40)
    demo.sql(
        "INSERT INTO leave_requests (pilot_id, leave_type, first_day, last_day, status, submitted_at)"
        f" VALUES ({quiet_crew[0]}, 'SICK', '{first}', '{first + timedelta(days=5)}', 'APPROVED', now())"
    )
    number = asked(demo, quiet_crew[0], first)
    assert leave.preview(runtime.database, number, role="admin").objections() == []


def test_a_draft_is_not_late_and_nobody_asks_twice(demo: TestDatabase, door: Door, quiet_crew: list[int]) -> None:
    first = today(demo) + timedelta(days=40)
    wish: dict[str, Any] = {"pilot_id": quiet_crew[3], "leave_type": "ANNUAL", "first_day": first}
    draft = leave.submit(door, **wish, draft=True).value
    seen = leave.preview(door.database, draft, role="manager")
    assert seen.request["in_time"] is None and not any("deadline" in one for one in seen.warnings())
    with pytest.raises(Invalid, match="already"):
        leave.submit(door, **wish)
    with pytest.raises(Invalid):
        leave.submit(door, **{**wish, "pilot_id": True})
    leave.withdraw(door, draft, version(demo, draft), reason="typed in error")
    number = leave.submit(door, **wish).value
    demo.sql(f"UPDATE pilots SET active = false WHERE id = {quiet_crew[3]}")
    with pytest.raises(Invalid, match="not active"):
        leave.approve(door, number, version(demo, number))


def test_the_reason_of_a_denial_outlives_its_being_taken_back(
    demo: TestDatabase, door: Door, quiet_crew: list[int]
) -> None:
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=20))
    made = leave.deny(door, number, version(demo, number), reason="simulator that week")
    leave.reopen(door, number, made.value.version)
    assert demo.rows("SELECT detail->>'reason' FROM audit_log WHERE action = 'leave.deny'") == [("simulator that week",)]


def test_taking_back_is_of_ones_own_decision(demo: TestDatabase, runtime: Runtime, quiet_crew: list[int]) -> None:
    """Somebody else has decided it anew since: theirs is not undone."""
    number = asked(demo, quiet_crew[0], today(demo) + timedelta(days=20))
    mine = leave.approve(runtime.door(MANAGER), number, version(demo, number)).value
    other = runtime.door(Person("o", "manager", "test"))
    again = leave.reopen(other, number, mine.version).value
    leave.deny(other, number, again.version, reason="grounded")
    with pytest.raises(Conflict):
        leave.reopen(runtime.door(MANAGER), number, mine.version)
    assert status(demo, number) == "DENIED"


# Labels and settings


def test_the_label_that_comes_back_has_the_change_in_it(
    demo: TestDatabase, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted before the commit it was equal to that of a snapshot with somebody else's change in its place."""
    one, other = (
        int(str(row[0]))
        for row in demo.rows("SELECT id FROM leave_requests WHERE status = 'SUBMITTED' ORDER BY id LIMIT 2")
    )
    real = audit._record
    seen: list[Any] = []

    def meanwhile(*args: Any, **more: Any) -> str:
        written = real(*args, **more)
        demo.sql(f"UPDATE leave_requests SET channel = 'phone' WHERE id = {other}")
        seen.append(runtime.cache.read_strict("fleet:leave:pending").version)
        seen.append(runtime.cache.ledger.known)
        return written

    monkeypatch.setattr(audit, "_record", meanwhile)
    made = leave.withdraw(runtime.door(MANAGER), one, version(demo, one))
    assert made.label is not None
    assert made.label.versions["leave"] > seen[1].versions["leave"]


def test_two_previews_of_one_state_make_one_change(
    demo: TestDatabase, make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both had read the state before either wrote: the second was shown 65 and changed 60."""
    doors = [make_runtime(demo).door(Person(name, "admin", "test")) for name in ("a", "b")]
    previews = [settings.preview(door, settings.setting("retirement_age", age)) for door, age in zip(doors, (60, 62), strict=True)]
    real = settings._write

    def slow(*of: Any) -> None:
        time.sleep(0.3)
        real(*of)

    monkeypatch.setattr(settings, "_write", slow)
    refusals: list[object] = []
    threads = [
        threading.Thread(target=lambda door=door, seen=seen: refusals.append(refusal(lambda: settings.put(door, seen))))
        for door, seen in zip(doors, previews, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(one).__name__ for one in refusals) == ["Conflict", "NoneType"]


def test_a_viewer_is_refused_before_anything_is_held(demo: TestDatabase, runtime: Runtime) -> None:
    with pytest.raises(Forbidden):
        leave.review(runtime.door(Person("v", "viewer", "test")), 1, "1")
