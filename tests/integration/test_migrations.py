"""The schema: made once, mended when something was dropped, and never forced on somebody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date

import psycopg
import pytest

from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import ForeignDatabase, InTheWay, SourceDown
from fleetcache.source import daily, migrations, people, raw, view
from fleetcache.source import demo as airline
from fleetcache.source.database import Database
from tests.conftest import TestDatabase


def migrate(database: TestDatabase) -> list[str]:
    return migrations.migrate(database.owner_url, app_role="fleetcache_app")


def test_migrating_twice_does_nothing(database: TestDatabase) -> None:
    assert migrate(database) == []


def test_a_database_of_somebody_else_is_left_alone(make_database: Callable[..., TestDatabase]) -> None:
    foreign = make_database()
    foreign.sql("CREATE TABLE public.theirs (id int)")
    with pytest.raises(ForeignDatabase):
        migrate(foreign)
    assert foreign.rows("SELECT to_regnamespace('fleetcache') IS NULL") == [(True,)]


def test_instances_that_start_together_migrate_once(make_database: Callable[..., TestDatabase]) -> None:
    fresh = make_database()
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda: done.append(migrate(fresh))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(steps) > 0 for steps in done) == [False, False, False, True]


@pytest.mark.parametrize(
    "drop",
    [
        "DROP MATERIALIZED VIEW figures",
        "DROP INDEX figures_key",
        "DROP VIEW check_facts CASCADE",
        "DROP FUNCTION refresh_figures()",
        "DROP FUNCTION today() CASCADE",
    ],
)
def test_migrate_makes_again_what_was_dropped(demo: TestDatabase, drop: str) -> None:
    """In the old system DROP … CASCADE took the view along and its grants were lost."""
    demo.sql(drop)
    assert migrate(demo) == ["made the facts and the materialized view"]
    opened = Database(demo.url)
    try:
        view.refresh(opened)
        assert view.state(opened).fault is None
        loaded = view.load(opened, list(CATALOGUE))
        counted = raw.count(opened, CATALOGUE["dashboard:metrics"])["dashboard:metrics"]
        assert loaded["dashboard:metrics"].value == counted.value  # type: ignore[union-attr]
    finally:
        opened.close()


def test_objects_of_the_users_are_left_alone(demo: TestDatabase) -> None:
    """A report of theirs beside ours, and one that leans on ours, outlive a migrate."""
    demo.sql(
        "CREATE VIEW my_report AS SELECT count(*) FROM pilots",
        "CREATE FUNCTION my_function() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE PROCEDURE my_procedure() LANGUAGE sql AS 'SELECT 1'",
    )
    assert migrate(demo) == []
    demo.sql("DROP INDEX figures_key")
    assert migrate(demo)
    assert demo.rows("SELECT count(*), (SELECT my_function()) FROM my_report") == [(1, 1)]
    demo.sql("CREATE VIEW public.leaning AS SELECT * FROM pilot_compliance", "DROP INDEX figures_key")
    with pytest.raises(InTheWay) as caught:
        migrate(demo)
    assert "leaning" in caught.value.technical
    assert demo.rows("SELECT count(*) FROM public.leaning") == [(362,)], "nothing was half done"
    demo.sql("DROP VIEW public.leaning")
    assert migrate(demo)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE certifications SET expires_on = 'infinity' WHERE id = 1",
        "UPDATE certifications SET completed_on = '-infinity' WHERE id = 1",
        "UPDATE leave_requests SET last_day = 'infinity' WHERE id = 1",
        "UPDATE leave_requests SET first_day = '20261-12-01', last_day = NULL WHERE id = 1",
        "UPDATE leave_requests SET submitted_at = 'infinity', decided_at = NULL WHERE id = 1",
        "UPDATE pilots SET date_of_birth = '-infinity' WHERE id = 1",
        "UPDATE settings SET value = '0' WHERE name = 'roster_days'",
        "UPDATE settings SET value = '0' WHERE name = 'pilots_per_examiner'",
        "UPDATE settings SET value = '6.5' WHERE name = 'retirement_age'",
        "UPDATE settings SET value = 'null' WHERE name = 'retirement_age'",
        "UPDATE settings SET value = '\"28\"' WHERE name = 'roster_days'",
        "UPDATE settings SET value = '\"Mars/Olympus\"' WHERE name = 'fleet_time_zone'",
        "UPDATE settings SET value = '\"soon\"' WHERE name = 'roster_anchor'",
        "UPDATE settings SET value = '[]' WHERE name = 'ttl_overrides'",
    ],
)
def test_a_row_that_would_stop_every_count_is_refused(demo: TestDatabase, statement: str) -> None:
    """One infinite day or one impossible setting took all certification figures down on all layers."""
    with pytest.raises((psycopg.DataError, psycopg.IntegrityError)):
        demo.sql(statement)


def test_grants_come_back(demo: TestDatabase) -> None:
    demo.sql("REVOKE ALL ON ALL TABLES IN SCHEMA fleetcache FROM fleetcache_app")
    migrate(demo)
    with psycopg.connect(demo.url) as connection:
        assert connection.execute("SELECT count(*) FROM figures").fetchone() == (len(CATALOGUE),)


def test_the_view_can_be_refreshed_concurrently_by_the_app(source: Database) -> None:
    """The old view had no unique index, so CONCURRENTLY always failed."""
    before = view.state(source)
    assert view.refresh(source).at > (before.refreshed_at or 0)


def test_readers_are_not_blocked_by_a_refresh(source: Database, demo: TestDatabase) -> None:
    """Behind an idle transaction that holds a lock on the view, a plain REFRESH would block everybody."""
    with psycopg.connect(demo.url) as idle:
        idle.execute("SELECT count(*) FROM fleetcache.figures")
        view.refresh(source)
        assert view.load(source, ["fleet:stats"])


def test_no_constraint_and_no_view_speaks_of_the_current_date(database: TestDatabase) -> None:
    """Rows that were right yesterday must stay writable tomorrow; counts go by the fleet's calendar."""
    found = database.rows(
        "SELECT conname::text FROM pg_constraint WHERE pg_get_constraintdef(oid) ~* 'current_date|now\\('"
        " UNION ALL SELECT viewname::text FROM pg_views WHERE schemaname = 'fleetcache'"
        " AND definition ~* 'current_date'"
        " UNION ALL SELECT matviewname::text FROM pg_matviews WHERE definition ~* 'current_date'"
    )
    assert found == []


