"""Time that a test can set. Everything that asks for the time takes a ``Clock``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

# A proof must not outlive a closed lid: on Linux the usual monotonic clock stands still meanwhile.
_MONOTONIC = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Clock:
    """``now`` gives seconds since the epoch, ``monotonic`` seconds that only go forward, those of
    a suspended machine included."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = _MONOTONIC


SYSTEM = Clock()
