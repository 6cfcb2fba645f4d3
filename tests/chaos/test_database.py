"""A PostgreSQL that hangs, dies or comes back under a running app."""

from __future__ import annotations

import os
import signal
import time

import psycopg
import pytest

from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import SourceDown
from fleetcache.source import raw
from fleetcache.source.database import Database
from tests.conftest import TestDatabase

ENTRY = CATALOGUE["fleet:compliance:rate"]


def backends(database: TestDatabase) -> list[int]:
    """The server processes that work for the app's role in this database."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        return [
            row[0]
            for row in connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'fleetcache_app'"
            )
        ]


def test_a_hung_server_costs_a_bounded_wait(demo: TestDatabase) -> None:
    """statement_timeout is enforced by the server, so it is worth nothing when the server hangs."""
    database = Database(demo.url, connect_seconds=1.0, statement_seconds=1.0)
    try:
        assert raw.count(database, ENTRY)
        stopped = backends(demo)
        assert stopped
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert raw.count(database, ENTRY), "another connection is made in place of the hung one"
            assert time.monotonic() - began < 20
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
    finally:
        database.close()


def test_a_statement_that_hangs_is_given_up(demo: TestDatabase) -> None:
    """The server stops in the middle of a query."""
    database = Database(demo.url, connect_seconds=1.0, statement_seconds=1.0)
    try:
        with pytest.raises(SourceDown), database.statement() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            os.kill(pid, signal.SIGSTOP)
            try:
                connection.exec_driver_sql("SELECT 1")
            finally:
                os.kill(pid, signal.SIGCONT)
        assert raw.count(database, ENTRY)
    finally:
        database.close()


def test_connections_that_were_cut_are_replaced_unseen(demo: TestDatabase) -> None:
    """After a restart of PostgreSQL nobody should see an error from a pooled connection."""
    database = Database(demo.url)
    try:
        assert raw.count(database, ENTRY)
        with psycopg.connect(demo.owner_url.replace("fleetcache_owner", "postgres"), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = 'fleetcache_app'"
            )
        deadline = time.monotonic() + 5
        while backends(demo) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert raw.count(database, ENTRY)
    finally:
        database.close()


def test_nothing_is_watched_when_nothing_runs(demo: TestDatabase) -> None:
    """A socket whose number is given to somebody else must not be shut down for us."""
    database = Database(demo.url, statement_seconds=5.0)
    try:
        raw.count(database, ENTRY)
        with pytest.raises(SourceDown), database.statement() as connection:
            connection.exec_driver_sql("SELECT nonsense")
        assert database._watchdog._overdue == {}
        with pytest.raises(SourceDown), database.statement() as connection:
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        assert database._watchdog._overdue == {}, "also when the connection is lost on the way"
    finally:
        database.close()
