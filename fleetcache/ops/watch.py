"""Since when the verdict is what it is, as this instance saw it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from fleetcache.ops.health import Health


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

    def see(self, health: Health) -> Since:
        """Take note of a verdict; since when it holds."""
        with self._lock:
            if self._since is None or self._since.overall != health.overall:
                self._since = Since(health.overall, health.text, health.at)
            return self._since
