"""Daily headline figures of the past 400 days, recounted from the generated history.

Each day is counted by the definitions of section 7, with what was known at its end: the row in
force is the last one completed by then, and a request is pending until its decision.
What history cannot tell is taken as it is on as_of: rank, fleet, qualifications and
requirements; withdrawn requests count as never pending; pilots who are inactive without a leaving
day count as inactive throughout; a required check without any row was missing on every day of
service; before its first row a check counts as missing since the pilot joined.
"""

from __future__ import annotations

import numpy as np

from .certifications import Certifications
from .checks import VALIDITY, required
from .crew import Crew
from .days import Column, Days, Flags, Ints, days_between
from .leave import Leave
from .profiles import CAPTAIN

DAYS = 400
EXPIRING_WITHIN = 30
FAR = 1 << 30


def daily_metrics(
    crew: Crew, rows: Certifications, leave: Leave, as_of: np.datetime64
) -> dict[str, Column]:
    """Columns of ``daily_metrics`` for the 400 days before ``as_of``, oldest first."""
    begin = as_of - np.timedelta64(DAYS, "D")
    days = begin + np.arange(DAYS).astype("timedelta64[D]")
    span = _Span(begin)
    joined = span.index(crew.commenced, FAR)
    gone = span.index(crew.left, FAR)
    gone[~crew.active & np.isnat(crew.left)] = joined[~crew.active & np.isnat(crew.left)]

    needed = required(crew)
    valid = np.flatnonzero(~rows.voided)
    pilot, check = rows.pilot[valid], rows.check[valid]
    since = np.maximum(span.index(rows.completed[valid], FAR), joined[pilot])
    following = rows.next[valid]
    until = np.where(following < 0, FAR, span.index(rows.completed[following], FAR))
    until = np.minimum(until, gone[pilot])
    runs_out = span.index(rows.expires[valid], FAR)
    asked = needed[pilot, check]
    lapsed_from = np.maximum(since, runs_out + 1)

    # A required check is missing until its first row, or for ever.
    first = np.full(needed.shape, FAR, dtype=np.int64)
    np.minimum.at(first, (pilot, check), span.index(rows.completed[valid], FAR))
    who, what = np.nonzero(needed)
    missing_until = np.minimum(first[who, what], gone[who])

    faults = span.marks(len(crew))
    span.mark(faults, pilot[asked], lapsed_from[asked], until[asked])
    span.mark(faults, who, joined[who], missing_until)
    over_age = np.maximum(span.index(crew.limit, FAR), joined)
    span.mark(faults, np.arange(len(crew)), over_age, gone)
    lapsed = span.covered(faults)
    # Never-expiring rows are dated; they have no expiry because none is due.
    undated = asked & np.isnat(rows.expires[valid]) & ~_never_expires(rows)[valid]
    unproven = span.marks(len(crew))
    span.mark(unproven, pilot[undated], since[undated], until[undated])
    doubtful = span.covered(unproven) & ~lapsed

    serving = span.marks(len(crew))
    span.mark(serving, np.arange(len(crew)), joined, gone)
    here = span.covered(serving)
    approved = leave.status == "APPROVED"
    away = span.marks(len(crew))
    span.mark(
        away,
        leave.pilot[approved],
        span.index(leave.first, FAR)[approved],
        span.index(leave.last_day, FAR)[approved] + 1,
    )
    captain = crew.rank == CAPTAIN
    joined_by = np.cumsum(np.bincount(np.clip(joined, 0, DAYS), minlength=DAYS + 1))[:DAYS]
    return {
        "day": days,
        "total": joined_by,
        "active": here.sum(axis=0),
        "captains": here[captain].sum(axis=0),
        "first_officers": here[~captain].sum(axis=0),
        "training_captains": here[crew.training_captain].sum(axis=0),
        "examiners": here[crew.examiner].sum(axis=0),
        "compliant": (here & ~lapsed & ~doubtful).sum(axis=0),
        "unproven": (here & doubtful).sum(axis=0),
        "expired": span.count(lapsed_from, until),
        "expiring": span.count(
            np.maximum(since, runs_out - EXPIRING_WITHIN), np.minimum(until, runs_out + 1)
        ),
        "missing": span.count(joined[who], missing_until),
        "on_leave": (span.covered(away) & here).sum(axis=0),
        "pending": _pending(span, leave),
        "recorded_at": (days + np.timedelta64(1, "D")).astype("datetime64[m]")
        - np.timedelta64(600, "m"),
    }


class _Span:
    """The days being counted, as indices from 0; intervals are [first, stop)."""

    def __init__(self, begin: np.datetime64) -> None:
        self.begin = begin

    def index(self, days: Days, unknown: int) -> Ints:
        """Index of each day, possibly outside the span; ``unknown`` for NaT."""
        known = ~np.isnat(days)
        index = np.full(len(days), unknown, dtype=np.int64)
        index[known] = days_between(self.begin, days[known])
        return index

    def marks(self, people: int) -> Ints:
        """An empty table people x days to mark intervals in."""
        return np.zeros((people, DAYS + 1), dtype=np.int32)

    def mark(self, table: Ints, who: Ints, first: Ints, stop: Ints) -> None:
        """Note an interval for each person named."""
        first, stop = np.clip(first, 0, DAYS), np.clip(stop, 0, DAYS)
        some = first < stop
        np.add.at(table, (who[some], first[some]), 1)
        np.add.at(table, (who[some], stop[some]), -1)

    def covered(self, table: Ints) -> Flags:
        """People x days: whether any marked interval covers the day."""
        return np.cumsum(table, axis=1)[:, :DAYS] > 0

    def count(self, first: Ints, stop: Ints) -> Ints:
        """How many intervals cover each day."""
        first, stop = np.clip(first, 0, DAYS), np.clip(stop, 0, DAYS)
        some = first < stop
        starts = np.bincount(first[some], minlength=DAYS + 1)
        stops = np.bincount(stop[some], minlength=DAYS + 1)
        return np.cumsum(starts - stops)[:DAYS]


def _never_expires(rows: Certifications) -> Flags:
    return np.asarray(rows.never | (VALIDITY[rows.check] == 0))


def _pending(span: _Span, leave: Leave) -> Ints:
    """Requests undecided at the end of each day whose last day had not passed."""
    asked = ~np.isnat(leave.submitted) & (leave.status != "WITHDRAWN")
    local = np.timedelta64(600, "m")
    since = span.index((leave.submitted[asked] + local).astype("datetime64[D]"), FAR)
    until = span.index((leave.decided[asked] + local).astype("datetime64[D]"), FAR)
    past = span.index(leave.last_day[asked], FAR) + 1
    return span.count(since, np.minimum(until, past))
