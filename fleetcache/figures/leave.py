"""Leave, and the crew that remains."""

from __future__ import annotations

from datetime import date, datetime

from fleetcache.figures.shape import Shape


class LeaveTotals(Shape, frozen=True):
    """Requests whose last day is today or later; ``undecided_started`` also those already past."""

    pending: int
    approved: int
    denied: int
    undecided_started: int


class LeaveToday(Shape, frozen=True):
    """Distinct pilots today and distinct pilot-days this calendar month, approved leave only."""

    on_leave_today: int
    days_this_month: int


class LeaveMonth(Shape, frozen=True):
    """Approved pilot-days of one leave type in one calendar month."""

    month: date
    leave_type: str
    days: int


class LeavePeriod(Shape, frozen=True):
    """One roster period: requests that touch it by status, and approved pilot-days in it."""

    name: str
    first_day: date
    last_day: date
    deadline_at: datetime
    publication_day: date
    submitted: int
    in_review: int
    approved: int
    denied: int
    days_away: int


class AvailabilityLine(Shape, frozen=True):
    """One fleet and rank, one entry per day from ``LeaveStats.first_day`` on, each line equally long."""

    fleet: str
    rank: str
    active: int
    minimum: int
    on_leave: tuple[int, ...]
    if_renewed: tuple[int, ...]
    on_paper: tuple[int, ...]


class LeaveStats(Shape, frozen=True):
    """``fleet:leave:stats``."""

    totals: LeaveTotals
    today: LeaveToday
    months: tuple[LeaveMonth, ...]
    periods: tuple[LeavePeriod, ...]
    first_day: date
    availability: tuple[AvailabilityLine, ...]


class PendingCell(Shape, frozen=True):
    """Undecided requests of one fleet and rank by the roster period they first touch, today or later."""

    period: str
    publication_day: date
    fleet: str
    rank: str
    submitted: int
    in_review: int


class LeavePending(Shape, frozen=True):
    """``fleet:leave:pending``."""

    total: int
    undecided_started: int
    cells: tuple[PendingCell, ...]


class ApprovedCell(Shape, frozen=True):
    """Approved requests of one type, fleet and rank; ``on_leave_today`` counts distinct pilots."""

    leave_type: str
    fleet: str
    rank: str
    requests: int
    on_leave_today: int


class LeaveApproved(Shape, frozen=True):
    """``fleet:leave:approved``."""

    total: int
    on_leave_today: int
    cells: tuple[ApprovedCell, ...]
