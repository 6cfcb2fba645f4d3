"""One PostgreSQL cluster: made once, started with settings that fit a small machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from fleetcache.embedded import binaries, process
from fleetcache.embedded.home import Name
from fleetcache.embedded.place import SOCKET_NAMES, Place
from fleetcache.errors import HomeUnusable, ServerFailed, WrongVersion

DATABASE = "fleetcache"
OWNER = "fleetcache_owner"
APP = "fleetcache_app"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "256MB",
    "jit": "off",
    # Durable, whatever postgresql.conf or the environment says.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}


def url(sockets: Path, role: str) -> str:
    """The URL for psql and SQLAlchemy, through the socket in this directory."""
    return f"postgresql://{role}@/{DATABASE}?host={quote(str(sockets))}"


class Postgres:
    """The PostgreSQL of one home."""

    name: Name = "postgres"
    # Fast shutdown; then immediate (recovers at the next start); then by force.
    signals = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

    def __init__(self, place: Place, log: Path) -> None:
        self.place = place
        self.log = log
        self.title = "PostgreSQL"
        self.socket = place.sockets / SOCKET_NAMES["postgres"]
        self.data = place.data / "postgres"
        self._binary: binaries.Binary | None = None

    def prepare(self, lock: int, say: Callable[[str], None]) -> Iterator[None]:
        """Find the program and see that there is a cluster for it.

        Raises NoServer, WrongVersion, HomeUnusable, ServerFailed.
        """
        self._binary = binaries.find("postgres", self.place.account, say)
        self.title = self._binary.title
        version_file = self.data / "PG_VERSION"
        if version_file.exists():
            major = version_file.read_text().strip()
            if major != str(self._binary.major):
                raise WrongVersion(
                    f"The data in {self.data} was written by PostgreSQL {major}, "
                    f"but the program found is PostgreSQL {self._binary.version} "
                    f"({self._binary.path}). Nothing was changed.",
                    hint=(
                        f"Install PostgreSQL {major} and set DATABASE_URL to it, move the data "
                        "over with pg_dump or pg_upgrade, or point FLEETCACHE_HOME at a new "
                        "directory to begin with an empty database."
                    ),
                )
        elif self.data.exists() and any(self.data.iterdir()):
            raise HomeUnusable(
                f"{self.data} is not empty, and not a PostgreSQL data directory.",
                hint="Move it away, or point FLEETCACHE_HOME at another directory.",
            )
        else:
            yield from self._create(self._binary, lock, say)
        self._forget_dead_postmaster(lock)

    def command(self) -> list[str | Path]:
        """How to start it; `prepare` comes first."""
        assert self._binary is not None
        settings = dict(SETTINGS, unix_socket_directories=str(self.place.sockets))
        if self._binary.major >= 18:
            settings["io_method"] = "sync"  # no three I/O processes for a small database
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [self._binary.path, "-D", self.data, *options]

    def is_ready(self, pid: int) -> bool:
        """Whether this process serves; the roles and the database exist then. Raises ServerFailed.

        The eighth line of postmaster.pid is what pg_ctl waits for, too.
        """
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        if len(lines) < 8 or lines[0] != str(pid) or lines[7].strip() != "ready":
            return False
        return self._make_roles()

    def _create(
        self, binary: binaries.Binary, lock: int, say: Callable[[str], None]
    ) -> Iterator[None]:
        """`initdb` under another name first: a half-made cluster never has the real name."""
        say(f"Creating the database cluster in {self.data}…")
        fresh = self.data.with_name("postgres.creating")
        since = process.size(self.log)
        # The builtin provider sorts alike on every machine; older ones only have plain C.
        new = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        child: subprocess.Popen[bytes] | None = None
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(mode=0o700)
            self.place.account.own(fresh)
            child = process.spawn(
                [
                    *(binary.path.with_name("initdb"), "--pgdata", fresh),
                    *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"),
                    *(new if binary.major >= 17 else []),
                    *("--data-checksums", "--no-instructions"),
                ],
                account=self.place.account,
                lock=lock,
                log=self.log,
            )
            while child.poll() is None:
                yield
            if child.returncode:
                raise process.failure("The database cluster could not be created", self.log, since)
            fresh.rename(self.data)
            _sync(self.data.parent)
        finally:
            if child is not None and child.poll() is None:
                child.kill()
                child.wait()
            shutil.rmtree(fresh, ignore_errors=True)

    def _forget_dead_postmaster(self, lock: int) -> None:
        """Remove the pid files of a server that we started and that is gone for certain.

        After kill -9 (above all in a restarted container) its number may belong to another
        process by now, and PostgreSQL would refuse to start. We hold the lock that each of its
        processes held, so none is left; a postmaster somebody started by hand is not touched.
        """
        ours = os.pread(lock, 32, 0).decode(errors="replace").strip()
        socket_lock = self.socket.with_name(f"{self.socket.name}.lock")
        for pid_file in (self.data / "postmaster.pid", socket_lock):
            if ours and pid_file.exists() and pid_file.read_text().split("\n", 1)[0] == ours:
                pid_file.unlink()

    def _make_roles(self) -> bool:
        import psycopg  # slow to import: only when a server was started or adopted
        from psycopg.sql import SQL, Identifier

        role = SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
        try:
            connection = psycopg.connect(
                host=str(self.place.sockets),
                user="postgres",
                dbname="postgres",
                autocommit=True,
                connect_timeout=10,
                gssencmode="disable",
            )
        except psycopg.OperationalError:
            return False  # not yet, or not any more: the caller knows how long to wait
        try:
            with connection:
                for name in (OWNER, APP):
                    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
                    if found.fetchone() is None:
                        connection.execute(role.format(Identifier(name)))
                        path = SQL("ALTER ROLE {} SET search_path = fleetcache, public")
                        connection.execute(path.format(Identifier(name)))
                found = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                )
                if found.fetchone() is None:
                    connection.execute(
                        SQL("CREATE DATABASE {} OWNER {}").format(
                            Identifier(DATABASE), Identifier(OWNER)
                        )
                    )
        except psycopg.Error as error:
            raise ServerFailed(
                f"{self.title} runs, but its roles could not be made: {error}",
                hint=f"The whole log is {self.log}.",
            ) from error
        return True


def _sync(directory: Path) -> None:
    """Make the new name survive a power cut."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
