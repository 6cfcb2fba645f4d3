"""Real servers, shared by the whole run; every test gets a database and a prefix of its own."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from fleetcache import embedded
from fleetcache.runtime import Runtime
from fleetcache.servers import Urls
from fleetcache.settings import Settings
from fleetcache.source import migrations
from fleetcache.source.database import Database
from fleetcache.source.seed import seed
from tests.live import TOKENS, App, until

pytest_plugins = ["tests.engines"]
# Below a background job of a shell it is ignored, and every program that is started here would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
_number = itertools.count(1)
HOMES = "fleetcache-tests-"
ROOM = 4 << 30
"""Bytes that the databases of one worker may come to."""


class Files(LoadFileScheduling):
    """Each file to whoever is free; those with a browser all to one, who keeps a processor busy while others wait."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "tests/browser" if file.startswith("tests/browser/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Files | None:
    """Who runs what, unless somebody has asked for another way."""
    return Files(config, log) if config.getoption("dist") == "loadfile" else None


def _tidy() -> None:
    """Remove the homes that killed runs of ours left in memory: gigabytes each, and soon there is no room."""
    for home in Path("/dev/shm").glob(f"{HOMES}*"):
        with contextlib.suppress(FileNotFoundError):  # another worker was quicker
            found = home.stat()
            old = found.st_uid == os.getuid() and time.time() - found.st_mtime > 3600
            if old and embedded.running(home) is None:
                shutil.rmtree(home, ignore_errors=True)


def _roomy_memory() -> str | None:
    """A file system in memory, if there is room for some hundred databases: the server waits for the disk
    on every write, and making a database takes five times as long there."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    shared, needed = Path("/dev/shm"), workers * ROOM
    if not shared.is_dir() or shutil.disk_usage(shared).free < needed:
        return None
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return str(shared) if free >= needed else None


@pytest.fixture(scope="session")
def servers() -> Iterator[embedded.Servers]:
    """One PostgreSQL and one Valkey for all tests of the run."""
    _tidy()
    home = Path(tempfile.mkdtemp(prefix=HOMES, dir=_roomy_memory()))
    home.chmod(0o755)
    with embedded.start(home, postgres=True, valkey=True, progress=lambda step: None) as running:
        yield running
    until(lambda: embedded.running(home) is None, within=60, what="the servers stopped")
    shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class TestDatabase:
    """A database of its own; ``url`` for the app's role, ``owner_url`` for the owner."""

    __test__ = False

    url: str
    owner_url: str

    def owner(self) -> psycopg.Connection:
        """A connection that may change everything."""
        return psycopg.connect(self.owner_url, options="-c search_path=fleetcache")

    def sql(self, *statements: str) -> None:
        """Run statements as the owner, signed in as an administrator."""
        with self.owner() as connection:
            connection.execute("SELECT set_config('fleetcache.role', 'admin', false)")
            for statement in statements:
                connection.execute(statement.encode())

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What a query gives the owner, signed in as an administrator."""
        with self.owner() as connection:
            connection.execute("SELECT set_config('fleetcache.role', 'admin', false)")
            return connection.execute(query.encode()).fetchall()


@pytest.fixture(scope="session")
def make_database(servers: embedded.Servers) -> Callable[[str | None], TestDatabase]:
    """Makes a database: empty, or as a copy of one that was made before."""
    assert servers.owner_url is not None and servers.database_url is not None
    admin = servers.owner_url.replace("fleetcache_owner", "postgres")

    def make(template: str | None = None, name: str | None = None) -> TestDatabase:
        name = name or f"test_{next(_number)}"
        copy = f" TEMPLATE {template}" if template else ""
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER fleetcache_owner{copy}".encode())

        def url(of: str) -> str:
            return of.replace("/fleetcache?", f"/{name}?")

        assert servers.owner_url is not None and servers.database_url is not None
        return TestDatabase(url(servers.database_url), url(servers.owner_url))

    return make


@pytest.fixture(scope="session")
def migrated(make_database: Callable[..., TestDatabase]) -> str:
    """The name of a template with the schema and no rows."""
    made = make_database(name="template_migrated")
    migrations.migrate(made.owner_url, app_role="fleetcache_app")
    return "template_migrated"


@pytest.fixture(scope="session")
def seeded(make_database: Callable[..., TestDatabase], migrated: str) -> str:
    """The name of a template with the demo airline as of today on its calendar."""
    made = make_database(migrated, name="template_demo")
    with made.owner() as connection:
        today = connection.execute("SELECT today()").fetchone()
        assert today is not None
        seed(connection, profile="demo", as_of=today[0])
        for role, secret in TOKENS.items():
            row = (role, role, hashlib.sha256(secret.encode()).digest())
            connection.execute("INSERT INTO api_tokens (name, role, digest) VALUES (%s, %s, %s)", row)
        # Midnight has tests of its own; a run that it falls into keeps its day, one zone further west.
        connection.execute(
            "UPDATE settings SET value = '\"Asia/Tokyo\"' WHERE name = 'fleet_time_zone'"
            " AND (SELECT day_ends_at < now() + interval '20 minutes' FROM rules)"
        )
        connection.commit()  # or the rows would be younger than the view that has them
        connection.execute("SELECT refresh_figures()")
    return "template_demo"


@pytest.fixture
def database(make_database: Callable[..., TestDatabase], migrated: str) -> TestDatabase:
    """A fresh database with the schema and no rows."""
    return make_database(migrated)


@pytest.fixture
def demo(make_database: Callable[..., TestDatabase], seeded: str) -> TestDatabase:
    """A fresh database with the demo airline, its view refreshed."""
    return make_database(seeded)


@pytest.fixture
def source(demo: TestDatabase) -> Iterator[Database]:
    """The app's connection to the demo airline."""
    opened = Database(demo.url)
    yield opened
    opened.close()


