"""When the machine itself stood still: nothing can be proven by a process that is not given the processor."""

from __future__ import annotations

import threading

from tests.freshness.records import now

TICK_SECONDS, STALL_SECONDS = 0.02, 0.15
AFTER_SECONDS = 0.5
"""For so long after a stall what it held up is made good."""


class Stalls:
    """Notices when a thread that has next to nothing to do is kept from doing it."""

    def __init__(self) -> None:
        self.found: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stalls", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        before = now()
        while not self._stop.wait(TICK_SECONDS):
            moment = now()
            if moment - before > STALL_SECONDS:
                self.found.append((before, moment))
            before = moment

    def during(self, begin: float, end: float) -> bool:
        """Whether something that went on then was held up."""
        return any(begin <= until + AFTER_SECONDS and end >= since for since, until in self.found)
