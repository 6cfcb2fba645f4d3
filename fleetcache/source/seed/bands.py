"""Which certification rows exist on as_of, and how far each is from its expiry.

The band of every row is drawn first; the dates follow from it (certifications.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .checks import (
    CHECKS,
    INDEX,
    NEEDS_JOINING,
    SHORT_VALIDITY,
    VALIDITY,
    WINDOW_DAYS,
    optional_share,
    required,
)
from .crew import YEAR, Crew
from .days import Flags, Ints, add_days, add_months, days_between
from .draws import Draws
from .profiles import Profile

EXPIRED_SHARE = 0.005
MISSING_SHARE = 0.0015
UNDATED_SHARE = 0.001
# (first day, last day, share of rows): days from as_of to expiry.
BANDS = ((0, 7, 0.006), (8, 30, 0.027), (31, 60, 0.055), (61, 90, 0.065))
LATER = 91
LAPSED_DAYS = 59  # how long ago, at most, a pilot at work let a check slip
BOUNDARY_DAYS = (0, 1, 7, 8, 30, 31, 90, 91)  # -1 sits on one of the lapsed pilots

LONG_LEAVE_LAPSES = (5, 4, 6, 3, 8, 5)
DEMO_ON_LONG_LEAVE, DEMO_LAPSED, DEMO_MISSING, DEMO_UNPROVEN = 6, 6, 4, 2
ENGLISH_LEVELS = {"48": 45.0, "72": 35.0, "0": 20.0}  # months: share; 0 never expires


@dataclass(frozen=True, eq=False)
class Lapsing:
    """The pilots with lapses, by index: on long leave since some days, or at work today."""

    on_leave: Ints
    days_ago: Ints
    at_work: Ints


@dataclass(frozen=True, eq=False)
class Holdings:
    """The current rows, by pilot and check type, each with the days its expiry may fall on.

    ``low`` and ``high`` count days from ``as_of`` for active pilots, from the day they left for
    the others. ``months`` is the validity given (0 = never expires). ``fixed`` rows must keep
    their day.
    """

    pilot: Ints
    check: Ints
    months: Ints
    low: Ints
    high: Ints
    undated: Flags
    required: Flags
    lapsing: Lapsing


def holdings(profile: Profile, crew: Crew, as_of: np.datetime64, seed: int) -> Holdings:
    """Draw every current row of the airline and the band it is in."""
    draws = Draws(seed, "bands")
    needed = required(crew)
    spare = draws.uniform(needed.size).reshape(needed.shape) < optional_share(crew)
    held = needed | spare
    people = _People(profile, crew, as_of, draws)
    _take_away_missing(people, held, needed, draws)

    pilot, check = (a.astype(np.int64) for a in np.nonzero(held))
    rows = _Rows(crew, as_of, pilot, check, needed[pilot, check], draws)
    _lapse(people, rows, draws)
    _undate(people, rows, draws)
    _fill_bands(rows, draws)
    return Holdings(
        pilot, check, rows.months, rows.low, rows.high, rows.undated, rows.required, people.lapsing
    )


class _People:
    """The few pilots on whom the lapses sit: seasoned, and on no other boundary."""

    def __init__(self, profile: Profile, crew: Crew, as_of: np.datetime64, draws: Draws) -> None:
        tenure = days_between(crew.commenced, as_of) / YEAR
        settled = crew.active & (crew.special == "") & (crew.age < 62) & (tenure > 3)
        queue = np.flatnonzero(settled)
        queue = queue[draws.order(len(queue))]
        sizes = [
            profile.scaled(n)
            for n in (DEMO_ON_LONG_LEAVE, DEMO_LAPSED, DEMO_MISSING, DEMO_UNPROVEN)
        ]
        on_leave, self.slipped, self.missing, self.unproven, self.others = np.split(
            queue, np.cumsum(sizes)
        )
        at_work = np.concatenate([self.slipped, self.missing, self.unproven])
        self.lapsing = Lapsing(on_leave, draws.between(60, 85, len(on_leave)), at_work)


def _take_away_missing(people: _People, held: Flags, needed: Flags, draws: Draws) -> None:
    """Remove required rows, a few from each of the pilots who miss some."""
    total = max(1, round(MISSING_SHARE * int(held.sum())))
    removable = NEEDS_JOINING & (np.arange(len(CHECKS)) != INDEX["COMPANY_ID"])
    for i, pilot in enumerate(people.missing.tolist()):
        count = max(1, total * (i + 1) // len(people.missing) - total * i // len(people.missing))
        candidates = np.flatnonzero(needed[pilot] & removable)
        held[pilot, candidates[draws.order(len(candidates))[:count]]] = False


class _Rows:
    """The rows while their bands are being decided; ``free`` ones have none yet."""

    def __init__(
        self,
        crew: Crew,
        as_of: np.datetime64,
        pilot: Ints,
        check: Ints,
        required: Flags,
        draws: Draws,
    ) -> None:
        count = len(pilot)
        self.crew, self.pilot, self.check, self.required = crew, pilot, check, required
        self.active = crew.active[pilot]
        self.months = VALIDITY[check].copy()
        english = np.flatnonzero(check == INDEX["ENGLISH"])
        self.months[english] = [int(m) for m in draws.shared_out(ENGLISH_LEVELS, len(english))]
        limits = np.array([c.age_limit or 200 for c in CHECKS], dtype=np.float64)
        over = crew.age[pilot] >= limits[check] + 0.01
        self.shortest = np.where(over, SHORT_VALIDITY[check], self.months)
        self.dated = self.months > 0
        self.undated = np.zeros(count, dtype=np.bool_)
        self.free = self.dated & self.active
        self.low = np.full(count, LATER, dtype=np.int64)
        yesterday = np.array([as_of - np.timedelta64(1, "D")])
        furthest = days_between(as_of, add_months(np.repeat(yesterday, count), self.shortest))
        self.high = furthest + np.where(WINDOW_DAYS[check] > 0, 20, 0)
        gone = ~self.active
        self.low[gone] = 1
        # A check may only run out on a day if the pilot already served when it was completed.
        earliest = add_days(crew.commenced[pilot], 75)
        self.from_day = np.where(
            NEEDS_JOINING[check],
            days_between(as_of, add_months(earliest, np.maximum(self.shortest, 1))),
            -10_000,
        )

    def settle(self, rows: Ints, low: Ints | int, high: Ints | int) -> None:
        """Give rows their band."""
        self.low[rows], self.high[rows] = low, high
        self.free[rows] = False

    def of(self, pilot: int, day: int) -> Ints:
        """The free required rows of a pilot that could run out on that day, 3 years at most."""
        start, stop = np.searchsorted(self.pilot, [pilot, pilot + 1])
        here = np.arange(start, stop)
        fits = self.free[here] & self.required[here] & (self.months[here] <= 36)
        return here[fits & (self.from_day[here] <= day)]


def _lapse(people: _People, rows: _Rows, draws: Draws) -> None:
    """Put all expired rows on the pilots on long leave and on the few who let one slip."""
    total = round(EXPIRED_SHARE * int(rows.active.sum()))
    for i, pilot in enumerate(people.lapsing.on_leave.tolist()):
        since = int(people.lapsing.days_ago[i])
        candidates = rows.of(pilot, -since)
        count = LONG_LEAVE_LAPSES[i % len(LONG_LEAVE_LAPSES)]
        chosen = candidates[draws.order(len(candidates))[:count]]
        rows.settle(chosen, -since + 1, -1)
        total -= count
    optional = rows.free & ~rows.required & (rows.from_day <= -LAPSED_DAYS)
    optional &= np.isin(rows.pilot, people.others)
    loose = max(1, round(len(people.slipped) / 6))
    rows.settle(draws.weighted(optional.astype(np.float64), loose), -LAPSED_DAYS, -1)
    total -= loose
    for i, pilot in enumerate(people.slipped.tolist()):
        left = len(people.slipped) - i
        count = max(1, -(-(total) // left))
        candidates = rows.of(pilot, -LAPSED_DAYS)
        chosen = candidates[draws.order(len(candidates))[:count]]
        rows.settle(chosen, -1 if i == 0 else -LAPSED_DAYS, -1)
        total -= count


def _undate(people: _People, rows: _Rows, draws: Draws) -> None:
    """Take the expiry off a few rows: unproven pilots, one on leave, and some not required."""
    total = max(1, round(UNDATED_SHARE * int(rows.active.sum())))
    chosen: list[Ints] = []
    for pilot in people.unproven.tolist():
        candidates = rows.of(pilot, 0)
        chosen.append(candidates[draws.order(len(candidates))[:2]])
    chosen.append(rows.of(int(people.lapsing.on_leave[0]), 0)[:1])
    spare = rows.free & ~rows.required & (rows.months > 0)
    rest = max(1, total - sum(len(c) for c in chosen))
    chosen.append(draws.weighted(spare.astype(np.float64), rest))
    for some in chosen:
        rows.undated[some] = True
        rows.free[some] = False


def _fill_bands(rows: _Rows, draws: Draws) -> None:
    """Place the boundary rows, then fill the bands up to their shares of all active rows."""
    total = int(rows.active.sum())
    left = [round(share * total) for _, _, share in BANDS]
    renewals = np.where(rows.months > 0, 1.0 / np.maximum(rows.shortest, 1), 0.0)
    for day in BOUNDARY_DAYS:
        fits = rows.free & rows.required & (rows.from_day <= day)
        row = draws.weighted(np.where(fits, renewals, 0.0), 1)
        rows.settle(row, day, day)
        for i, (low, high, _) in enumerate(BANDS):
            left[i] -= low <= day <= high
    for i, (low, high, _) in enumerate(BANDS):
        fits = rows.free & (rows.from_day <= low) & (rows.high >= high)
        rows.settle(draws.weighted(np.where(fits, renewals, 0.0), left[i]), low, high)
