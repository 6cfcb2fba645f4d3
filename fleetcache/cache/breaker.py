"""Not asking a server that does not answer: the circuit breaker of Nygard's “Release It!”."""

from __future__ import annotations

import threading

from fleetcache.clock import SYSTEM, Clock

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"
HICCUP_SECONDS = 1.0
_PATIENCE = 0.5


class Breaker:
    """Opens at the first failure, so that a hung server costs one deadline and not one per call.

    After ``pause`` seconds (doubling up to ``longest``) one call may try again, and its outcome
    decides. A prober in the background is let through first: callers take the try upon themselves
    only half a second later, when nobody probes.
    """

    def __init__(self, *, pause: float = 0.2, longest: float = 1.0, clock: Clock = SYSTEM) -> None:
        self._first, self._longest = pause, longest
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._state = CLOSED
        self._retry_at = 0.0
        self._since: float | None = None
        self.opened = 0
        """How often it has opened since the start."""

    @property
    def state(self) -> str:
        """``closed`` (all calls pass), ``open`` (none do) or ``half-open`` (one is trying)."""
        return self._state

    @property
    def lasting(self) -> bool:
        """Whether no call has been answered for longer than a hiccup."""
        since = self._since
        return since is not None and self._clock.monotonic() - since >= HICCUP_SECONDS

    def admit(self, *, prober: bool = False) -> bool:
        """Whether a call may be made now; whoever is let through must say how it went."""
        if self._state == CLOSED:
            return True
        with self._lock:
            due = self._retry_at if prober else self._retry_at + _PATIENCE
            if self._state == CLOSED:
                return True
            if self._clock.monotonic() < due:
                return False
            # One that never reports its outcome is taken for lost by the next due time.
            self._state = HALF_OPEN
            self._retry_at = self._clock.monotonic() + self._longest
            return True

    def succeeded(self) -> None:
        """A call was answered."""
        if self._state != CLOSED:
            with self._lock:
                self._state, self._pause, self._since = CLOSED, self._first, None

    def failed(self) -> None:
        """A call was not answered."""
        with self._lock:
            if self._state == HALF_OPEN:
                self._pause = min(2 * self._pause, self._longest)
            elif self._state == CLOSED:
                self.opened += 1
                self._since = self._clock.monotonic()
            self._state = OPEN
            self._retry_at = self._clock.monotonic() + self._pause
