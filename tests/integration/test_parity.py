"""Every layer gives the same numbers, and they are the right ones: the view, the raw queries and a
recount in plain Python agree for every key, field by field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetcache.catalogue import CATALOGUE
from fleetcache.source import raw, view
from fleetcache.source.database import Database
from fleetcache.source.seed import seed
from tests.conftest import TestDatabase
from tests.recount import recount

TODAYS = [date(2026, 11, 23), date(2028, 2, 29), date(2027, 2, 28), date(2026, 12, 31), date(2027, 1, 1)]


def plain(value: Any) -> Any:
    """A shape as the JSON it stands for, moments made comparable."""
    return comparable(msgspec.json.decode(msgspec.json.encode(value)))


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: moment(v) if k == "deadlineAt" else comparable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(v) for v in value]
    return value


def moment(value: Any) -> datetime:
    return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone(UTC)


def counted(database: Database, today: date) -> dict[str, Any]:
    """Every key by the raw queries as of a day."""
    found: dict[str, Any] = {}
    for entry in CATALOGUE.values():
        if entry.name not in found:
            found.update(raw.count(database, entry, today=today))
    return {name: plain(loaded.value) for name, loaded in found.items()}


def agree(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert set(found) == set(expected) == set(CATALOGUE)
    for key in CATALOGUE:
        assert found[key] == comparable(expected[key]), key


def test_the_demo_counts_right_on_every_layer(demo: TestDatabase, source: Database) -> None:
    """D2 on the airline people see: view = raw queries = recount, today."""
    loaded = view.load(source, list(CATALOGUE))
    by_view = {name: plain(each.value) for name, each in loaded.items()}  # type: ignore[union-attr]
    with demo.owner() as connection:
        today = source_today(connection)
        expected = recount(connection, today)
    agree(by_view, expected)
    agree(counted(source, today), expected)


@pytest.mark.parametrize("today", TODAYS, ids=str)
def test_a_small_airline_counts_right_on_awkward_days(
    database: TestDatabase, today: date
) -> None:
    """Month ends, leap days and the turn of the year."""
    with database.owner() as connection:
        seed(connection, profile="tiny", as_of=today)
    opened = Database(database.url)
    try:
        found = counted(opened, today)
    finally:
        opened.close()
    with database.owner() as connection:
        agree(found, recount(connection, today))


def source_today(connection: psycopg.Connection) -> date:
    row = connection.execute("SELECT today()").fetchone()
    assert row is not None
    return row[0]


# --- random fleets

DAYS = st.integers(-40, 130)
SPOTS = st.sampled_from([-31, -8, -1, 0, 1, 7, 8, 29, 30, 31, 60, 61, 89, 90, 91, 400])


@st.composite
def fleets(draw: Any) -> dict[str, Any]:
    """A few pilots with checks and leave around a day, in an order of no importance."""
    today = draw(st.sampled_from([*TODAYS, date(2024, 2, 29), date(2026, 3, 1)]))
    people = draw(st.lists(st.builds(
        dict,
        fleet=st.sampled_from(["AAA", "BBB"]),
        rank=st.sampled_from(["captain", "first_officer"]),
        age=st.sampled_from([21, 30, 34, 35, 40, 55, 60, 62, 63, 64, 65, 66, None]),
        turn=st.integers(-3, 3),
        leap=st.booleans(),
        service=st.integers(0, 30),
        licence=st.sampled_from(["ATPL", "CPL"]),
        trains=st.booleans(),
        examines=st.booleans(),
        expatriate=st.booleans(),
        active=st.sampled_from([True, True, True, False]),
        checks=st.dictionaries(
            st.sampled_from(["ONE", "TWO", "THREE", "EVER"]),
            st.one_of(SPOTS, st.none(), st.just("never")),
        ),
        leave=st.lists(
            st.tuples(
                DAYS,
                st.one_of(st.none(), st.integers(0, 40)),
                st.sampled_from(["SUBMITTED", "IN_REVIEW", "APPROVED", "APPROVED", "DENIED", "WITHDRAWN", "DRAFT"]),
                st.sampled_from(["ANNUAL", "SICK", "MATERNITY"]),
            ),
            max_size=3,
        ),
    ), max_size=7))  # fmt: skip
    return {"today": today, "people": people, "limit": draw(st.sampled_from([60, 65]))}


def birth(today: date, age: int | None, turn: int, leap: bool) -> date | None:
    if age is None:
        return None
    year = today.year - age
    if leap and year % 4 == 0:
        return date(year, 2, 29)
    return (today.replace(day=28, year=year) if (today.month, today.day) == (2, 29) else today.replace(year=year)) + (
        timedelta(days=turn)
    )


def write(connection: psycopg.Connection, fleet: dict[str, Any]) -> None:
    """Put a random fleet in place of whatever was there."""
    today: date = fleet["today"]
    connection.execute(
        "TRUNCATE fleets, bases, contract_types, pilots, pilot_identity, check_types, check_requirements,"
        " certifications, leave_requests, daily_metrics RESTART IDENTITY CASCADE"
    )
    connection.execute("UPDATE settings SET value = %s::text::jsonb WHERE name = 'retirement_age'", [fleet["limit"]])
    connection.execute("INSERT INTO fleets VALUES ('AAA', 'A', 1, 2, 2, 1, 1), ('BBB', 'B', 2, 1, 3, 2, 0)")
    connection.execute("INSERT INTO bases VALUES ('HOM', 'Home')")
    connection.execute("INSERT INTO contract_types VALUES ('FULL', 'Full-time', NULL, NULL)")
    connection.execute(
        "INSERT INTO check_types (code, name, category, position, never_expires, validity, renewal_window) VALUES"
        " ('ONE', 'One', 'Ground', 1, false, 12, 3), ('TWO', 'Two', 'Medical', 2, false, 6, NULL),"
        " ('THREE', 'Three', 'Ground', 3, false, 24, 3), ('EVER', 'Ever', 'Licence', 4, true, NULL, NULL)"
    )
    connection.execute(
        "INSERT INTO check_requirements (check_type, rank, fleet, qualification) VALUES ('ONE', NULL, NULL, NULL),"
        " ('TWO', 'captain', NULL, NULL), ('TWO', NULL, 'BBB', NULL), ('THREE', NULL, NULL, 'examiner'),"
        " ('THREE', NULL, NULL, 'training_captain'), ('EVER', NULL, 'AAA', NULL)"
    )
    for number, p in enumerate(fleet["people"], start=1):
        captain = p["rank"] == "captain"
        born = birth(today, p["age"], p["turn"], p["leap"])
        commenced = today - timedelta(days=365 * p["service"])
        if born is not None:
            commenced = max(commenced, born + timedelta(days=1))
        connection.execute(
            "INSERT INTO pilots (id, fleet, base, contract, rank, licence, date_of_birth, commenced_on, seniority,"
            " training_captain, examiner, expatriate, active)"
            " VALUES (%s, %s, 'HOM', 'FULL', %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [number, p["fleet"], p["rank"], "ATPL" if captain else p["licence"], born, commenced, number,
             captain and p["trains"], captain and p["examines"], p["expatriate"], p["active"]],
        )  # fmt: skip
        for check, left in p["checks"].items():
            never = left == "never"
            expires = None if left is None or never else today + timedelta(days=left)
            connection.execute(
                "INSERT INTO certifications (pilot_id, check_type, completed_on, expires_on, never_expires, issuer,"
                " document_number, recorded_by) VALUES (%s, %s, %s, %s, %s, 'x', 'y', 'z')",
                [number, check, today - timedelta(days=500), expires, never],
            )
        for first, length, status, kind in p["leave"]:
            start = today + timedelta(days=first)
            connection.execute(
                "INSERT INTO leave_requests (pilot_id, leave_type, first_day, last_day, status, submitted_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [number, kind, start, None if length is None else start + timedelta(days=length), status,
                 datetime(2020, 1, 1, tzinfo=UTC)],
            )  # fmt: skip


@pytest.fixture(scope="module")
def playground(make_database: Callable[..., TestDatabase], migrated: str) -> TestDatabase:
    return make_database(migrated)


@pytest.fixture(scope="module")
def opened(playground: TestDatabase) -> Any:
    database = Database(playground.url)
    yield database
    database.close()


@settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fleet=fleets())
def test_any_fleet_on_any_day_counts_right(
    playground: TestDatabase, opened: Database, fleet: dict[str, Any]
) -> None:
    """Whatever the rows: raw queries = recount, for every key, without pilots too."""
    with playground.owner() as connection:
        write(connection, fleet)
    with playground.owner() as connection:
        agree(counted(opened, fleet["today"]), recount(connection, fleet["today"]))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    fleet=fleets(),
    zone=st.sampled_from(["UTC", "Pacific/Port_Moresby", "America/Los_Angeles"]),
    server=st.sampled_from(["UTC", "Pacific/Port_Moresby", "America/Los_Angeles"]),
)
def test_the_view_counts_like_the_recount_on_any_day(
    playground: TestDatabase, fleet: dict[str, Any], zone: str, server: str
) -> None:
    """Whatever the rows, the day, the fleet's time zone and the server's own: every column of the view."""
    with playground.owner() as connection:
        write(connection, fleet)
        connection.execute(
            "UPDATE settings SET value = to_jsonb(%s::text) WHERE name = 'fleet_time_zone'", [zone]
        )
    today = fleet["today"]
    with playground.owner() as connection:
        connection.execute("SELECT set_config('TimeZone', %s, false)", [server])
        connection.execute("SELECT set_config('fleetcache.today', %s, false)", [today.isoformat()])
        connection.execute("SELECT refresh_figures()")
        rows = connection.execute("SELECT key, payload, as_of_date FROM figures").fetchall()
        assert {row[2] for row in rows} == {today}
        agree({key: comparable(payload) for key, payload, _ in rows}, recount(connection, today))


@pytest.mark.parametrize("server", ["UTC", "Pacific/Port_Moresby", "America/Los_Angeles"])
def test_the_day_turns_at_the_fleets_midnight(database: TestDatabase, server: str) -> None:
    """Between 14:00 and 24:00 UTC it is tomorrow in Port Moresby; whoever asks, wherever the server is."""
    expected = {
        ("13:59:59", "Pacific/Port_Moresby"): date(2026, 11, 23),
        ("14:00:00", "Pacific/Port_Moresby"): date(2026, 11, 24),
        ("23:59:59", "Pacific/Port_Moresby"): date(2026, 11, 24),
        ("14:00:00", "UTC"): date(2026, 11, 23),
        ("23:59:59", "UTC"): date(2026, 11, 23),
        ("07:59:59", "America/Los_Angeles"): date(2026, 11, 22),
        ("14:00:00", "America/Los_Angeles"): date(2026, 11, 23),
        ("23:59:59", "America/Los_Angeles"): date(2026, 11, 23),
    }
    with database.owner() as connection:
        connection.execute("SELECT set_config('TimeZone', %s, false)", [server])
        found = {
            (clock, zone): connection.execute(
                "SELECT fleet_day(%s::timestamptz, %s)", [f"2026-11-23 {clock}+00", zone]
            ).fetchone()
            for clock, zone in expected
        }
    assert found == {which: (day,) for which, day in expected.items()}


def test_the_day_of_the_rules_is_the_fleets(database: TestDatabase) -> None:
    """What every count asks for is the function that the test above turns by hand."""
    for zone in ("UTC", "Pacific/Port_Moresby", "America/Los_Angeles"):
        database.sql(f"UPDATE settings SET value = to_jsonb('{zone}'::text) WHERE name = 'fleet_time_zone'")
        assert database.rows(
            f"SELECT today = fleet_day(now(), '{zone}') AND today = today(),"
            f" day_ends_at = (today + 1)::timestamp AT TIME ZONE '{zone}' FROM rules"
        ) == [(True, True)]