def test_the_app_is_not_the_owner_and_cannot_change_the_audit(demo: TestDatabase) -> None:
    with psycopg.connect(demo.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO audit_log (actor, action, subject, instance, outcome) VALUES ('a', 'b', 'c', 'd', 'done')"
        )
        for statement in (
            "UPDATE audit_log SET actor = 'x'",
            "DELETE FROM audit_log",
            "TRUNCATE audit_log",
            "DROP MATERIALIZED VIEW figures",
            "ALTER TABLE pilots ADD COLUMN x int",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_names_need_a_signed_in_role(demo: TestDatabase, source: Database) -> None:
    """A5: without a role no row, for the app and for the owner; with one, all."""
    filters = {"fleet": None, "rank": None, "base": None}
    assert people.rows(source, "pilots", role="", **filters) == []
    assert len(people.rows(source, "pilots", role="viewer", **filters)) == 376
    assert people.rows(source, "pilots", role="", **filters) == [], "the role ended with its transaction"
    for url in (demo.url, demo.owner_url):
        with psycopg.connect(url, options="-c search_path=fleetcache") as connection:
            assert connection.execute("SELECT count(*) FROM pilot_identity").fetchone() == (0,)


def test_no_view_touches_the_names(database: TestDatabase) -> None:
    """Under row-level security an aggregate over names would be a silent zero."""
    found = database.rows(
        "SELECT DISTINCT c.relname::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid"
        " JOIN pg_class c ON c.oid = r.ev_class WHERE d.refobjid = 'pilot_identity'::regclass"
    )
    assert found == []


def test_one_current_row_per_pilot_and_check(demo: TestDatabase) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        demo.sql(
            "INSERT INTO certifications (pilot_id, check_type, completed_on, issuer, document_number, recorded_by)"
            " SELECT pilot_id, check_type, completed_on, 'x', 'x', 'x' FROM certifications"
            " WHERE superseded_by IS NULL AND void_reason IS NULL LIMIT 1"
        )


def test_a_setting_that_is_gone_stops_the_count(demo: TestDatabase, source: Database) -> None:
    """Nulls would make every pilot's age limit unknown; an error is honest."""
    demo.sql("DELETE FROM settings WHERE name = 'retirement_age'")
    with pytest.raises(SourceDown) as caught:
        raw.count(source, CATALOGUE["fleet:retirement:nearing"])
    assert "retirement_age" in caught.value.technical
    assert "retirement_age" not in str(caught.value), "what the database says is for administrators"


def test_the_retirement_age_is_the_setting(demo: TestDatabase, source: Database) -> None:
    """The old system said 60 in code and 65 in its settings."""
    entry = CATALOGUE["fleet:retirement:forecast"]
    before = raw.count(source, entry)[entry.name].value
    demo.sql("UPDATE settings SET value = '60' WHERE name = 'retirement_age'")
    after = raw.count(source, entry)[entry.name].value
    assert after.buckets.overdue > before.buckets.overdue  # type: ignore[attr-defined]


def test_a_database_that_cannot_be_reached_is_said_so() -> None:
    with pytest.raises(SourceDown):
        migrations.migrate("postgresql://nobody@/nothing?host=/nowhere")


def renew(database: TestDatabase, profile: str | None, **more: bool) -> tuple[bool, tuple[str, ...]]:
    return airline.renew(database.owner_url, profile, progress=lambda step: None, **more)


def test_the_demo_is_renewed_each_day_unless_somebody_edited_it(database: TestDatabase) -> None:
    assert renew(database, "tiny") == (True, ())
    assert renew(database, "tiny") == (False, ())
    database.sql("UPDATE demo SET as_of = as_of - 1")
    assert renew(database, None) == (True, ()), "an earlier day, untouched"
    database.sql("UPDATE demo SET as_of = as_of - 1", "DELETE FROM leave_requests WHERE id = 1")
    seeded, warnings = renew(database, "tiny")
    assert not seeded
    assert "edited" in warnings[0]
    assert renew(database, "tiny", force=True) == (True, ())


def test_the_day_that_ended_is_written_once(demo: TestDatabase, source: Database) -> None:
    """Trends come from these rows; the seed's own row of yesterday says what ours must say."""
    columns = (
        "day, total, active, captains, first_officers, training_captains, examiners, compliant, unproven,"
        " expired, expiring, missing, on_leave, pending"
    )
    newest = f"SELECT {columns} FROM daily_metrics ORDER BY day DESC LIMIT 1"
    seeded = demo.rows(newest)
    assert not daily.close_day(source, grace=86_400)
    demo.sql("DELETE FROM daily_metrics WHERE day = today() - 1")
    assert not daily.close_day(source, grace=0), "long after midnight the rows no longer say what was"
    assert daily.close_day(source, grace=86_400)
    assert not daily.close_day(source, grace=86_400)
    assert demo.rows(newest) == seeded


def test_an_empty_airline_has_no_day(database: TestDatabase) -> None:
    opened = Database(database.url)
    assert not daily.close_day(opened, grace=86_400)
    opened.close()
    assert database.rows("SELECT count(*) FROM daily_metrics") == [(0,)]


def test_another_profile_is_a_warning_and_changes_nothing(database: TestDatabase) -> None:
    renew(database, "tiny")
    seeded, warnings = renew(database, "demo")
    assert not seeded
    assert "tiny" in warnings[0]
    assert database.rows("SELECT count(*) FROM pilots WHERE active") == [(27,)]


def test_renewing_keeps_the_profile_unless_another_is_asked_for(database: TestDatabase) -> None:
    airline.renew(database.owner_url, None, fresh="tiny", progress=lambda step: None)
    airline.renew(database.owner_url, None, fresh="demo", force=True, progress=lambda step: None)
    assert database.rows("SELECT profile FROM demo") == [("tiny",)]
    airline.renew(database.owner_url, "demo", force=True, progress=lambda step: None)
    assert database.rows("SELECT profile FROM demo") == [("demo",)]


def test_pilots_of_the_users_own_are_never_seeded_over(demo: TestDatabase) -> None:
    demo.sql("DELETE FROM demo")
    before = demo.rows("SELECT count(*) FROM pilots")
    assert renew(demo, "tiny", force=True) == (False, ())
    assert demo.rows("SELECT count(*) FROM pilots") == before


def test_an_empty_database_of_the_user_is_not_seeded_unasked(database: TestDatabase) -> None:
    assert renew(database, None) == (False, ())
    assert database.rows("SELECT count(*) FROM pilots") == [(0,)]


def test_every_list_can_be_asked_as_of_another_day(source: Database) -> None:
    """History: what was held on a day in June is not what is held today."""
    filters = {"fleet": None, "rank": None, "category": None, "state": None, "search": None}
    now = people.rows(source, "certifications", role="manager", most=20_000, **filters)
    then = people.rows(
        source, "certifications", role="manager", as_of=date(2026, 6, 14), most=20_000, **filters
    )
    assert all(row["completed_on"] <= date(2026, 6, 14) for row in then)
    assert {row["document_number"] for row in now} != {row["document_number"] for row in then}
