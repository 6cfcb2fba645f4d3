"""PostgreSQL and Valkey as the demo starts them, durable, with the demo airline in as many databases as wanted."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from fleetcache import embedded
from fleetcache.embedded import postgres
from fleetcache.servers import Urls
from fleetcache.source import migrations
from fleetcache.source.seed import seed

SEEDED = "seeded"


class Fleet:
    """The servers, on Unix sockets, nothing of them changed."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="fleetcache-bench-"))
        self._home.chmod(0o755)
        self.log = self._home / "logs" / "postgres.log"
        self._servers = embedded.start(self._home, postgres=True, valkey=True)
        assert self._servers.redis_url is not None
        self.redis_url = self._servers.redis_url
        self._admin(f"CREATE DATABASE {SEEDED} OWNER {postgres.OWNER}")
        made = self.urls(SEEDED)
        migrations.migrate(made.owner, app_role=postgres.APP)
        with psycopg.connect(made.owner) as connection:
            connection.execute("SET search_path = fleetcache")
            row = connection.execute("SELECT today()").fetchone()
            assert row is not None
            seed(connection, profile="demo", as_of=row[0])
            connection.execute("SELECT refresh_figures(), fold_changes()")

    def urls(self, name: str) -> Urls:
        """Where the database of this name is."""
        owner, app = self._servers.owner_url, self._servers.database_url
        assert owner is not None and app is not None
        at, here = f"/{postgres.DATABASE}?", f"/{name}?"
        return Urls(owner.replace(at, here), app.replace(at, here), self.redis_url)

    def database(self, name: str, *changes: str, settings: str = "") -> Urls:
        """Another demo airline, changed by its owner so."""
        self._admin(f"CREATE DATABASE {name} TEMPLATE {SEEDED} OWNER {postgres.OWNER}")
        if settings:
            self._admin(f"ALTER DATABASE {name} SET {settings}")
        with owner(self.urls(name)) as connection:
            for change in changes:
                connection.execute(change.encode())
        return self.urls(name)

    def _admin(self, statement: str) -> None:
        assert self._servers.owner_url is not None
        with psycopg.connect(self._servers.owner_url.replace(postgres.OWNER, "postgres"), autocommit=True) as admin:
            admin.execute(statement.encode())

    def close(self) -> None:
        """Stop the servers and remove what they left."""
        self._servers.close()
        deadline = time.monotonic() + 60
        while embedded.running(self._home) is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def owner(urls: Urls) -> psycopg.Connection[Any]:
    """A connection of the owner on which every statement is committed by itself."""
    return psycopg.connect(urls.owner, autocommit=True, options="-c search_path=fleetcache")
