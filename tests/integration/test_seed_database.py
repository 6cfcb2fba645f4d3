"""Seeding a real database: what SQL counts, the fingerprint, and all or nothing."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from fleetcache.source.seed import demo_state, fingerprint, seed
from fleetcache.source.seed.state import COLUMNS

TODAY = date(2026, 11, 23)
LATER = date(2027, 3, 1)

RECOUNT = """
WITH day AS (SELECT %(day)s::date AS today),
held AS (
    SELECT c.*, t.never_expires OR c.never_expires AS never
    FROM certifications c JOIN check_types t ON t.code = c.check_type
    JOIN pilots p ON p.id = c.pilot_id AND p.active
    WHERE c.superseded_by IS NULL AND c.void_reason IS NULL
),
needed AS (
    SELECT DISTINCT p.id AS pilot_id, r.check_type FROM pilots p JOIN check_requirements r
      ON (r.rank IS NULL OR r.rank = p.rank) AND (r.fleet IS NULL OR r.fleet = p.fleet)
     AND (r.qualification IS NULL
          OR (r.qualification = 'training_captain' AND p.training_captain)
          OR (r.qualification = 'examiner' AND p.examiner)
          OR (r.qualification = 'expatriate' AND p.expatriate))
    WHERE p.active
),
missing AS (
    SELECT n.* FROM needed n LEFT JOIN held h USING (pilot_id, check_type) WHERE h.id IS NULL
),
overdue AS (
    SELECT p.id AS pilot_id FROM pilots p, day WHERE p.active
    AND CASE WHEN to_char(p.date_of_birth, 'MM-DD') = '02-29' THEN
          make_date(extract(year FROM p.date_of_birth)::int + 65, 3, 1)
        ELSE (p.date_of_birth + interval '65 years')::date END <= day.today
),
bad AS (
    SELECT pilot_id FROM held JOIN needed USING (pilot_id, check_type), day
    WHERE expires_on < day.today
    UNION SELECT pilot_id FROM missing UNION SELECT pilot_id FROM overdue
),
unproven AS (
    SELECT DISTINCT pilot_id FROM held JOIN needed USING (pilot_id, check_type)
    WHERE expires_on IS NULL AND NOT never EXCEPT SELECT pilot_id FROM bad
)
SELECT (SELECT count(*) FROM pilots) AS total,
       (SELECT count(*) FROM pilots WHERE active) AS active,
       (SELECT count(*) FROM pilots WHERE active AND rank = 'captain') AS captains,
       (SELECT count(*) FROM pilots WHERE active)
         - (SELECT count(*) FROM bad) - (SELECT count(*) FROM unproven) AS compliant,
       (SELECT count(*) FROM unproven) AS unproven,
       (SELECT count(*) FROM held, day WHERE expires_on < today) AS expired,
       (SELECT count(*) FROM held, day WHERE expires_on BETWEEN today AND today + 30) AS expiring,
       (SELECT count(*) FROM missing) AS missing,
       (SELECT count(DISTINCT l.pilot_id) FROM leave_requests l
          JOIN pilots p ON p.id = l.pilot_id AND p.active, day
        WHERE l.status = 'APPROVED'
          AND today BETWEEN l.first_day AND coalesce(l.last_day, l.first_day)) AS on_leave,
       (SELECT count(*) FROM leave_requests l JOIN pilots p ON p.id = l.pilot_id AND p.active, day
        WHERE l.status IN ('SUBMITTED', 'IN_REVIEW')
          AND coalesce(l.last_day, l.first_day) >= today) AS pending,
       (SELECT count(*) FROM held) AS held
