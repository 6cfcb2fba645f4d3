"""Who leaves when, and who can follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from fleetcache.definitions import RANKS, RETIREMENT_MONTHS, strength
from fleetcache.figures.retirement import OutlookCell, RetirementForecast
from fleetcache.panels.behind import Behind, Opens, behind
from fleetcache.panels.pilots import Row, Shown, roles

KEYS = ("fleet:retirement:forecast",)
NEXT_MONTHS = 12
Split = Literal["fleet", "rank"]


@dataclass(frozen=True)
class Buckets:
    """Active pilots by the time to their age limit; ``later`` is over ten years, ``unknown`` have
    no date of birth."""

    overdue: int
    years0to2: int
    years2to5: int
    years5to10: int
    later: int
    unknown: int

    @property
    def total(self) -> int:
        """Active pilots counted."""
        within = self.overdue + self.years0to2 + self.years2to5 + self.years5to10
        return within + self.later + self.unknown


@dataclass(frozen=True)
class Outlook:
    """One fleet and rank at yearly steps from today; ``first_below`` is the first step at which
    the crew is below what is required."""

    fleet: str
    rank: str
    days: tuple[date, ...]
    crew: tuple[int, ...]
    required: tuple[int, ...]
    first_below: OutlookCell | None


@dataclass(frozen=True)
class Succession:
    """First officers of one fleet (None: of all shown) by readiness. ``cover`` is ready per captain
    leaving within five years, in percent rounded down; it and its ``status`` are None where
    nobody leaves, and for the total, because nobody follows into another fleet."""

    fleet: str | None
    ready: int
    potential: int
    developing: int
    not_yet: int
    captains_leaving: int
    cover: int | None
    status: str | None


def buckets(
    forecast: RetirementForecast, *, fleet: str | None = None, rank: str | None = None
) -> Buckets:
    """The buckets of those chosen."""
    cells = [
        cell for cell in forecast.cells if fleet in (None, cell.fleet) and rank in (None, cell.rank)
    ]
    return Buckets(
        overdue=sum(cell.overdue for cell in cells),
        years0to2=sum(cell.years0to2 for cell in cells),
        years2to5=sum(cell.years2to5 for cell in cells),
        years5to10=sum(cell.years5to10 for cell in cells),
        later=sum(cell.later for cell in cells),
        unknown=sum(cell.unknown for cell in cells),
    )


def months_from(today: date, months: int = RETIREMENT_MONTHS) -> list[date]:
    """The first days of so many calendar months, the current one first."""
    start = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(start, start + months)]


def timeline(
    forecast: RetirementForecast,
    today: date,
    *,
    split: Split,
    fleet: str | None = None,
    rank: str | None = None,
) -> tuple[list[date], dict[str, list[int]]]:
    """Sixty months from the current one, those with nobody included, and for each fleet or rank
    with anybody how many pilots reach the limit in each month."""
    months = months_from(today)
    place = {month: n for n, month in enumerate(months)}
    series: dict[str, list[int]] = {}
    for cell in sorted(forecast.months, key=lambda one: getattr(one, split)):
        if fleet in (None, cell.fleet) and rank in (None, cell.rank) and cell.month in place:
            name = getattr(cell, split)
            row = series.setdefault(RANKS.get(name, name), [0] * len(months))
            row[place[cell.month]] += cell.count
    return months, series


def outlooks(
    forecast: RetirementForecast, *, fleet: str | None = None, rank: str | None = None
) -> list[Outlook]:
    """Crew against required year by year, for each fleet and rank chosen."""
    groups: dict[tuple[str, str], list[OutlookCell]] = {}
    for cell in sorted(forecast.outlook, key=lambda one: (one.fleet, one.rank, one.years)):
        if fleet in (None, cell.fleet) and rank in (None, cell.rank):
            groups.setdefault((cell.fleet, cell.rank), []).append(cell)
    return [
        Outlook(
            fleet=of_fleet,
            rank=of_rank,
            days=tuple(cell.day for cell in cells),
            crew=tuple(cell.crew for cell in cells),
            required=tuple(cell.required for cell in cells),
            first_below=next((cell for cell in cells if cell.crew < cell.required), None),
        )
        for (of_fleet, of_rank), cells in groups.items()
    ]


def succession(forecast: RetirementForecast, *, fleet: str | None = None) -> list[Succession]:
    """A row per fleet chosen, then the total when there are several."""
    rows = [
        Succession(
            fleet=cell.fleet,
            ready=cell.ready,
            potential=cell.potential,
            developing=cell.developing,
            not_yet=cell.not_yet,
            captains_leaving=cell.captains_leaving,
            cover=100 * cell.ready // cell.captains_leaving if cell.captains_leaving else None,
            status=strength(cell.ready, cell.captains_leaving) if cell.captains_leaving else None,
        )
        for cell in forecast.succession
        if fleet in (None, cell.fleet)
    ]
    if len(rows) > 1:
        rows.append(
            Succession(
                fleet=None,
                ready=sum(row.ready for row in rows),
                potential=sum(row.potential for row in rows),
                developing=sum(row.developing for row in rows),
                not_yet=sum(row.not_yet for row in rows),
                captains_leaving=sum(row.captains_leaving for row in rows),
                cover=None,
                status=None,
            )
        )
    return rows


def timeline_opens(
    months: Sequence[date], names: Iterable[str], *, split: Split, fleet: str | None, rank: str | None
) -> Opens:
    """What stands behind the counts of ``timeline``, given its months and the names of its series."""
    ranks = {name: code for code, name in RANKS.items()}

    def of(name: str) -> Callable[[int], Behind]:
        group = {"fleet": fleet, "rank": rank, split: ranks.get(name, name)}
        return lambda place: behind("retirement.timeline", month=months[place], **group)

    return {name: of(name) for name in names}


def outlook_opens(line: Outlook) -> Opens:
    """What stands behind the crew of an outlook on each of its days."""
    return {
        "Crew": lambda place: behind(
            "retirement.outlook", fleet=line.fleet, rank=line.rank, day=line.days[place]
        )
    }


def succession_opens(rows: Sequence[Succession]) -> Opens:
    """What stands behind the counts of ``succession``, by column."""

    def of(figure: str) -> Callable[[int], Behind]:
        return lambda place: behind(figure, fleet=rows[place].fleet)

    return {
        "Captains leaving": of("succession.captainsLeaving"),
        "Ready": of("succession.ready"),
        "Potential": of("succession.potential"),
        "Developing": of("succession.developing"),
        "Not yet": of("succession.notYet"),
    }


def leaving(rows: Sequence[Row], followers: Iterable[Succession]) -> list[Shown]:
    """The list ``retiring`` as it is shown, one row per pilot, those at or past the limit first.
    ``State`` is ``overdue`` or ``ahead``; ``Ready to follow`` is the number of ready first officers
    of a captain's fleet, None for first officers and where the forecast is unavailable."""
    ready = {one.fleet: one.ready for one in followers}
    return [
        {
            "Name": row["name"],
            "State": "overdue" if row["days_left"] <= 0 else "ahead",
            "Age limit": row["retires_on"],
            "Days left": row["days_left"],
            "Fleet": row["fleet"],
            "Rank": RANKS[row["rank"]],
            "Ready to follow": ready.get(row["fleet"]) if row["rank"] == "captain" else None,
            "Base": row["base"],
            "Roles": roles(row),
            "Seniority": row["seniority"],
            "Born": row["date_of_birth"],
            "Employee no.": row["employee_number"],
        }
        for row in sorted(rows, key=lambda row: (row["retires_on"], row["seniority"]))
    ]


def candidates(rows: Sequence[Row], today: date | None) -> list[Shown]:
    """The list ``successors`` as it is shown, one row per first officer. ``Readiness`` and
    ``State`` are codes; service and age in full years, None without a day to count to."""
    return [
        {
            "Name": row["name"],
            "Readiness": row["readiness"],
            "Fleet": row["fleet"],
            "Base": row["base"],
            "Seniority": row["seniority"],
            "Licence": row["licence"],
            "Service": years(row["commenced_on"], today),
            "Age": years(row["date_of_birth"], today),
            "State": row["compliance"],
            "Joined": row["commenced_on"],
            "Employee no.": row["employee_number"],
        }
        for row in rows
    ]


def years(since: date | None, today: date | None) -> int | None:
    """Full years; one that began on 29 February is full on 1 March where the year has none."""
    if since is None or today is None:
        return None
    return today.year - since.year - ((today.month, today.day) < (since.month, since.day))
