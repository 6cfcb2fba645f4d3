"""The one process that owns the servers of a home: `python -m fleetcache.embedded.supervisor`.

Started by the first app (see `launcher`), in a session of its own, so that a Ctrl-C in the app
does not reach it. Leaves when nobody wants a server any more.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from fleetcache.embedded import process, state
from fleetcache.embedded.care import BUSY, CALM, Care
from fleetcache.embedded.home import NAMES, Home
from fleetcache.embedded.launcher import UNHEARD, supervisor_command
from fleetcache.embedded.place import remove_far_sockets
from fleetcache.embedded.postgres import Postgres
from fleetcache.embedded.valkey import Valkey

HOUSEKEEPING = 60.0


class Supervisor:
    """Both servers' care, the standby, and what the apps are told."""

    def __init__(self, home: Home, lock: int) -> None:
        self.home = home
        self._lock = lock
        self._standby: subprocess.Popen[bytes] | None = None
        self._state = state.State(supervisor=os.getpid())
        self._unheard: float | None = None
        self._tidied = time.monotonic()
        self._cares = [
            Care(
                kind,
                kind.name,
                home=home,
                report=self._state.reports[kind.name],
                publish=self._publish,
            )
            for kind in (Postgres, Valkey)
        ]

    def run(self) -> int:
        """Until nobody wants a server; returns the exit code."""
        self._publish()
        lives = [care.life() for care in self._cares]
        code = 0
        try:
            while True:
                pause = min(next(life) for life in lives)
                if all(care.idle for care in self._cares) or self._is_homeless():
                    break
                if self._is_unheard():
                    code = UNHEARD
                    break
                if pause >= CALM:
                    self._keep_house()
                time.sleep(pause)
        finally:
            for life in lives:
                life.close()  # ends an initdb that is under way
            self._finish()
        return code

    def hurry(self) -> None:
        """Leave as soon as nobody wants a server, without the grace.

        Not at once: an app that has just been given the URLs would lose its servers.
        """
        for care in self._cares:
            care.grace = 0.0

    def _publish(self) -> None:
        try:
            state.write(self.home, self._state)
        except OSError as error:
            if self._unheard is None:
                print(f"the state file cannot be written: {error}", file=sys.stderr, flush=True)
                self._unheard = time.monotonic()
        else:
            self._unheard = None

    def _is_unheard(self) -> bool:
        """Apps wait for a report that cannot be written, and no server is worth staying for."""
        if self._unheard is None:
            return False
        since = self._unheard
        self._publish()
        serving = any(report.phase == "ready" for report in self._state.reports.values())
        return self._unheard is not None and time.monotonic() - since > 2.0 and not serving

    def _is_homeless(self) -> bool:
        """Somebody removed the home: the next app would not even see our lock."""
        try:
            there = self.home.supervisor_lock.stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        return there.st_ino != os.fstat(self._lock).st_ino

    def _keep_house(self) -> None:
        """A standby, and small logs. Trouble here (a full disk) must not cost the servers."""
        try:
            if self._standby is None or self._standby.poll() is not None:
                script = Path(__file__).with_name("standby.py")
                command = [str(script), *supervisor_command(self.home, self._lock)]
                self._standby = subprocess.Popen(
                    [sys.executable, "-I", "-S", *command],
                    stdin=subprocess.PIPE,
                    pass_fds=[self._lock],
                )
            if time.monotonic() - self._tidied > HOUSEKEEPING:
                self._tidied = time.monotonic()
                for name in NAMES:
                    process.trim(self.home.log(name))
        except OSError as error:
            print(f"housekeeping failed: {error}", file=sys.stderr, flush=True)

    def _finish(self) -> None:
        stops: list[Iterator[float]] = [care.stop() for care in self._cares]
        while stops:
            stops = [stop for stop in stops if next(stop, None) is not None]
            time.sleep(BUSY if stops else 0)
        if self._standby is not None:
            self._standby.kill()
            self._standby.wait()
        if not self._is_homeless():
            remove_far_sockets(self.home)


def main() -> int:
    """Take over the lock that was handed down, and supervise."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--home", type=Path, required=True)
    arguments.add_argument("--lock", type=int, required=True)
    given = arguments.parse_args()
    os.set_inheritable(given.lock, False)
    os.umask(0o022)  # what is private is made so explicitly; copied programs must be readable
    for variable in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[variable]  # libpq would obey PGOPTIONS, PGSERVICE...
    supervisor = Supervisor(Home.open(given.home), given.lock)

    def hurry(number: int, frame: FrameType | None) -> None:
        supervisor.hurry()

    signal.signal(signal.SIGTERM, hurry)
    signal.signal(signal.SIGINT, hurry)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
