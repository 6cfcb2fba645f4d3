"""Checking the database: again and again while anybody reads, and at once for who cannot wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.ledger import Check, Regress
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import FleetcacheError
from fleetcache.source import guards
from fleetcache.source.checks import Checks
from fleetcache.source.database import Database

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.25
"""How long an answer may take."""
BUSY_SECONDS, IDLE_SECONDS = 0.05, 4.0
"""Between two checks, while anybody reads and when nobody does."""
QUIET_SECONDS = 30.0
"""For so long after a reader has needed a check they come at the busy pace. Who reads then without one
coming in time needs one again, so a hit has nothing to note down for this."""
RETRY_SECONDS, MOST_RETRY_SECONDS = 0.1, 1.0
"""Between two attempts while checks fail: the first, then twice as long each time."""
TEND_SECONDS = 5.0
"""Between two looks at what no check tells."""
Told = Callable[[str | None], None]
"""Called with a ``state``."""
_NOTHING = object()


class Poller:
    """Keeps the proof in force on which values with a label are served.

    All checks of a process go over one connection, one at a time, and who waits for its turn may find
    that the check before it was sent late enough. ``moved`` is called, outside of any lock, with the
    topics that changed. ``beside`` is another thing that pages say, as a part of the state. What is told of
    checks is given by ``serve`` before the first of them.
    """

    def __init__(
        self,
        database: Database,
        *,
        moved: Callable[[set[str]], None] = lambda topics: None,
        beside: Callable[[], bool] = lambda: False,
        clock: Clock = SYSTEM,
    ) -> None:
        self.fault: str | None = None
        self._cache: LayeredCache
        self._database = database
        self._moved = moved
        self._beside = beside
        self._clock = clock
        self._checks = Checks(database.url, seconds=CHECK_SECONDS)
        self._turn = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._needed_at = clock.monotonic()
        self._watchers: dict[Told, object] = {}
        self._watching = threading.Lock()

    def serve(self, cache: LayeredCache) -> None:
        """Tell this cache of the checks."""
        self._cache = cache

    @property
    def idle(self) -> bool:
        """Whether nobody watches, and nobody has needed a check for a while."""
        return not self._watchers and self._clock.monotonic() - self._needed_at > QUIET_SECONDS

    def start(self) -> None:
        """Check in the background, until ``close``."""
        self._thread = threading.Thread(target=self._run, name="fleetcache-checks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Check no more; what is in memory is not proven from then on."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        with self._turn:
            self._checks.close()

    @contextmanager
    def watched(self, told: Told) -> Iterator[None]:
        """Have ``told`` called with the state, soon and then whenever it is another one, on the thread that
        checks: it must not wait for anything."""
        with self._watching:
            self._watchers[told] = _NOTHING
        self._wake.set()
        try:
            yield
        finally:
            with self._watching:
                del self._watchers[told]

    def prove(self, since: float) -> bool:
        """Have a check answered that was sent at or after ``since`` (monotonic seconds); whether one was.

        It is asked by the caller itself: handing it to another thread and back would cost as much again.
        """
        was_idle, self._needed_at = self.idle, self._clock.monotonic()
        if was_idle:
            self._wake.set()
        if self._thread is not None and self.fault is not None:
            return False  # it tries again ten times a second, and nobody is to wait for that
        if not self._turn.acquire(timeout=CHECK_SECONDS):
            return False
        try:
            if self._cache.ledger.proven(since, self._clock.monotonic()):
                return True
            if self._thread is not None and not self._checks.connected:
                self._wake.set()  # a connection may take seconds
                return False
            moved = self._check()
        finally:
            self._turn.release()
        if moved:
            self._moved(moved)
        return self._cache.ledger.proven(since, self._clock.monotonic())

    def state(self) -> str | None:
        """Of which state of the database reads are at this moment; None while nobody can say. While
        changes are not counted it is another one every few seconds."""
        ledger, now = self._cache.ledger, self._clock.monotonic()
        return self._state(ledger.proven(now - ledger.bound, now) or self.prove(now - ledger.bound))

    def _state(self, proven: bool) -> str | None:
        ledger, beside = self._cache.ledger, " beside" if self._beside() else ""
        if ledger.dirty is not None:
            return f"{ledger.dirty} {self._clock.monotonic() // TEND_SECONDS}{beside}"
        return f"{ledger.known.token()}{beside}" if proven and ledger.known is not None else beside or None

    def _tell(self) -> None:
        """Say to whoever watches in which state the database is, if they do not know it."""
        if not self._watchers:
            return
        ledger, now = self._cache.ledger, self._clock.monotonic()
        state = self._state(self.fault is None or ledger.proven(now - ledger.bound, now))
        with self._watching:
            behind = [told for told, last in self._watchers.items() if last != state]
            self._watchers.update(dict.fromkeys(behind, state))
        for told in behind:
            told(state)

    def _check(self) -> set[str]:
        sent_at = self._clock.monotonic()
        try:
            if not self._checks.connected:
                self._checks.connect()
                sent_at = self._clock.monotonic()
            label, day_seconds = self._checks.ask()
            known = self._cache.ledger.known
            moved = self._cache.told(Check(sent_at, label, day_seconds))
            if known is not None and known.epoch != label.epoch:
                self._database.renew()
        except Regress as fewer:
            log.error("%s: everything cached is given up", fewer)
            moved = set()
            try:
                guards.renew(self._database)
            except FleetcacheError as error:
                self.fault = error.message
        except FleetcacheError as error:
            if self.fault is None:
                log.warning("what is held cannot be proven current: %s", error.technical)
            self.fault = error.message
            return set()
        except Exception:
            log.exception("a check failed")
            self.fault = "A check of the database failed unexpectedly."
            return set()
        else:
            if self.fault is not None:
                log.info("checks are answered again")
            self.fault = None
        return moved

    def _run(self) -> None:
        pause = RETRY_SECONDS
        while not self._stop.is_set():
            moved: set[str] = set()
            due = self._cache.ledger.sent_at + BUSY_SECONDS <= self._clock.monotonic()
            if due and self._turn.acquire(timeout=CHECK_SECONDS):
                try:
                    moved = self._check()
                finally:
                    self._turn.release()
            self._tell()
            if moved:
                self._moved(moved)
            if self.fault is not None:
                self._stop.wait(pause)
                pause = min(2 * pause, MOST_RETRY_SECONDS)
            else:
                pause = RETRY_SECONDS
                self._wake.wait(IDLE_SECONDS if self.idle else BUSY_SECONDS)
            self._wake.clear()
