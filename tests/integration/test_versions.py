"""What freshness stands on: every change of a table is counted for its topic, whoever makes it and however,
and every key names the topics of all tables that it is counted from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import psycopg.sql
import pytest

from fleetcache.catalogue import CATALOGUE, HISTORY, IDENTITY, TABLES
from fleetcache.source import statements
from tests.conftest import TestDatabase

# One row for each table that nothing refers to.
INSERT = {
    "pilots": "(fleet, base, contract, rank, licence, commenced_on, seniority)"
    " SELECT fleet, base, contract, rank, licence, commenced_on, 1000000 FROM pilots LIMIT 1",
    "certifications": "(pilot_id, check_type, completed_on, issuer, document_number, recorded_by, voided_at, void_reason)"
    " SELECT pilot_id, check_type, completed_on, 'x', 'x', 'x', now(), 'x' FROM certifications LIMIT 1",
    "leave_requests": "(pilot_id, leave_type, first_day, status)"
    " SELECT min(id), 'ANNUAL', '2026-01-01', 'DRAFT' FROM pilots",
    "settings": "(name, value, description) VALUES ('zz', '1', 'x')",
    "fleets": "VALUES ('ZZ', 'x', 1, 1, 1, 1, 1)",
    "bases": "VALUES ('ZZ', 'x')",
    "contract_types": "VALUES ('ZZ', 'x')",
    "check_types": "(code, name, category, position, never_expires) VALUES ('ZZ', 'x', 'x', 1000000, true)",
    "check_requirements": "(check_type, rank, fleet, qualification)"
    " SELECT min(code), 'first_officer', (SELECT min(code) FROM fleets), 'examiner' FROM check_types",
    "daily_metrics": "SELECT (jsonb_populate_record(d, '{\"day\": \"1990-01-01\"}')).* FROM daily_metrics d LIMIT 1",
    "pilot_identity": "(pilot_id, employee_number, given_name, family_name)"
    " SELECT id, 'ZZ-000000', 'x', 'x' FROM pilots WHERE seniority = 1000001",
}
NAMELESS = (
    "INSERT INTO pilots (fleet, base, contract, rank, licence, commenced_on, seniority)"
    " SELECT fleet, base, contract, rank, licence, commenced_on, 1000001 FROM pilots LIMIT 1"
)
CASCADE = {"pilots", "certifications", "leave", IDENTITY}
Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def airline(make_database: Callable[..., TestDatabase], seeded: str) -> TestDatabase:
    """One for all of these tests: what they change they roll back."""
    made = make_database(seeded)
    made.sql(NAMELESS)
    return made


@pytest.fixture(params=["owner", "app", "replica"])
def connection(request: pytest.FixtureRequest, airline: TestDatabase) -> Iterator[Connection]:
    """The owner's, the app's, and that of a superuser for whom ordinary triggers do not fire. Nothing they
    do is left, in the rows or in the versions."""
    url = {
        "owner": airline.owner_url,
        "app": airline.url,
        "replica": airline.owner_url.replace("fleetcache_owner", "postgres"),
    }[request.param]
    with psycopg.connect(url, options="-c search_path=fleetcache -c fleetcache.role=admin") as opened:
        if request.param == "replica":
            opened.execute("SET session_replication_role = replica")
            opened.commit()
        before = versions(opened)
        opened.commit()
        yield opened
        opened.rollback()
        assert versions(opened) == before, "what was rolled back has not happened"


def versions(connection: Connection) -> dict[str, int]:
    """How often each topic has changed, as the snapshot has it."""
    return dict(connection.execute("SELECT topic, version FROM current_versions").fetchall())


def moved(connection: Connection, sql: str) -> set[str]:
    """The topics of which a statement is a change."""
    before = versions(connection)
    connection.execute(sql.encode())
    after = versions(connection)
    assert all(after[topic] >= before[topic] for topic in before)
    return {topic for topic in after if after[topic] != before[topic]}


def columns(connection: Connection, table: str) -> list[str]:
    """Those that can be written, the first one first."""
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND attgenerated = ''"
        " AND NOT attisdropped ORDER BY attnum",
        [f"fleetcache.{table}"],
    )
    return [name for (name,) in found]


def row(connection: Connection, table: str) -> tuple[object, ...]:
    """Insert the row of a table; its values."""
    listed = ", ".join(columns(connection, table))
    inserted = connection.execute(f"INSERT INTO {table} {INSERT[table]} RETURNING {listed}".encode()).fetchone()
    assert inserted is not None
    return tuple(inserted)


@pytest.mark.parametrize("table", TABLES)
def test_every_way_to_change_a_row_is_counted_for_its_topic(connection: Connection, table: str) -> None:
    """INSERT, UPDATE, an upsert, MERGE, a WITH that writes and DELETE: each of them, and of no other topic
    but those that a DELETE takes along."""
    own = {TABLES[table]}
    cascades = connection.execute("SHOW session_replication_role").fetchone() == ("origin",)
    before = versions(connection)
    values = row(connection, table)
    assert {topic: n - before[topic] for topic, n in versions(connection).items() if n != before[topic]} == {
        TABLES[table]: 1
    }
    first, second, *_ = columns(connection, table)
    where = f"WHERE {first} = {_literal(connection, values[0])}"
    assert moved(connection, f"UPDATE {table} SET {second} = {second} {where}") == own
    listed = ", ".join(columns(connection, table))
    again = f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {table} {where}"
    assert moved(connection, f"{again} ON CONFLICT ({first}) DO UPDATE SET {second} = excluded.{second}") == own
    merge = f"MERGE INTO {table} t USING (SELECT * FROM {table} {where}) s ON t.{first} = s.{first} WHEN MATCHED THEN "
    assert moved(connection, f"{merge} UPDATE SET {second} = s.{second}") == own
    write = f"UPDATE {table} SET {second} = {second} {where} RETURNING {first}"
    assert moved(connection, f"WITH done AS ({write}) SELECT * FROM done") == own
    along = CASCADE if table == "pilots" and cascades else own
    connection.execute("SAVEPOINT deleting")
    assert moved(connection, f"DELETE FROM {table} {where}") == along
    connection.execute("ROLLBACK TO deleting")
    assert moved(connection, f"{merge} DELETE") == along


@pytest.mark.parametrize("table", TABLES)
def test_copying_in_is_counted_for_its_topic(connection: Connection, table: str) -> None:
    values = row(connection, table)
    listed = columns(connection, table)
    before = versions(connection)
    connection.rollback()
    into = f"COPY {table} ({', '.join(listed)}) FROM STDIN"
    if table == "pilot_identity" and connection.info.user != "postgres":
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute(into.encode())
        return
    with connection.cursor() as cursor, cursor.copy(into.encode()) as copy:
        copy.write_row([json.dumps(one) if table == "settings" and name == "value" else one
                        for name, one in zip(listed, values, strict=True)])  # fmt: skip
    assert versions(connection) == before, "as the INSERT of the same row"


@pytest.mark.parametrize("table", TABLES)
def test_emptying_a_table_is_counted_for_all_that_go_with_it(connection: Connection, table: str) -> None:
    """TRUNCATE … CASCADE reaches further than DELETE; the app may not."""
    if connection.info.user == "fleetcache_app":
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"TRUNCATE {table}".encode())
        return
    going = connection.execute(
        "WITH RECURSIVE going AS (SELECT to_regclass(%s)::oid AS id UNION"
        " SELECT conrelid FROM pg_constraint JOIN going ON confrelid = id WHERE contype = 'f')"
        " SELECT relname FROM going JOIN pg_class ON oid = id",
        [f"fleetcache.{table}"],
    ).fetchall()
    assert moved(connection, f"TRUNCATE {table} CASCADE") == {TABLES[name] for (name,) in going if name in TABLES}
    assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,)


def test_a_deleted_pilot_takes_along_what_hangs_on_him(airline: TestDatabase) -> None:
    """The database itself deletes the rest; that is a change like any other."""
    with airline.owner() as connection:
        one = connection.execute("SELECT pilot_id FROM leave_requests JOIN certifications USING (pilot_id) LIMIT 1")
        [pilot] = one.fetchone() or [None]
        assert moved(connection, f"DELETE FROM pilots WHERE id = {pilot}") == CASCADE
        connection.rollback()


def test_a_change_is_there_for_others_once_it_is_committed(demo: TestDatabase) -> None:
    """Not before, and together with the row itself."""
    with demo.owner() as writer, demo.owner() as other:
        before = versions(other)
        other.commit()
        writer.execute("UPDATE bases SET name = name")
        assert versions(other) == before
        other.commit()
        writer.commit()
        assert versions(other) == {**before, "reference": before["reference"] + 1}


def test_every_table_is_of_a_topic_or_no_numbers_come_from_it(airline: TestDatabase) -> None:
    """What a table without a topic may hold is what no key is counted from."""
    tables = {name for (name,) in airline.rows("SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p')"
                                               " AND relnamespace = 'fleetcache'::regnamespace")}  # fmt: skip
    assert set(TABLES) <= tables
    assert tables - set(TABLES) == {
        "audit_log", "api_tokens", "demo", "migrations", "changes", "versions", "epoch", "pilot_history",
    }  # fmt: skip


def _scanned(connection: Connection, sql: str) -> set[str]:
    """The tables that a query reads: those it scans now, functions included, and those in its plan."""
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if "Relation Name" in node:
                found.add(str(node["Relation Name"]))
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    plan = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}".encode()).fetchone()
    assert plan is not None
    connection.rollback()
    connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")  # whose scans are not ours
    before = scans(connection)
    connection.execute(sql.encode())
    touched = {name for name, n in scans(connection).items() if n > before.get(name, 0)}
    connection.rollback()
    walk(plan[0])
    assert touched, "the statistics are counted"
    return found | touched


def scans(connection: Connection) -> dict[str, int]:
    """How often each of our tables was scanned in this transaction (and what is not yet reported of those
    before it)."""
    found = connection.execute(
        "SELECT relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables"
        " WHERE schemaname = 'fleetcache'"
    )
    return dict(found.fetchall())


def queries(query: str) -> list[str]:
    """The statements that count a key."""
    texts = statements.parts(query).values() if statements.is_folder(query) else [statements.query(query)]
    return [f"SELECT ({sql})::text" for sql in texts]


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_key_hangs_on_every_table_it_is_counted_from(airline: TestDatabase, name: str) -> None:
    """A topic that is missing in the table of keys would be a change that nobody sees."""
    entry = CATALOGUE[name]
    read: set[str] = set()
    with airline.owner() as connection:
        for sql in queries(entry.query):
            read |= _scanned(connection, sql)
    assert read
    assert read <= {table for table, topic in TABLES.items() if topic in entry.topics}, name
    assert entry.topics.isdisjoint({IDENTITY})
    if HISTORY not in entry.topics:
        assert "daily_metrics" not in read


def _literal(connection: Connection, value: object) -> str:
    return psycopg.sql.Literal(value).as_string(connection)
