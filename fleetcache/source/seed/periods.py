"""Roster periods of the seeded airline: 28 days each, RP12/2025 starts on 2025-10-11."""

from __future__ import annotations

import numpy as np

ANCHOR = np.datetime64("2025-10-11", "D")
DAYS = 28
PUBLISHED_BEFORE = 10
DEADLINE_BEFORE = 21


def period_start(day: np.datetime64) -> np.datetime64:
    """First day of the roster period that holds a day (the index floors)."""
    offset = int((day - ANCHOR) / np.timedelta64(1, "D"))
    return ANCHOR + np.timedelta64(offset // DAYS * DAYS, "D")


def next_undecided(as_of: np.datetime64) -> np.datetime64:
    """First day of the earliest period that is published after ``as_of``."""
    return period_start(as_of + np.timedelta64(PUBLISHED_BEFORE, "D")) + np.timedelta64(DAYS, "D")
