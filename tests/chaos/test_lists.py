"""Lists with names, whose transaction goes to PostgreSQL in one exchange, when something goes wrong in it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from fleetcache.errors import Invalid, NotMigrated, SourceDown
from fleetcache.source import people
from fleetcache.source.database import Database
from tests.chaos.test_database import backends
from tests.conftest import TestDatabase


@pytest.fixture
def database(demo: TestDatabase) -> Iterator[Database]:
    found = Database(demo.url, connect_seconds=1.0, statement_seconds=1.0, pool_size=1)
    yield found
    found.close()


def read(database: Database, query: str = "SELECT count(*) AS n FROM pilot_identity", role: str = "viewer") -> list[dict[str, Any]]:
    return database.rows(query, {}, role=role)


def state(database: Database) -> tuple[str, str, int]:
    """Of the one connection: the role that is left on it, its transaction, and plans made for any values."""
    with database.statement() as connection:
        role = connection.exec_driver_sql("SELECT coalesce(current_setting('fleetcache.role', true), '')").scalar_one()
        begun = connection.exec_driver_sql("SELECT now() <> statement_timestamp()").scalar_one()
        plans = connection.exec_driver_sql(
            "SELECT coalesce(sum(generic_plans), 0) FROM pg_prepared_statements WHERE statement LIKE '%%pilot_identity%%'"
        ).scalar_one()
    return str(role), str(begun), int(plans)


def test_nothing_of_a_list_is_left_on_its_connection(database: Database) -> None:
    """The next one on it may be of somebody with another role, or with none."""
    assert read(database)[0]["n"] == 376
    assert state(database) == ("", "False", 0)
    assert read(database, role="")[0]["n"] == 0, "row-level security saw no role"


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ("SELECT 1/0", Invalid, "outside of what it takes"),
        ("SELECT * FROM nothing_of_ours", NotMigrated, "lacks something"),
        ("SELECT pg_sleep(3)", SourceDown, "took too long"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", SourceDown, "did not answer"),
        ("DELETE FROM pilots", SourceDown, "refused a query"),
    ],
)
def test_a_list_that_fails_says_why_and_leaves_a_connection_that_works(
    database: Database, caplog: pytest.LogCaptureFixture, query: str, error: type[Exception], said: str
) -> None:
    """Sent together, the commands after the one that failed are not carried out; it is the first fault that counts."""
    with pytest.raises(error, match=said):
        read(database, query)
    assert read(database)[0]["n"] == 376
    assert state(database)[:2] == ("", "False")
    assert database._watchdog._overdue == {}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_server_that_hangs_within_a_list_is_given_up(database: Database, demo: TestDatabase) -> None:
    """The driver itself would wait for ever."""
    assert read(database)
    [pid] = backends(demo)
    threading.Timer(0.3, os.kill, (pid, signal.SIGSTOP)).start()
    began = time.monotonic()
    try:
        with pytest.raises(SourceDown):
            read(database, "SELECT pg_sleep(0.6)")
        assert time.monotonic() - began < 10
    finally:
        os.kill(pid, signal.SIGCONT)
    assert read(database)[0]["n"] == 376


def test_a_list_is_planned_for_its_own_filters(database: Database, demo: TestDatabase) -> None:
    """One plan for whatever values, to which PostgreSQL turns after five runs, took 8 s in place of 25 ms."""
    with psycopg.connect(demo.owner_url, autocommit=True) as owner:
        owner.execute("ANALYZE")
    for _ in range(12):
        assert people.rows(database, "certifications", role="viewer", most=5)
    assert state(database)[2] == 0