"""


@pytest.fixture
def connection(database: Any) -> psycopg.Connection[Any]:
    opened: psycopg.Connection[Any] = database.owner()
    opened.autocommit = True
    return opened


def one(connection: psycopg.Connection[Any], query: str, *values: Any) -> Any:
    row = connection.execute(query, values or None).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def recount(connection: psycopg.Connection[Any], day: date) -> dict[str, int]:
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        cursor.execute(RECOUNT, {"day": day})
        row = cursor.fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("profile", ["tiny", "demo"])
def test_sql_counts_what_was_promised(connection: psycopg.Connection[Any], profile: str) -> None:
    seed(connection, profile=profile, as_of=TODAY)
    now = recount(connection, TODAY)
    if profile == "demo":
        assert (now["active"], now["captains"]) == (362, 178)
        assert now["held"] == pytest.approx(7700, rel=0.02)
        assert now["active"] - now["compliant"] - now["unproven"] == pytest.approx(18, abs=2)
    else:
        assert (now["active"], now["captains"]) == (27, 14)
    yesterday = recount(connection, TODAY - timedelta(days=1))
    held = yesterday.pop("held")
    assert held == now["held"]
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        cursor.execute("SELECT * FROM daily_metrics ORDER BY day DESC LIMIT 1")
        last = cursor.fetchone()
    assert last is not None
    assert {name: last[name] for name in yesterday} == yesterday
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        state = demo_state(connection)
        took.append(time.perf_counter() - begun)
        assert state is not None and not state.edited
    assert min(took) < 0.1, "30 ms measured for demo"


def test_reseeding_replaces_everything_and_ids_go_on(
    connection: psycopg.Connection[Any],
) -> None:
    calls: list[tuple[int, int]] = []
    seed(connection, profile="demo", as_of=TODAY)
    seed(
        connection,
        profile="tiny",
        as_of=TODAY,
        progress=lambda done, all_: calls.append((done, all_)),
    )
    assert calls[0][0] == 0 and calls[-1][0] == calls[-1][1]
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert one(connection, "SELECT count(*) FROM pilots WHERE active") == 27
    assert one(connection, "SELECT count(*) FROM demo") == 1
    state = demo_state(connection)
    assert state is not None
    assert (state.profile, state.as_of, state.edited) == ("tiny", TODAY, False)
    connection.execute(
        "INSERT INTO leave_requests (pilot_id, leave_type, first_day, status)"
        " VALUES (1, 'RDO', '2026-12-01', 'DRAFT')"
    )
    connection.execute(
        "INSERT INTO pilots (fleet, base, contract, rank, licence, commenced_on, seniority)"
        " VALUES ('B737-800', 'POM', 'FULL_TIME', 'captain', 'ATPL', '2026-01-01', 99999)"
    )


def test_settings_stay(connection: psycopg.Connection[Any]) -> None:
    assert demo_state(connection) is None, "nothing seeded yet"
    connection.execute("UPDATE settings SET value = '60' WHERE name = 'retirement_age'")
    seed(connection, profile="tiny", as_of=TODAY)
    assert one(connection, "SELECT value FROM settings WHERE name = 'retirement_age'") == 60


def test_a_failure_leaves_the_old_rows(connection: psycopg.Connection[Any]) -> None:
    seed(connection, profile="tiny", as_of=TODAY)
    before = fingerprint(connection)

    def fail(done: int, total: int) -> None:
        if done > total / 2:
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        seed(connection, profile="tiny", as_of=LATER, progress=fail)
    assert fingerprint(connection) == before
    assert demo_state(connection) is not None


EDITS = (
    "UPDATE certifications SET completed_on = completed_on - 1 WHERE id = 7",
    "UPDATE certifications SET void_reason = 'x', voided_at = now() WHERE id = 9",
    "UPDATE pilots SET expatriate = NOT expatriate WHERE id = 2",
    "UPDATE pilot_identity SET phone = NULL WHERE pilot_id = 3",
    "DELETE FROM leave_requests WHERE id = 5",
    "INSERT INTO bases VALUES ('HIR', 'Honiara')",
    "UPDATE fleets SET minimum_captains = minimum_captains + 1",
    "UPDATE check_types SET position = position + 100",
    "DELETE FROM check_requirements WHERE id = 1",
    "UPDATE contract_types SET name = name || '.' WHERE code = 'FULL_TIME'",
    "UPDATE leave_requests l SET pilot_id = m.pilot_id FROM leave_requests m"
    " WHERE (l.id, m.id) IN ((1, 2), (2, 1))",
)


def test_an_edit_by_plain_sql_is_noticed(connection: psycopg.Connection[Any]) -> None:
    seed(connection, profile="tiny", as_of=TODAY)
    for edit in EDITS:
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT set_config('fleetcache.role', 'admin', true)")
            assert connection.execute(edit).rowcount >= 1
            state = demo_state(connection)
            assert state is not None and state.edited, edit
    state = demo_state(connection)
    assert state is not None and not state.edited


def test_what_the_app_writes_itself_is_no_edit(connection: psycopg.Connection[Any]) -> None:
    seed(connection, profile="tiny", as_of=TODAY)
    connection.execute("DELETE FROM daily_metrics")
    connection.execute("UPDATE settings SET updated_at = now()")
    state = demo_state(connection)
    assert state is not None and not state.edited


def test_the_fingerprint_ignores_order_and_session_settings(
    connection: psycopg.Connection[Any],
) -> None:
    seed(connection, profile="tiny", as_of=TODAY)
    plain = fingerprint(connection)
    connection.execute("UPDATE pilots SET base = base")
    connection.execute("SET datestyle = 'SQL, DMY'")
    connection.execute("SET timezone = 'America/Caracas'")
    connection.execute("SET intervalstyle = 'iso_8601'")
    connection.execute("SET enable_seqscan = off")
    assert fingerprint(connection) == plain
    with connection.transaction():
        connection.execute("SELECT set_config('fleetcache.role', 'manager', true)")
        assert fingerprint(connection) == plain
        assert one(connection, "SELECT current_setting('fleetcache.role')") == "manager"


def test_the_fingerprint_is_the_same_in_two_databases_of_one_seed(
    connection: psycopg.Connection[Any],
) -> None:
    seed(connection, profile="tiny", as_of=TODAY)
    first = fingerprint(connection)
    seed(connection, profile="tiny", as_of=TODAY + timedelta(days=1))
    assert fingerprint(connection) != first
    seed(connection, profile="tiny", as_of=TODAY)
    assert fingerprint(connection) == first


def test_the_fingerprint_covers_every_column(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(
        "SELECT table_name, string_agg(column_name, ' ' ORDER BY ordinal_position)"
        " FROM information_schema.columns WHERE table_schema = 'fleetcache'"
        " AND table_name = ANY(%s) AND is_generated = 'NEVER' GROUP BY table_name",
        [list(COLUMNS)],
    ).fetchall()
    assert dict(rows) == COLUMNS


@pytest.mark.slow
def test_load_has_12000_pilots_and_is_seeded_soon(connection: psycopg.Connection[Any]) -> None:
    begun = time.perf_counter()
    seed(connection, profile="load", as_of=TODAY)
    assert time.perf_counter() - begun < 120, "31 s on two idle cores; a busy machine doubles it"
    now = recount(connection, TODAY)
    assert now["active"] == 12_000
    assert now["held"] == pytest.approx(255_000, rel=0.02)
