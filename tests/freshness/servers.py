"""A PostgreSQL that may be restarted the hard way, and one wire to it for each instance.

Nobody but the test looks after the server: what is killed stays down until the test says otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from fleetcache.embedded import binaries
from fleetcache.embedded.account import account_for
from fleetcache.embedded.postgres import APP, DATABASE, OWNER, url
from tests.live import ADDRESS, until

SUPERUSER = "postgres"
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "jit": "off",
    # A crash of the server keeps what was acknowledged; only a crash of the machine may not.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "io_method": "sync",
}


class Postgres:
    """One cluster in a temporary home."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="fleetcache-pg-"))
        self._home.chmod(0o755)
        account = account_for(self._home)
        self._identity = account.identity
        binary = binaries.find("postgres", account, lambda text: None)
        self._binary, self._data, self.sockets = binary.path, self._home / "data", self._home / "s"
        self.log = self._home / "log"
        for folder in (self._data, self.sockets):
            folder.mkdir(mode=0o700)
            account.own(folder)
        subprocess.run(
            [
                *(self._binary.with_name("initdb"), "--pgdata", self._data, f"--username={SUPERUSER}"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            ],
            cwd="/", stdout=subprocess.DEVNULL, check=True, **self._identity,
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        with psycopg.connect(self.url(SUPERUSER).replace(f"/{DATABASE}?", "/postgres?"), autocommit=True) as admin:
            for role in (OWNER, APP):
                admin.execute(f"CREATE ROLE {role} LOGIN".encode())
                admin.execute(f"ALTER ROLE {role} SET search_path = fleetcache, public".encode())
            admin.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}".encode())
            admin.execute(f"ALTER ROLE {SUPERUSER} SET search_path = fleetcache, public".encode())

    def url(self, role: str) -> str:
        """The database without any wire in between."""
        return url(self.sockets, role)

    def run(self, program: str, *arguments: str, stdin: bytes | None = None) -> bytes:
        """What one of PostgreSQL's own programs writes."""
        return subprocess.run(
            [self._binary.with_name(program), *arguments],
            cwd="/", input=stdin, stdout=subprocess.PIPE, check=True, **self._identity,
        ).stdout  # fmt: skip

    @contextlib.contextmanager
    def copied(self) -> Iterator[Path]:
        """The files as they are now, while it is down for a moment."""
        copy = self._home / "copy"
        self.stop()
        shutil.copytree(self._data, copy, copy_function=shutil.copy2)
        self.start()
        yield copy

    def put_back(self, copy: Path) -> None:
        """Have the files of before again; it has to be stopped."""
        shutil.rmtree(self._data)
        copy.rename(self._data)
        account = account_for(self._home)
        for path in (self._data, *self._data.rglob("*")):
            account.own(path)

    def start(self, *, standby: bool = False) -> None:
        """Start it, as the copy of a primary that nobody streams from if asked to, and wait until it
        answers."""
        if standby:
            (self._data / "standby.signal").touch()
            account_for(self._home).own(self._data / "standby.signal")
        settings = dict(_SETTINGS, unix_socket_directories=str(self.sockets))
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "-D", self._data, *options],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._identity,
            )  # fmt: skip

        def answers() -> bool:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url(SUPERUSER).replace(f"/{DATABASE}?", "/postgres?")).close()
                return True
            return False

        until(answers, within=30, what="PostgreSQL")

    def stop(self) -> None:
        """The immediate way: nothing is written, nobody is told, it recovers at the next start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
            self._process = None

    def close(self) -> None:
        """Stop it and remove what it left."""
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)


@dataclass(eq=False)
class _Link:
    ends: list[asyncio.StreamWriter] = field(default_factory=list)
    lost: bool = False


class Wire:
    """Carries bytes between one instance and PostgreSQL, and can be a bad line.

    Commands always get through; it is the answers that come late, come in a lump, or never.
    """

    def __init__(self, postgres: Postgres) -> None:
        self._socket = postgres.sockets / ".s.PGSQL.5432"
        self._links: set[_Link] = set()
        self._delay = 0.0
        self._loses = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self._flows = asyncio.Event()
        self._server = self._run(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def url(self, role: str) -> str:
        """The database at the other end."""
        return f"postgresql://{role}@{ADDRESS}:{self.port}/{DATABASE}"

    def delay(self, seconds: float) -> None:
        """Every answer comes so much later."""
        self._delay = seconds

    def hang(self) -> None:
        """Answers wait until ``heal``, and come then."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def lose(self) -> None:
        """Answers vanish; a connection that lost one gets none ever after, and is cut by ``heal``."""
        self._loses = True

    def heal(self) -> None:
        """End all faults."""
        self._run(self._heal())

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._server.close()
        self._run(self._cut(list(self._links)))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        self._flows.set()
        return await asyncio.start_server(self._serve, ADDRESS, 0)

    async def _heal(self) -> None:
        self._delay, self._loses = 0.0, False
        await self._cut([link for link in self._links if link.lost])
        self._flows.set()

    async def _cut(self, links: list[_Link]) -> None:
        for link in links:
            for end in link.ends:
                end.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link([writer])
        self._links.add(link)
        try:
            answers, server = await asyncio.open_unix_connection(str(self._socket))
            link.ends.append(server)
            both = [asyncio.ensure_future(self._commands(reader, server)), asyncio.ensure_future(self._answers(answers, link))]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        except OSError:
            pass
        finally:
            self._links.discard(link)
            for end in link.ends:
                end.close()

    async def _commands(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                server.write(data)
                await server.drain()

    async def _answers(self, answers: asyncio.StreamReader, link: _Link) -> None:
        with contextlib.suppress(OSError):
            while data := await answers.read(65536):
                await self._flows.wait()
                if self._delay:
                    await asyncio.sleep(self._delay)
                link.lost |= self._loses
                if not link.lost:
                    link.ends[0].write(data)
                    await link.ends[0].drain()
            while link.lost:  # not even the end of it gets through
                await asyncio.sleep(0.05)
