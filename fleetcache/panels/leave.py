"""What is to be decided by when, and whether the crew bears it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fleetcache.definitions import RANKS
from fleetcache.figures.leave import (
    AvailabilityLine,
    LeaveApproved,
    LeavePending,
    LeavePeriod,
    LeaveStats,
)
from fleetcache.figures.reference import Settings
from fleetcache.panels import availability
from fleetcache.panels.behind import Behind, Opens, behind, month_days

KEYS = ("fleet:leave:stats", "fleet:leave:pending", "fleet:leave:approved", "ref:settings")

PERIOD_STATUSES = ("submitted", "in_review", "approved", "denied")

Row = Mapping[str, Any]
Shown = dict[str, Any]


@dataclass(frozen=True)
class Totals:
    """The figures at the head of the page; None where unavailable or not counted by group."""

    undecided: int | None
    begun: int | None
    approved: int | None
    denied: int | None
    on_leave_today: int | None
    days_this_month: int | None


def fleet_zone(settings: Settings | None) -> ZoneInfo | None:
    """The fleet's time zone; None when the settings are unavailable or name one that only
    PostgreSQL knows, which also takes abbreviations and any letter case."""
    rows = settings.settings if settings is not None else ()
    for row in rows:
        if row.name == "fleet_time_zone":
            try:
                return ZoneInfo(str(row.value))
            except (ZoneInfoNotFoundError, ValueError, OSError):
                return None
    return None


def times(zone: ZoneInfo | None) -> str:
    """In whose time the deadlines are shown."""
    return "Times in UTC." if zone is None else f"Times in fleet time, {zone.key}."


def fleets(stats: LeaveStats | None, pending: LeavePending | None) -> list[str]:
    """Every fleet that a figure speaks of, in order of name."""
    named = {line.fleet for line in stats.availability} if stats is not None else set()
    named |= {cell.fleet for cell in pending.cells} if pending is not None else set()
    return sorted(named)


def totals(
    stats: LeaveStats | None,
    pending: LeavePending | None,
    approved: LeaveApproved | None,
    requests: Sequence[Row] | None,
    *,
    fleet: str | None = None,
    rank: str | None = None,
) -> Totals:
    """Counts of everybody, or of one group as far as they are counted by group. ``requests`` is the
    whole queue of the group, None when it could not be read or is cut off."""
    if fleet is None and rank is None:
        counted, today = (stats.totals, stats.today) if stats is not None else (None, None)
        return Totals(
            undecided=counted.pending if counted else pending.total if pending else None,
            begun=counted.undecided_started
            if counted
            else pending.undecided_started
            if pending
            else None,
            approved=counted.approved if counted else approved.total if approved else None,
            denied=counted.denied if counted else None,
            on_leave_today=today.on_leave_today
            if today
            else approved.on_leave_today
            if approved
            else None,
            days_this_month=today.days_this_month if today else None,
        )
    first_day = stats.first_day if stats is not None else None
    return Totals(
        undecided=sum(
            cell.submitted + cell.in_review
            for cell in pending.cells
            if fleet in (None, cell.fleet) and rank in (None, cell.rank)
        )
        if pending is not None
        else None,
        begun=sum(row["first_day"] <= first_day for row in requests)
        if requests is not None and first_day is not None
        else None,
        approved=sum(
            cell.requests
            for cell in approved.cells
            if fleet in (None, cell.fleet) and rank in (None, cell.rank)
        )
        if approved is not None
        else None,
        denied=None,
        on_leave_today=sum(
            line.on_leave[0] for line in availability.chosen(stats, fleet=fleet, rank=rank)
        )
        if stats is not None
        else None,
        days_this_month=None,
    )


def may_be_away(line: AvailabilityLine) -> list[int]:
    """How many may be on leave on each day before the minimum is touched; never below zero."""
    return [
        max(0, gone + have - line.minimum)
        for gone, have in zip(line.on_leave, line.if_renewed, strict=True)
    ]


def by_month(
    stats: LeaveStats, types: Mapping[str, str]
) -> tuple[list[date], dict[str, list[int | None]]]:
    """First days of the months, and per type (by name) the approved pilot-days of each or None."""
    months = sorted({one.month for one in stats.months})
    counted = {(one.leave_type, one.month): one.days for one in stats.months}
    present = {one.leave_type for one in stats.months}
    ordered = [code for code in types if code in present] + sorted(present - set(types))
    return months, {types.get(c, c): [counted.get((c, month)) for month in months] for c in ordered}


def months_open(months: Sequence[date], stats: LeaveStats, types: Mapping[str, str]) -> Opens:
    """What stands behind the days of ``by_month``, by the name of the type."""

    def of(code: str) -> Callable[[int], Behind]:
        return lambda place: behind("leave.daysByMonth", leave_type=code, **month_days(months[place]))

    return {types.get(code, code): of(code) for code in sorted({one.leave_type for one in stats.months})}


def calendar_opens(stats: LeaveStats) -> Opens:
    """What stands behind the counts of ``calendar``, by column."""

    def of(figure: str) -> Callable[[int], Behind]:
        return lambda place: behind(
            figure, first=stats.periods[place].first_day, last=stats.periods[place].last_day
        )

    columns = {name.replace("_", " ").capitalize(): of(f"leave.period.{name}") for name in PERIOD_STATUSES}
    return {**columns, "Days away": of("leave.daysAway")}


def calendar(stats: LeaveStats, now: datetime, zone: ZoneInfo | None) -> list[Shown]:
    """The coming roster periods, the current one marked; deadlines in the time of ``zone``, or in UTC
    and marked as such."""
    return [
        {
            "Period": period.name
            + (" (now)" if period.first_day <= stats.first_day <= period.last_day else ""),
            "From": period.first_day,
            "To": period.last_day,
            "Requests close": _closing(period, zone),
            "Closes in": countdown(period.deadline_at, now),
            "Published": period.publication_day,
            "Submitted": period.submitted,
            "In review": period.in_review,
            "Approved": period.approved,
            "Denied": period.denied,
            "Days away": period.days_away,
        }
        for period in stats.periods
    ]


def _closing(period: LeavePeriod, zone: ZoneInfo | None) -> str:
    # The deadline is the end of a day: people look for that day, not for the midnight after it.
    last = period.deadline_at.astimezone(zone or UTC) - timedelta(minutes=1)
    mark = "" if zone else " UTC"
    return f"{last:%a} {last.day} {last:%b %Y} {last:%H:%M}{mark}"


def countdown(deadline: datetime, now: datetime) -> str:
    """“19 d”, “31 h”, or “closed”."""
    left = (deadline - now).total_seconds()
    if left <= 0:
        return "closed"
    return f"{left / 3600:.0f} h" if left < 48 * 3600 else f"{left // 86400:.0f} d"


def requests(rows: Iterable[Row], types: Mapping[str, str], statuses: Mapping[str, str]) -> list[Shown]:
    """Requests of any status as shown, in the order given."""
    return [
        {
            "Name": row["name"],
            "State": statuses.get(row["status"], row["status"]),
            "Type": types.get(row["leave_type"], row["leave_type"]),
            "From": row["first_day"],
            "To": row["last_day"],
            "Days": row["days"],
            "Decided by": row["decided_by"],
            "Reason": row["decision_reason"],
            "Fleet": row["fleet"],
            "Rank": RANKS[row["rank"]],
            "Seniority": row["seniority"],
            "Number": row["employee_number"],
        }
        for row in rows
    ]


def days(rows: Iterable[Row], types: Mapping[str, str]) -> list[Shown]:
    """Days away, one row per pilot and day, in the order given."""
    return [
        {
            "Day": row["day"],
            "Name": row["name"],
            "Type": ", ".join(types.get(code, code) for code in row["leave_type"].split(", ")),
            "Fleet": row["fleet"],
            "Rank": RANKS[row["rank"]],
            "Number": row["employee_number"],
        }
        for row in rows
    ]


def on_leave(rows: Iterable[Row], types: Mapping[str, str]) -> list[Shown]:
    """Pilots away today, in the order given."""
    return [
        {
            "Name": row["name"],
            "Type": ", ".join(types.get(code, code) for code in row["leave_type"].split(", ")),
            "From": row["first_day"],
            "Until": row["last_day"],
            "Fleet": row["fleet"],
            "Rank": RANKS[row["rank"]],
            "Number": row["employee_number"],
        }
        for row in rows
    ]


def overlapping(
    rows: Iterable[Row], types: Mapping[str, str], statuses: Mapping[str, str]
) -> list[Shown]:
    """Overlapping requests of one pilot, one pair a row."""
    return [
        {
            "Name": row["name"],
            "One request": types.get(row["first_type"], row["first_type"]),
            "Status": statuses.get(row["first_status"], row["first_status"]),
            "From": row["first_from"],
            "To": row["first_to"],
            "Other request": types.get(row["second_type"], row["second_type"]),
            "Other status": statuses.get(row["second_status"], row["second_status"]),
            "Other from": row["second_from"],
            "Other to": row["second_to"],
            "Fleet": row["fleet"],
            "Rank": RANKS[row["rank"]],
            "Number": row["employee_number"],
        }
        for row in rows
    ]
