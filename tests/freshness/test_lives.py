"""A database that is another one than a moment ago, under a running instance: nothing of the old one is
served as current, however alike the versions are."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from fleetcache import embedded
from fleetcache.cache.reading import Reading
from fleetcache.embedded.postgres import APP, OWNER
from fleetcache.runtime import Runtime
from fleetcache.servers import Urls
from fleetcache.settings import Settings
from fleetcache.source import migrations
from fleetcache.source.seed import seed
from tests.freshness.servers import SUPERUSER, Postgres
from tests.live import until

pytestmark = pytest.mark.slow
COUNT = "fleet:pilots:count"


class Case:
    """One instance on a PostgreSQL of its own."""

    def __init__(self, postgres: Postgres, redis_url: str, prefix: str) -> None:
        self.postgres = postgres
        settings = Settings.model_validate({"FLEETCACHE_PREFIX": prefix, "FLEETCACHE_REDIS_CONNECT_MS": 1000, "FLEETCACHE_REDIS_COMMAND_MS": 1000})
        self.instance = Runtime(settings, Urls(postgres.url(OWNER), postgres.url(APP), redis_url))
        migrations.migrate(postgres.url(OWNER), app_role=APP)
        with self.owner() as connection:
            (today,) = connection.execute("SELECT today()").fetchone() or (None,)
            seed(connection, profile="tiny", as_of=today)
            connection.execute("SELECT refresh_figures()")
        self.instance.prepare()
        self.instance.start()

    def owner(self) -> psycopg.Connection:
        return psycopg.connect(self.postgres.url(OWNER), options="-c search_path=fleetcache")

    def leave(self, *numbers: int) -> None:
        """One after another of the active pilots, counted from the first, is no longer active."""
        with self.owner() as connection:
            connection.autocommit = True
            for number in numbers:
                connection.execute(
                    "UPDATE pilots SET active = false, examiner = false, training_captain = false"
                    " WHERE id = (SELECT id FROM pilots WHERE active ORDER BY id OFFSET %s LIMIT 1)",
                    [number],
                )

    def read(self) -> Reading:
        return self.instance.cache.read("fleet:stats")

    def active(self) -> int:
        """What is served as current."""

        def served() -> Reading | None:
            reading = self.instance.cache.read_strict("fleet:stats")
            return None if reading.stale else reading

        return int(until(served, within=20, what="proven again").value.totals.active)

    def captains(self) -> dict[str, int]:
        """Another figure of the same key, that tells states with equal headcount apart."""
        self.active()
        cells = self.read().value.cells
        return {f"{cell.base} {cell.rank} {cell.contract}": cell.active for cell in cells}


@pytest.fixture
def case(servers: embedded.Servers, prefix: str) -> Iterator[Case]:
    postgres = Postgres()
    try:
        assert servers.redis_url is not None
        made = Case(postgres, servers.redis_url, prefix)
        yield made
        made.instance.close()
    finally:
        postgres.close()


def test_a_restored_directory_that_has_come_as_far_again(case: Case) -> None:
    """Same server, same timeline, same tables and, after other changes, the same versions."""
    before = case.active()
    with case.postgres.copied() as copy:
        case.leave(0, 1)
        assert case.active() == before - 2
        old = case.captains()
        case.postgres.stop()
        case.postgres.put_back(copy)
        case.postgres.start()
        case.leave(5, 6)
        assert case.active() == before - 2
        assert case.captains() != old


def test_a_restored_dump(case: Case) -> None:
    """pg_restore --clean: the tables are others, with the versions of the dump."""
    before = case.active()
    dump = case.postgres.run("pg_dump", "--format=custom", f"--dbname={case.postgres.url(SUPERUSER)}")
    case.leave(0, 1)
    assert case.active() == before - 2
    case.postgres.run(
        "pg_restore", "--clean", "--if-exists", f"--dbname={case.postgres.url(SUPERUSER)}", stdin=dump
    )
    case.leave(5)
    case.leave(6)
    case.leave(7)
    until(lambda: case.active() == before - 3, within=20)


def test_a_copy_that_lagged_behind_takes_over(case: Case) -> None:
    """As a standby it is refused, for nobody knows what it lacks; promoted it is the truth."""
    before = case.active()
    with case.postgres.copied() as copy:
        case.leave(0, 1)
        assert case.active() == before - 2
        # A strict read need not leave in memory what it gave.
        until(lambda: case.read().layer == "memory" and case.read().value.totals.active == before - 2, what="held")
        case.postgres.stop()
        case.postgres.put_back(copy)
        case.postgres.start(standby=True)
        until(lambda: case.read().stale, what="flagged")
        for _ in range(20):
            reading = case.read()
            assert reading.stale
            assert reading.value.totals.active == before - 2, "the last that was known, and marked so"
        with psycopg.connect(case.postgres.url(SUPERUSER), autocommit=True) as admin:
            admin.execute("SELECT pg_promote()")
        until(lambda: case.active() == before, within=20)


def test_a_database_dropped_and_made_again(case: Case) -> None:
    before = case.active()
    case.leave(0, 1)
    assert case.active() == before - 2
    with case.owner() as connection:
        connection.execute("DROP SCHEMA fleetcache CASCADE")
    until(lambda: case.read().stale, what="flagged")
    migrations.migrate(case.postgres.url(OWNER), app_role=APP)
    with case.owner() as connection:
        (today,) = connection.execute("SELECT today()").fetchone() or (None,)
        seed(connection, profile="tiny", as_of=today)
    until(lambda: case.active() == before, within=20)
