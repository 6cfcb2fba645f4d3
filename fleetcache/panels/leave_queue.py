"""The undecided requests: by when each is to be decided, and whether the crew bears it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

from fleetcache.definitions import RANKS
from fleetcache.figures.leave import AvailabilityLine, LeaveStats
from fleetcache.panels import availability
from fleetcache.panels.advice import Gravity
from fleetcache.panels.leave_conflicts import (
    Conflict,
    already_away,
    notified,
    places_of,
    taken,
)

Row = Mapping[str, Any]
Shown = dict[str, Any]
R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Margin:
    """Crew above the minimum before and after approving a request, on its worst day among those on which that takes
    somebody, else among all, as the decision is judged. Without one ``reason`` says why."""

    day: date | None = None
    before: int | None = None
    after: int | None = None
    reason: str = ""

    @property
    def below(self) -> bool:
        """Whether approving takes somebody on a day that then is below the minimum."""
        return self.before is not None and self.after is not None and self.after < min(0, self.before)


@dataclass(frozen=True)
class Due:
    """Undecided requests whose decision falls due together. ``below`` of them would leave the crew
    below the minimum if each alone was approved, and of ``unjudged`` that is not known; ``crowded_out`` find no room
    on a day on which requests that come before them already fill it."""

    publication: date
    period: str
    to_decide: int
    to_record: int
    late: int
    below: int
    unjudged: int
    crowded_out: int


def split(rows: Sequence[R], today: date | None) -> tuple[list[R], list[R]]:
    """Requests still to come or running, and those whose last day is past; each in order. Without a
    day none is past."""
    return (
        [row for row in rows if today is None or row["last_day"] >= today],
        [row for row in rows if today is not None and row["last_day"] < today],
    )


def margins(rows: Iterable[Row], stats: LeaveStats, overlaps: Sequence[Row]) -> dict[int, Margin]:
    """Request -> how the crew stands on the worst day of it that still lies ahead."""
    away = already_away(overlaps)
    lines = {(line.fleet, line.rank): line for line in stats.availability}
    beyond = Margin(reason=f"beyond {_last_counted(stats)}")
    return {
        row["request_id"]: _margin(row, lines.get((row["fleet"], row["rank"])), stats, away) or beyond for row in rows
    }


def _margin(
    row: Row, line: AvailabilityLine | None, stats: LeaveStats, away: Mapping[str, Sequence[tuple[date, date]]]
) -> Margin | None:
    """None where one of the days is beyond those that are counted."""
    if line is None:
        return Margin(reason="no minimum set")
    if row["last_day"] < stats.first_day:
        return Margin(reason="over")
    start = max(0, (row["first_day"] - stats.first_day).days)
    stop = (row["last_day"] - stats.first_day).days + 1
    if stop > len(line.if_renewed):
        return None
    touched = taken(row, stats.first_day, start, stop, away)
    worst = min(touched or range(start, stop), key=line.if_renewed.__getitem__)
    before = line.if_renewed[worst] - line.minimum
    return Margin(day=stats.first_day + timedelta(days=worst), before=before, after=before - bool(touched))


def _last_counted(stats: LeaveStats) -> str:
    last = availability.last_day(stats)
    named = (p.name for p in stats.periods if last and p.first_day <= last <= p.last_day)
    return next(named, "the counted days")


def queue(
    rows: Iterable[Row],
    stats: LeaveStats | None,
    margins: Mapping[int, Margin],
    overlaps: Sequence[Row],
    clashes: Sequence[Conflict],
    *,
    types: Mapping[str, str],
    statuses: Mapping[str, str],
) -> list[Shown]:
    """Undecided requests as shown, in order; ``types`` and ``statuses`` name the codes."""
    doubled = {row["employee_number"] for row in overlaps}
    places, unknown = places_of(clashes), Margin(reason="unavailable")
    found = []
    for row in rows:
        room = margins.get(row["request_id"], unknown)
        notes = [room.reason] if room.reason else []
        if room.below:
            notes.insert(0, "▼ below minimum")
        if stats is not None and row["first_day"] <= stats.first_day <= row["last_day"]:
            notes.insert(0, "already begun")
        if row["request_id"] in places:
            full = places[row["request_id"]]
            notes.append(f"▼ no room {full.day} {full:%b}" if full else "contested, fits")
        if row["employee_number"] in doubled:
            notes.append("overlaps, see conflicts")
        found.append(
            {
                "Due": row["publication_day"],
                "Name": row["name"],
                "To do": "record" if notified(row) else "decide",
                "Type": types.get(row["leave_type"], row["leave_type"]),
                "From": row["first_day"],
                "To": row["last_day"],
                "Days": row["days"],
                "Margin": room.before,
                "If approved": room.after,
                "Note": ", ".join(notes),
                "Period": row["period"],
                "Deadline": "in time" if row["in_time"] else "late",
                "Worst day": room.day,
                "Fleet": row["fleet"],
                "Rank": RANKS[row["rank"]],
                "Seniority": row["seniority"],
                "Status": statuses.get(row["status"], row["status"]),
                "Number": row["employee_number"],
            }
        )
    return found


def due(rows: Iterable[Row], margins: Mapping[int, Margin], clashes: Sequence[Conflict]) -> list[Due]:
    """What falls due with each publication, the earliest first."""
    waiting = {request for request, day in places_of(clashes).items() if day is not None}
    groups: dict[tuple[date, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["publication_day"], row["period"]), []).append(row)
    return [
        Due(
            publication=publication,
            period=period,
            to_decide=sum(not notified(row) for row in members),
            to_record=sum(notified(row) for row in members),
            late=sum(not row["in_time"] for row in members),
            below=sum(margins[row["request_id"]].below for row in members),
            unjudged=sum(margins[row["request_id"]].after is None for row in members),
            crowded_out=sum(row["request_id"] in waiting for row in members),
        )
        for (publication, period), members in sorted(groups.items())
    ]


def sentences(dues: Sequence[Due], today: date, *, most: int = 3) -> list[tuple[Gravity, str]]:
    """What falls due with each of the ``most`` next publications, in Markdown, and the later ones
    together."""
    found: list[tuple[Gravity, str]] = []
    for one in dues[:most]:
        left = (one.publication - today).days
        gravity: Gravity = "act" if left <= 3 else "plan"
        when = "overdue since" if left < 0 else "due today," if left == 0 else f"due in {left} d,"
        day = f"{one.publication:%a} {one.publication.day} {one.publication:%b}"
        parts = [f"{one.to_decide} to decide"]
        if one.to_record:
            parts.append(f"{one.to_record} to record")
        if one.late:
            parts.append(f"{one.late} submitted late")
        found.append((gravity, f"**{one.period}** {when} {day}: {', '.join(parts + _troubles([one]))}."))
    later = dues[most:]
    if later:
        n = sum(one.to_decide + one.to_record for one in later)
        first, last = later[0].period, later[-1].period
        span = first if first == last else f"{first} to {last}"
        found.append(("know", f"{span}: {', '.join([f'{n} more', *_troubles(later)])}."))
    return found


def _troubles(dues: Sequence[Due]) -> list[str]:
    """What stands against approving, or is not known, of all of them together."""
    counted = (
        (sum(one.below for one in dues), "**{} would go below minimum**"),
        (sum(one.unjudged for one in dues), "{} not judged against the minimum"),
        (sum(one.crowded_out for one in dues), "**{} without room** next to those before them"),
    )
    return [text.format(n) for n, text in counted if n]
