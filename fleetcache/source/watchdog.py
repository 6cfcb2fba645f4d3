"""Deadlines that hold when the server does not: a hung PostgreSQL enforces no time-out of its own.

The driver waits for an answer for as long as the socket is open, so an overdue one is shut down
under it; the wait then ends with an ordinary connection error.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.25


class Watchdog:
    """Watches sockets in use. One thread for all, asleep while nothing is watched."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._overdue: dict[int, tuple[int, float]] = {}
        self._tickets = itertools.count()
        self._thread: threading.Thread | None = None

    def begin(self, fd: int, seconds: float) -> int:
        """Watch a socket from now on; the ticket ends it."""
        with self._lock:
            ticket = next(self._tickets)
            self._overdue[ticket] = (fd, time.monotonic() + seconds)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            self._lock.notify()
            return ticket

    def end(self, ticket: int | None) -> None:
        """The answer came."""
        with self._lock:
            self._overdue.pop(ticket if ticket is not None else -1, None)

    @contextmanager
    def limit(self, fd: int, seconds: float) -> Iterator[None]:
        """Watch a socket for the length of a block."""
        ticket = self.begin(fd, seconds)
        try:
            yield
        finally:
            self.end(ticket)

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._overdue:
                    self._lock.wait()
                now = time.monotonic()
                for ticket, (fd, due) in list(self._overdue.items()):
                    if due <= now:
                        # Still under the lock: while it is watched the number is this socket's.
                        _shut(fd)
                        del self._overdue[ticket]
            time.sleep(LOOK_SECONDS)


def _shut(fd: int) -> None:
    try:
        with socket.socket(fileno=os.dup(fd)) as copy:
            copy.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already, which is all that was wanted
