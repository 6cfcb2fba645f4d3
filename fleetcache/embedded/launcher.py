"""What an app does: hold the servers it wants, see that somebody supervises them, wait."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import fleetcache
from fleetcache.embedded import postgres as postgresql
from fleetcache.embedded import process, state
from fleetcache.embedded import valkey as cache
from fleetcache.embedded.account import account_for
from fleetcache.embedded.home import Home, Name, unusable
from fleetcache.embedded.lock import ask, asked, is_held, open_lock, take
from fleetcache.embedded.place import is_private
from fleetcache.errors import FleetcacheError, HomeUnusable, ServerFailed

START_WITHIN = 180.0  # the supervisor has shorter limits of its own, and knows more to say
STOP_WITHIN = 60.0
LOOK_EVERY = 0.02
CHECK_EVERY = 0.5

UNHEARD = 74  # exit code of a supervisor that could not write its state: nobody heard why

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Servers:
    """The URLs of the running servers; None for one that was not asked for.

    ``database_url``  postgresql://fleetcache_app@/fleetcache?host=<directory>
    ``owner_url``     the same database as fleetcache_owner, who may change the schema
    ``redis_url``     unix://<socket>
    """

    database_url: str | None = None
    owner_url: str | None = None
    redis_url: str | None = None
    _hold: Hold | None = field(default=None, repr=False, compare=False)

    def close(self) -> None:
        """Let go of the servers; they stop when nobody else holds them. Safe to call again."""
        if self._hold is not None:
            self._hold.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start(
    home: Path,
    *,
    postgres: bool,
    valkey: bool,
    progress: Callable[[str], None] = lambda text: None,
) -> Servers:
    """Start the wanted servers of this home, or join them; they stay up until `close` or the end.

    ``progress`` hears a sentence for each thing that is really done (nothing on a warm join).
    Raises NoServer, HomeUnusable, WrongVersion or ServerFailed; nothing is held then.
    """
    wishes: dict[Name, bool] = {"postgres": postgres, "valkey": valkey}
    names = [name for name, wish in wishes.items() if wish]
    if not names:
        return Servers()
    opened = Home.open(home)
    try:
        hold = Hold(opened, names)
        try:
            found = hold.await_servers(progress)
            hold.watch()
        except BaseException:
            hold.close()
            raise
    except OSError as error:
        raise unusable(opened.path, error) from error
    return _servers(found, names, hold)


def running(home: Path) -> Servers | None:
    """The URLs of the servers that run in this home now, or None. Starts and holds nothing.

    Raises HomeUnusable when the home is somebody else's.
    """
    there = Home.look(home)
    try:
        if there is None or not is_held(there.supervisor_lock):
            return None
        found = state.read(there)
        names = [
            name
            for name, report in found.reports.items()
            if report.phase == "ready" and is_held(there.server_lock(name))
        ]
    except OSError as error:
        raise unusable(home, error) from error
    return _servers(found, names) if names else None


def supervisor_command(home: Home, lock: int) -> list[str]:
    """How to start a supervisor that inherits the taken supervisor lock as this descriptor."""
    program = [sys.executable, "-P", "-m", "fleetcache.embedded.supervisor"]
    return [*program, "--home", str(home.path), "--lock", str(lock)]


def _servers(found: state.State, names: Sequence[Name], hold: Hold | None = None) -> Servers:
    at = {name: Path(found.reports[name].sockets) for name in names}
    pg, vk = at.get("postgres"), at.get("valkey")
    return Servers(
        database_url=postgresql.url(pg, postgresql.APP) if pg else None,
        owner_url=postgresql.url(pg, postgresql.OWNER) if pg else None,
        redis_url=cache.url(vk) if vk else None,
        _hold=hold,
    )


class Hold:
    """One app's wish for some servers, which the kernel drops with the process."""

    def __init__(self, home: Home, names: Sequence[Name]) -> None:
        self._home = home
        self._names = names
        self._wanted: dict[Name, int] = {}
        self._stamps: dict[Name, int] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._closing = threading.Lock()

    def await_servers(self, progress: Callable[[str], None]) -> state.State:
        """Until all wanted servers are ready. Raises what the supervisor met."""
        deadline = time.monotonic() + START_WITHIN
        for name in self._names:
            fd = self._wanted[name] = open_lock(self._home.wanted(name))
            if not take(fd, shared=True, patience=STOP_WITHIN):
                raise ServerFailed(
                    f"The {name} server of {self._home.path} does not finish stopping."
                )
            self._stamps[name] = ask(fd)
        relay = Relay(progress)
        while True:
            self._supervise_if_free()
            found = state.read(self._home)
            ready = all(self._is_ready(found, name) for name in self._names)
            for name in self._names:
                relay.tell(name, found)
            if ready:
                self._check_sockets(found)
                return found
            for name in self._names:
                self._raise_if_failed(name, found.reports[name])
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"The servers of {self._home.path} were not ready within {START_WITHIN:.0f} s.",
                    hint=f"Look into the logs in {self._home.path / 'logs'}.",
                )
            time.sleep(LOOK_EVERY)

    def watch(self) -> None:
        """From now on, start another supervisor should this one and its standby be killed."""
        threading.Thread(target=self._watch, name="fleetcache-servers", daemon=True).start()

    def close(self) -> None:
        """Drop the wish."""
        with self._closing:
            self._ended.set()
            while self._wanted:
                os.close(self._wanted.popitem()[1])

    def _watch(self) -> None:
        pause = CHECK_EVERY
        while not self._ended.wait(pause):
            try:
                started = self._supervise_if_free()
            except (OSError, FleetcacheError) as error:
                log.error("Nobody supervises the servers of %s: %s", self._home.path, error)
                started = True
            # One that ends again and again is not started twice a second for ever.
            pause = min(pause * 2, 30.0) if started else max(pause / 2, CHECK_EVERY)

    def _supervise_if_free(self) -> bool:
        """Start a supervisor if there is none. It inherits the lock, so there is never a second."""
        lock = open_lock(self._home.supervisor_lock)
        try:
            if not take(lock):
                return False
            self._raise_if_child_failed()
            state.write(self._home, state.State())  # what the last one said is not true any more
            journal = self._home.log("supervisor")
            process.trim(journal)
            output = process.open_log(journal)
            root = str(Path(fleetcache.__file__).parent.parent)
            inherited = os.environ.get("PYTHONPATH")
            paths = os.pathsep.join([root, inherited] if inherited else [root])
            try:
                self._child = subprocess.Popen(
                    supervisor_command(self._home, lock),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=[lock],
                    start_new_session=True,
                    env={**os.environ, "PYTHONPATH": paths},
                )
            finally:
                os.close(output)
            # It may end long before this app does, and should not stay as a zombie.
            threading.Thread(target=self._child.wait, daemon=True).start()
        finally:
            os.close(lock)
        return True

    def _is_ready(self, found: state.State, name: Name) -> bool:
        return found.reports[name].phase == "ready" and is_held(self._home.server_lock(name))

    def _raise_if_failed(self, name: Name, report: state.Report) -> None:
        if report.phase != "failed":
            return
        if report.asked >= self._stamps[name]:
            raise state.unpack(report.error)
        fd = self._wanted[name]  # an older failure: have it tried once more
        if asked(fd) < self._stamps[name]:
            ask(fd, at_least=self._stamps[name])

    def _raise_if_child_failed(self) -> None:
        """Nobody supervises. If the supervisor that we started gave up, so do we."""
        child, self._child = self._child, None
        if child is None:
            return
        code = child.wait(10)
        if code == UNHEARD:
            raise HomeUnusable(f"Nothing can be written to {self._home.path}; is the disk full?")
        if code > 0:  # a killed one (negative) is simply replaced
            journal = self._home.log("supervisor")
            last = journal.read_text(errors="replace").rstrip().rpartition("\n")[2]
            raise ServerFailed(
                f"The supervisor of the servers ended with code {code}: {last}",
                hint=f"The whole log is {journal}.",
            )

    def _check_sockets(self, found: state.State) -> None:
        """Nobody else may stand between us and the servers."""
        owner = account_for(self._home.path).uid
        for name in self._names:
            sockets = Path(found.reports[name].sockets)
            if not is_private(sockets, owner):
                raise HomeUnusable(f"{sockets} is not a private directory of the servers' account.")


class Relay:
    """Passes on what is said while we wait; what was over before we came is not news."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._heard: dict[Name, tuple[int, int, int]] = {}

    def tell(self, name: Name, found: state.State) -> None:
        """Tell what is new in this report."""
        report = found.reports[name]
        start, said = (found.supervisor, report.episode), report.said
        news = name in self._heard or report.phase == "starting"
        known = self._heard[name][2] if self._heard.get(name, ())[:2] == start else 0
        for text in said[known:] if news else []:
            self._progress(text)
        self._heard[name] = (*start, len(said))
