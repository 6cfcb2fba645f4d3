"""Which way to sign in a database allows, and what a connection reads that nobody signed in to."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from fleetcache import embedded, runtime
from fleetcache.errors import BadSetting
from fleetcache.runtime import Runtime
from fleetcache.settings import Settings
from tests.conftest import TestDatabase


def started(database: TestDatabase, servers: embedded.Servers, **settings: str) -> Runtime:
    chosen = {"DATABASE_URL": database.owner_url, "REDIS_URL": servers.redis_url, **settings}
    return runtime.build(Settings.model_validate(chosen), progress=lambda step: None)


def test_the_demo_sign_in_is_refused_at_the_start_on_data_that_may_be_real(
    database: TestDatabase, servers: embedded.Servers
) -> None:
    """A1: and the program does not start, so that nobody believes it to be protected."""
    with pytest.raises(BadSetting, match="not a demo that fleetcache made") as refused:
        started(database, servers, FLEETCACHE_AUTH="demo")
    assert "docs/sign-in.md" in refused.value.hint


def test_the_database_decides_where_nobody_else_did(
    demo: TestDatabase, database: TestDatabase, servers: embedded.Servers
) -> None:
    for held, settings, auth in [(demo, {}, "demo"), (demo, {"FLEETCACHE_AUTH": "oidc"}, "oidc"), (database, {}, "oidc")]:
        parts = started(held, servers, **settings)
        parts.close()
        assert parts.auth == auth


def test_nobody_signs_in_before_the_database_was_asked(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    settings = Settings()
    parts = Runtime(settings, make_runtime(demo).urls)
    assert parts.auth is None
    parts.close()


def test_the_apps_role_cannot_make_a_demo_of_a_database(demo: TestDatabase) -> None:
    """Or whoever holds its password could open the door to everybody."""
    with psycopg.connect(demo.url, options="-c search_path=fleetcache") as connection:
        for statement in ("INSERT INTO demo DEFAULT VALUES", "UPDATE demo SET profile = 'tiny'", "DELETE FROM demo"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)


@pytest.mark.parametrize("role", ["", "Admin", "viewer ", "owner", "admin; viewer"])
def test_a_connection_without_a_role_of_ours_reads_no_person(demo: TestDatabase, role: str) -> None:
    """A5: the app's role and the owner's alike, by whatever way the table is read; a role counts for its own
    transaction only, whichever connection of the pool comes next."""
    for url in (demo.url, demo.owner_url):
        with psycopg.connect(url, options="-c search_path=fleetcache") as connection:
            with connection.transaction():
                connection.execute("SELECT set_config('fleetcache.role', 'viewer', true)")
                assert connection.execute("SELECT count(*) FROM pilot_identity").fetchone() != (0,)
            connection.execute("SELECT set_config('fleetcache.role', %s, false)", [role])
            for query in (
                "SELECT * FROM pilot_identity",
                "SELECT family_name FROM pilots LEFT JOIN pilot_identity ON pilot_id = id WHERE family_name IS NOT NULL",
                "SELECT 1 FROM pilot_identity WHERE employee_number LIKE 'CM-%' LIMIT 1",
            ):
                assert connection.execute(query.encode()).fetchall() == [], query
