"""Since when the verdict is what it is, as this instance saw it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from fleetcache.ops.health import Health

GLANCE_SECONDS = 2.0


@dataclass(frozen=True)
class Since:
    """A verdict and the moment (seconds since the epoch) it was first seen."""

    overall: str
    text: str
    at: float


class Watch:
    """Remembers the last change of the overall verdict."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: Since | None = None
        self._asking = threading.Lock()
        self.last: Health | None = None
        """What was found last."""

    def see(self, health: Health) -> Since:
        """Take note of a verdict; since when it holds."""
        with self._lock:
            self.last = health
            if self._since is None or self._since.overall != health.overall:
                self._since = Since(health.overall, health.text, health.at)
            return self._since

    def glance(self, check: Callable[[], Health], *, now: float) -> Health:
        """What was found no more than ``GLANCE_SECONDS`` before ``now``, or what a ``check`` finds: one at a
        time, and who comes meanwhile gets what was found before it. Probes may ask as often as they like."""
        last = self.last
        if last is not None and now - last.at < GLANCE_SECONDS:
            return last
        if not self._asking.acquire(blocking=last is None):
            assert last is not None
            return last
        try:
            return check()
        finally:
            self._asking.release()
