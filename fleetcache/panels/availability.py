"""The crew that remains on each coming day, against the minimum of the day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from fleetcache.definitions import RANKS
from fleetcache.figures.leave import AvailabilityLine, LeaveStats
from fleetcache.panels.behind import Behind, Opens, behind


@dataclass(frozen=True)
class Shortfall:
    """One fleet and rank below its minimum: on how many days, the first and the worst of them, and
    the ``crew`` on the worst. ``only_on_paper`` when renewing in time would be enough."""

    fleet: str
    rank: str
    minimum: int
    days: int
    first: date
    worst: date
    crew: int
    only_on_paper: bool

    @property
    def rank_words(self) -> str:
        """“captains”."""
        return f"{RANKS[self.rank].lower()}s"


@dataclass(frozen=True)
class WorstDay:
    """The day with the smallest margin over the minimum, by one of the two lines."""

    day: date
    crew: int
    minimum: int

    @property
    def margin(self) -> int:
        """Crew above the minimum; negative below it."""
        return self.crew - self.minimum


def days(stats: LeaveStats) -> list[date]:
    """The days the lines speak of."""
    return [stats.first_day + timedelta(days=n) for n in range(_length(stats))]


def last_day(stats: LeaveStats) -> date | None:
    """The last day the lines speak of; None where they speak of none."""
    length = _length(stats)
    return stats.first_day + timedelta(days=length - 1) if length else None


def _length(stats: LeaveStats) -> int:
    return max((len(line.if_renewed) for line in stats.availability), default=0)


def chosen(
    stats: LeaveStats, *, fleet: str | None = None, rank: str | None = None
) -> list[AvailabilityLine]:
    """The lines of a fleet and rank, or of all."""
    return [
        line
        for line in stats.availability
        if fleet in (None, line.fleet) and rank in (None, line.rank)
    ]


def worst_day(line: AvailabilityLine, crew: Sequence[int], first_day: date) -> WorstDay | None:
    """The first of the days with the fewest ``crew``; None for a line without days."""
    if not crew:
        return None
    place = min(range(len(crew)), key=crew.__getitem__)
    return WorstDay(first_day + timedelta(days=place), crew[place], line.minimum)


def first_below(line: AvailabilityLine, crew: Sequence[int], first_day: date) -> date | None:
    """The first day on which ``crew`` is below the minimum; None when it never is."""
    place = next((n for n, have in enumerate(crew) if have < line.minimum), None)
    return None if place is None else first_day + timedelta(days=place)


def opens(line: AvailabilityLine, days: Sequence[date], worst: WorstDay | None = None) -> Opens:
    """What stands behind each line of a group on each of the ``days``, and behind its ``worst`` one."""

    def of(figure: str) -> Callable[[int], Behind]:
        return lambda place: behind(figure, day=days[place], fleet=line.fleet, rank=line.rank)

    lines = {
        "If renewed": of("availability.ifRenewed"),
        "On paper": of("availability.onPaper"),
        "On leave": of("availability.onLeave"),
    }
    if worst is not None:
        place = days.index(worst.day)
        lines["Worst day"] = lambda _: lines["If renewed"](place)
    return lines


def shortfalls(stats: LeaveStats) -> list[Shortfall]:
    """Groups below their minimum on any day, those that renewals cannot mend first, then by how
    soon."""
    found = []
    for line in stats.availability:
        for crew, on_paper in ((line.if_renewed, False), (line.on_paper, True)):
            below = [n for n, have in enumerate(crew) if have < line.minimum]
            if below:
                worst = min(below, key=lambda n: (crew[n], n))
                found.append(
                    Shortfall(
                        fleet=line.fleet,
                        rank=line.rank,
                        minimum=line.minimum,
                        days=len(below),
                        first=stats.first_day + timedelta(days=below[0]),
                        worst=stats.first_day + timedelta(days=worst),
                        crew=crew[worst],
                        only_on_paper=on_paper,
                    )
                )
                break
    return sorted(found, key=lambda one: (one.only_on_paper, one.first, one.fleet, one.rank))