@pytest.fixture
def prefix() -> str:
    """A name space in Redis that no other test uses."""
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
def make_runtime(servers: embedded.Servers, prefix: str) -> Iterator[Callable[..., Runtime]]:
    """Builds instances on a database; they share one name space in Redis."""
    made: list[Runtime] = []

    def make(database: TestDatabase, *, redis_url: str | None = None, bound_ms: int = 250) -> Runtime:
        assert servers.redis_url is not None
        # AppTest can say what a provider says of a person, and has no cookies.
        settings = Settings(
            FLEETCACHE_PREFIX=prefix, FLEETCACHE_REDIS_CONNECT_MS=1000, FLEETCACHE_REDIS_COMMAND_MS=1000,
            FLEETCACHE_AUTH="oidc", FLEETCACHE_BOUND_MS=bound_ms,
        )  # fmt: skip
        urls = Urls(database.owner_url, database.url, redis_url or servers.redis_url)
        runtime = Runtime(settings, urls)
        made.append(runtime)
        return runtime

    yield make
    for runtime in made:
        runtime.close()


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime], demo: TestDatabase) -> Runtime:
    """One prepared instance on the demo airline, without its background work."""
    made = make_runtime(demo)
    made.prepare(progress=lambda step: None)
    return made


@pytest.fixture(scope="session")
def live_database(make_database: Callable[..., TestDatabase], seeded: str) -> TestDatabase:
    """The demo airline that ``live`` shows; tests read it and leave it as it is."""
    return make_database(seeded, name="live")


@pytest.fixture(scope="session")
def live(servers: embedded.Servers, live_database: TestDatabase) -> Iterator[App]:
    """The program in a process of its own, started as a person starts it."""
    assert servers.redis_url is not None
    app = App(
        DATABASE_URL=live_database.owner_url,
        REDIS_URL=servers.redis_url,
        FLEETCACHE_PREFIX=f"live-{secrets.token_hex(4)}",
        FLEETCACHE_REDIS_CONNECT_MS="1000",
        FLEETCACHE_REDIS_COMMAND_MS="1000",
    )
    try:
        yield app.ready()
    finally:
        app.close()
