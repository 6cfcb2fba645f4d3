"""One server's life, told in order: wanted, started, watched, restarted, stopped.

Every `yield` hands the processor back to the supervisor for so many seconds, so both servers live
in one thread and nothing here needs a lock of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from signal import Signals
from typing import Protocol

from fleetcache.embedded import process
from fleetcache.embedded.home import Home, Name, unusable
from fleetcache.embedded.lock import asked, is_held, open_lock, release, take
from fleetcache.embedded.place import Place, find_place
from fleetcache.embedded.state import Phase, Report, pack
from fleetcache.errors import FleetcacheError, ServerFailed

BUSY = 0.02
CALM = 0.2
GRACE = 2.0  # an app that restarts quickly finds its servers still up
READY_WITHIN = 60.0
PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0)  # before each restart; then it is given up
QUICK = 10.0  # a server that ran longer than this may fail again from the start


class Server(Protocol):
    """What PostgreSQL and Valkey have in common here."""

    name: Name
    title: str
    place: Place
    log: Path
    socket: Path

    @property
    def signals(self) -> Sequence[tuple[Signals, float]]:
        """How to stop it: ever harder signals, and how long to wait after each."""

    def prepare(self, lock: int, say: Callable[[str], None]) -> Iterator[None]:
        """Find the program, make its data directory."""

    def command(self) -> list[str | Path]:
        """How to start it."""

    def is_ready(self, pid: int) -> bool:
        """Whether this process serves."""


class Care:
    """The care of one server of one home."""

    def __init__(
        self,
        kind: Callable[[Place, Path], Server],
        name: Name,
        *,
        home: Home,
        report: Report,
        publish: Callable[[], None],
    ) -> None:
        self.idle = False
        self.grace = GRACE
        self._kind = kind
        self._name = name
        self._home = home
        self._report = report
        self._publish = publish
        self._wanted = open_lock(home.wanted(name))
        self._server: Server | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._since = 0

    def life(self) -> Generator[float, None, None]:
        """Runs for ever; yields how many seconds may pass before it wants to go on."""
        # One that outlived its supervisor is taken care of even if no app lives any more.
        left_over = is_held(self._home.server_lock(self._name))
        while True:
            if self._is_wanted() or left_over:
                self.idle = left_over = False
                yield from self._serve()
            self.idle = True
            yield CALM

    def stop(self) -> Iterator[float]:
        """End the server, cleanly if it lets us."""
        server = self._server
        if server is None:
            return
        self._enter("stopped")
        for signal, patience in server.signals:
            # Not our child: signal only whom the kernel still names as the listener.
            pid = None if self._child else process.listener(server.socket, server.place.account)
            process.send(signal, self._child, pid)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if self._is_gone():
                    self._server = self._child = None
                    return
                yield BUSY
        self._note(f"{server.title} does not stop")
        self._server = self._child = None

    def _serve(self) -> Iterator[float]:
        """From the first wish for this server to the end of the last one."""
        tries, was_up = 0, False
        while True:
            stamp = asked(self._wanted)
            up = time.monotonic()
            trouble: FleetcacheError
            try:
                yield from self._bring_up(stamp)
                was_up, up = True, time.monotonic()
                ended = yield from self._watch()
                if ended is None:
                    return
                trouble = ended
                tries = tries + 1 if time.monotonic() - up < QUICK else 1
            except FleetcacheError as error:
                trouble, tries = error, tries + 1
            except OSError as error:
                trouble, tries = unusable(self._home.path, error), tries + 1
            self._note(trouble.message)
            self._server = self._child = None
            if was_up and tries <= len(PAUSES):
                self._enter("starting")
                yield from _pause(PAUSES[tries - 1])
                continue
            if was_up:
                self._note(f"{self._name} is given up after {tries} failures in a row")
            self._enter("failed", error=trouble, asked=stamp)
            while asked(self._wanted) == stamp:
                if not self._is_wanted():
                    self._enter("stopped")
                    return
                yield CALM
            tries, was_up = 0, False

    def _bring_up(self, stamp: int) -> Iterator[float]:
        """Start the server, or adopt one that outlived its supervisor. Raises FleetcacheError."""
        self._report.said = []
        self._report.episode += 1
        self._enter("starting", asked=stamp)
        place = find_place(self._home, self._say)
        server = self._kind(place, self._home.log(self._name))
        lock = open_lock(self._home.server_lock(self._name))
        try:
            process.trim(server.log)
            self._since = process.size(server.log)
            adopted = yield from self._adopt(server, lock)
            if not adopted:
                for _ in server.prepare(lock, self._say):
                    yield BUSY
                self._say(f"Starting {server.title}…")
                self._since = process.size(server.log)
                self._child = process.spawn(
                    server.command(), account=place.account, lock=lock, log=server.log
                )
                self._server = server
                self._remember(lock, self._child.pid)
        finally:
            os.close(lock)
        if self._child is not None:
            try:
                yield from self._await_ready(server, self._child)
            except (FleetcacheError, OSError):
                yield from self.stop()
                raise
        self._server = server
        self._report.sockets = str(place.sockets)
        self._enter("ready")

    def _adopt(self, server: Server, lock: int) -> Generator[float, None, bool]:
        """True when a server of ours runs already; False with the lock, when none does."""
        deadline = time.monotonic() + READY_WITHIN
        while not take(lock):
            pid = process.listener(server.socket, server.place.account)
            if pid is not None and server.is_ready(pid):
                self._note(f"{server.title} runs already as process {pid}: adopted")
                return True
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"Processes of an earlier {server.title} still use {server.place.data}, "
                    "and it does not answer.",
                    hint=f"End them, then start again. The log is {server.log}.",
                )
            yield BUSY
        return False

    def _await_ready(self, server: Server, child: subprocess.Popen[bytes]) -> Iterator[float]:
        deadline = time.monotonic() + READY_WITHIN
        while not server.is_ready(child.pid):
            if child.poll() is not None:
                raise process.failure(
                    f"{server.title} ended while starting ({_ending(child.returncode)})",
                    server.log,
                    self._since,
                )
            if time.monotonic() > deadline:
                raise process.failure(
                    f"{server.title} was not ready after {READY_WITHIN:.0f} s",
                    server.log,
                    self._since,
                )
            yield BUSY

    def _watch(self) -> Generator[float, None, FleetcacheError | None]:
        """Until it dies (returns why), or is not wanted any more and was stopped (None)."""
        server = self._server
        assert server is not None
        unwanted: float | None = None
        while self._is_alive():
            if self._is_wanted():
                unwanted = None
            elif unwanted is None:
                unwanted = time.monotonic()
            elif time.monotonic() - unwanted >= self.grace and take(self._wanted):
                # Kept until it is down: an app that comes now waits here, then starts it anew.
                try:
                    yield from self.stop()
                finally:
                    release(self._wanted)
                return None
            yield CALM
        how = _ending(self._child.returncode) if self._child else "it had been adopted"
        return process.failure(f"{server.title} ended ({how})", server.log, self._since)

    def _is_wanted(self) -> bool:
        if take(self._wanted):
            release(self._wanted)
            return False
        return True

    def _is_alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return is_held(self._home.server_lock(self._name))

    def _is_gone(self) -> bool:
        """Its children, too: backends outlive a killed postmaster for a moment."""
        ended = self._child is None or self._child.poll() is not None
        return ended and not is_held(self._home.server_lock(self._name))

    def _enter(
        self, phase: Phase, *, error: FleetcacheError | None = None, asked: int | None = None
    ) -> None:
        self._report.phase = phase
        self._report.error = pack(error) if error else None
        if asked is not None:
            self._report.asked = asked
        self._publish()

    def _say(self, text: str) -> None:
        self._report.said.append(text)
        self._note(text)
        self._publish()

    def _note(self, text: str) -> None:
        now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        print(f"{now} {self._name}: {text}", file=sys.stderr, flush=True)

    def _remember(self, lock: int, pid: int) -> None:
        """Which process the lock was given to, so that its stale pid file can be told as ours."""
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(pid).encode(), 0)
        except OSError as error:
            self._note(f"the process number could not be kept: {error}")


def _pause(seconds: float) -> Iterator[float]:
    """The loop looks in more often than it was asked to, whenever the other server is busy."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        yield left


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {Signals(-code).name}"
    return f"code {code}"
