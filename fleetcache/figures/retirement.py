"""Who reaches the age limit, and who can follow."""

from __future__ import annotations

from datetime import date

from fleetcache.figures.shape import Shape


class RetirementBuckets(Shape, frozen=True):
    """Active pilots by the time to their age limit; ``unknown`` have no date of birth."""

    overdue: int
    years0to2: int
    years2to5: int
    years5to10: int
    unknown: int


class RetirementCell(Shape, frozen=True):
    """The buckets of one fleet and rank; ``later`` is over ten years."""

    fleet: str
    rank: str
    overdue: int
    years0to2: int
    years2to5: int
    years5to10: int
    later: int
    unknown: int


class MonthCell(Shape, frozen=True):
    """Pilots of one fleet and rank who reach the limit in one calendar month, after today."""

    month: date
    fleet: str
    rank: str
    count: int


class OutlookCell(Shape, frozen=True):
    """Crew of one fleet and rank ``years`` from today, were nobody hired or promoted, against required."""

    years: int
    day: date
    fleet: str
    rank: str
    crew: int
    required: int


class SuccessionCell(Shape, frozen=True):
    """First officers of one fleet by readiness, beside its captains leaving within five years."""

    fleet: str
    ready: int
    potential: int
    developing: int
    not_yet: int
    captains_leaving: int


class RetirementForecast(Shape, frozen=True):
    """``fleet:retirement:forecast``. Months without anyone are left out."""

    buckets: RetirementBuckets
    cells: tuple[RetirementCell, ...]
    months: tuple[MonthCell, ...]
    outlook: tuple[OutlookCell, ...]
    succession: tuple[SuccessionCell, ...]


class RetirementCount(Shape, frozen=True):
    """Pilots of one fleet and rank."""

    fleet: str
    rank: str
    count: int


class RetirementWithin(Shape, frozen=True):
    """``fleet:retirement:nearing`` (5 years) and ``:due_soon`` (2 years); overdue pilots excluded."""

    years: int
    total: int
    cells: tuple[RetirementCount, ...]
