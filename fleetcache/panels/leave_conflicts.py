"""Days on which the crew cannot bear every undecided request, and who comes first on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from fleetcache.definitions import NOTIFIED_LEAVE
from fleetcache.figures.leave import AvailabilityLine, LeaveStats
from fleetcache.panels import availability

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Conflict:
    """Days in a row on which approving all pending requests of a group would leave it below the
    minimum. ``fit`` and ``wait`` are the requests of the worst day in their order, one per pilot;
    ``places`` says of every request concerned on which day it first finds no room, None for never.
    """

    fleet: str
    rank: str
    first: date
    last: date
    worst: date
    crew: int
    minimum: int
    fit: tuple[Row, ...]
    wait: tuple[Row, ...]
    places: Mapping[int, date | None]

    @property
    def undecided(self) -> int:
        """Distinct pilots with a pending request on the worst day."""
        return len(self.fit) + len(self.wait)


def notified(row: Row) -> bool:
    """Whether a request is of a type that is always recorded and cannot be refused."""
    return row["leave_type"] in NOTIFIED_LEAVE


def already_away(overlaps: Iterable[Row]) -> dict[str, list[tuple[date, date]]]:
    """Employee number -> approved leave that overlaps other requests of that pilot. Approving those
    takes nobody away on these days who is not away already."""
    found: dict[str, list[tuple[date, date]]] = {}
    for row in overlaps:
        for one in ("first", "second"):
            if row[f"{one}_status"] == "APPROVED":
                away = (row[f"{one}_from"], row[f"{one}_to"])
                found.setdefault(row["employee_number"], []).append(away)
    return found


def taken(row: Row, first_day: date, start: int, stop: int, away: Mapping[str, Sequence[tuple[date, date]]]) -> Sequence[int]:
    """The places of the days, counted from ``first_day``, from ``start`` and before ``stop``, on which approving a
    request takes somebody from the crew: not who is away already, and not who is past the age limit by then and no
    longer counted."""
    retires_on, ranges = row["retires_on"], away.get(row["employee_number"])
    places = range(start, stop if retires_on is None else min(stop, (retires_on - first_day).days))
    if not ranges:
        return places
    days = ((n, first_day + timedelta(days=n)) for n in places)
    return [n for n, day in days if not any(first <= day <= last for first, last in ranges)]


def places_of(clashes: Sequence[Conflict]) -> dict[int, date | None]:
    """Request -> the first day on which it finds no room, None when it is contested and fits."""
    found: dict[int, date | None] = {}
    for one in clashes:
        for request, day in one.places.items():
            found[request] = min(filter(None, (found.get(request), day)), default=None)
    return found


def conflicts(rows: Iterable[Row], stats: LeaveStats, overlaps: Sequence[Row]) -> list[Conflict]:
    """Days on which not all pending requests of a group fit above its minimum, the first first.

    Notified leave comes first, because it is recorded in any case; then seniority, then submission
    time. Pilots already away or past the age limit take no room.
    """
    wanted = _wanted(rows, stats, already_away(overlaps))
    found = []
    for line in stats.availability:
        over: list[tuple[date, int, list[Row]]] = []
        for n, crew in enumerate(line.if_renewed):
            day = stats.first_day + timedelta(days=n)
            asked = wanted.get((line.fleet, line.rank, n))
            if asked and len(asked) > crew - line.minimum:
                if over and over[-1][0] != day - timedelta(days=1):
                    found.append(_conflict(line, over))
                    over = []
                over.append((day, crew, list(asked.values())))
        if over:
            found.append(_conflict(line, over))
    return sorted(found, key=lambda one: (one.first, one.fleet, one.rank))


def _wanted(
    rows: Iterable[Row], stats: LeaveStats, away: Mapping[str, Sequence[tuple[date, date]]]
) -> dict[tuple[str, str, int], dict[str, Row]]:
    """Fleet, rank and place of a counted day -> per employee number the request that comes first,
    of those who would be away on the day only if it is approved."""
    counted = len(availability.days(stats))
    found: dict[tuple[str, str, int], dict[str, Row]] = {}
    for row in sorted(rows, key=_order):
        number = row["employee_number"]
        start = max(0, (row["first_day"] - stats.first_day).days)
        stop = min(counted, (row["last_day"] - stats.first_day).days + 1)
        for n in taken(row, stats.first_day, start, stop, away):
            found.setdefault((row["fleet"], row["rank"], n), {}).setdefault(number, row)
    return found


def _order(row: Row) -> tuple[bool, int, datetime]:
    return (not notified(row), row["seniority"], row["submitted_at"])


def _conflict(line: AvailabilityLine, over: Sequence[tuple[date, int, list[Row]]]) -> Conflict:
    worst, crew, wanted = min(over, key=lambda one: (one[1] - len(one[2]), one[0]))
    places: dict[int, date | None] = {}
    for day, have, members in over:
        for row in members:
            places.setdefault(row["request_id"], None)
        for row in members[_room(line, have) :]:
            places[row["request_id"]] = places[row["request_id"]] or day
    room = _room(line, crew)
    return Conflict(
        fleet=line.fleet,
        rank=line.rank,
        first=over[0][0],
        last=over[-1][0],
        worst=worst,
        crew=crew,
        minimum=line.minimum,
        fit=tuple(wanted[:room]),
        wait=tuple(wanted[room:]),
        places=places,
    )


def _room(line: AvailabilityLine, crew: int) -> int:
    return max(0, crew - line.minimum)
