"""Headcount: who there is, by fleet, rank, base and contract, against what is required."""

from __future__ import annotations

from datetime import date

from fleetcache.figures.shape import Shape


class PilotTotals(Shape, frozen=True):
    """``total`` includes inactive pilots; the others are active."""

    total: int
    active: int
    captains: int
    first_officers: int
    training_captains: int
    examiners: int


class PilotCount(Shape, frozen=True):
    """One of the single counts."""

    count: int


class FleetCell(Shape, frozen=True):
    """Pilots of one fleet, rank, base and contract, as of today; every count but ``inactive`` is active.

    ``qualified``: nothing required expired or missing, below the age limit.
    ``available``: qualified and not on leave today.
    """

    fleet: str
    rank: str
    base: str
    contract: str
    active: int
    inactive: int
    compliant: int
    unproven: int
    qualified: int
    on_leave: int
    available: int
    training_captains: int
    examiners: int


class FleetStrength(Shape, frozen=True):
    """What one fleet needs."""

    fleet: str
    name: str
    hulls: int
    required_captains: int
    required_first_officers: int
    minimum_captains: int
    minimum_first_officers: int
    required_training_captains: int
    required_examiners: int


class Named(Shape, frozen=True):
    """A code and what people call it."""

    code: str
    name: str


class DailyRow(Shape, frozen=True):
    """Headline figures of one past fleet-calendar day."""

    day: date
    active: int
    captains: int
    first_officers: int
    training_captains: int
    examiners: int
    compliant: int
    unproven: int
    expired: int
    expiring: int
    missing: int
    on_leave: int
    pending: int


class SinceYesterday(Shape, frozen=True):
    """What moved: ``lapsed`` checks whose last valid day was yesterday, ``renewed`` and
    ``requests`` recorded since the start of yesterday."""

    lapsed: int
    renewed: int
    requests: int


class FleetStats(Shape, frozen=True):
    """``fleet:stats``. ``history`` holds up to 30 past days, oldest first."""

    totals: PilotTotals
    cells: tuple[FleetCell, ...]
    fleets: tuple[FleetStrength, ...]
    bases: tuple[Named, ...]
    contracts: tuple[Named, ...]
    since_yesterday: SinceYesterday
    history: tuple[DailyRow, ...]
