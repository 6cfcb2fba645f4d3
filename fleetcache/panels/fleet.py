"""Who there is against what is required, by fleet and rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from fleetcache.definitions import RANKS, TREND_DAYS, strength
from fleetcache.figures.fleet import DailyRow, FleetCell, FleetStats, FleetStrength
from fleetcache.panels.advice import Gravity
from fleetcache.panels.behind import Behind, Opens, behind

KEYS = ("fleet:stats",)
Side = Literal["base", "rank", "contract", "fleet"]
_GRAVEST = ("short", "watch", "ok")


@dataclass(frozen=True)
class StrengthRow:
    """One fleet and rank, or a total over those shown (then ``fleet`` or ``rank`` is None). Counts
    of pilots; ``required``, ``minimum``, ``margin`` and ``status`` are None under a base filter,
    because crew is required of a fleet, not of a base."""

    fleet: str | None
    rank: str | None
    required: int | None
    active: int
    qualified: int
    on_leave: int
    available: int
    minimum: int | None
    margin: int | None
    status: str | None


@dataclass(frozen=True)
class Counts:
    """Active pilots among those chosen; None where the rank filter leaves nothing to count."""

    active: int
    captains: int | None
    first_officers: int | None
    training_captains: int | None
    examiners: int | None


def chosen(
    stats: FleetStats, *, fleet: str | None = None, rank: str | None = None, base: str | None = None
) -> list[FleetCell]:
    """The cells that the filters let through."""
    return [
        cell
        for cell in stats.cells
        if fleet in (None, cell.fleet) and rank in (None, cell.rank) and base in (None, cell.base)
    ]


def strengths(
    stats: FleetStats, *, fleet: str | None = None, rank: str | None = None, base: str | None = None
) -> list[StrengthRow]:
    """A row for each fleet and rank chosen, also where nobody is, then the totals: by rank when
    there are several fleets, and over all. The status of a total is its weakest row's, since crew
    of one fleet and rank cannot stand in for another."""
    ranks = [one for one in RANKS if rank in (None, one)]
    rows = [
        _strength(need, one, chosen(stats, fleet=need.fleet, rank=one, base=base), base=base)
        for need in stats.fleets
        if fleet in (None, need.fleet)
        for one in ranks
    ]
    totals = []
    if len({row.fleet for row in rows}) > 1:
        totals = [_total(None, one, [row for row in rows if row.rank == one]) for one in ranks]
    if len(ranks) > 1 and rows:
        totals.append(_total(fleet, None, rows))
    return rows + totals


def _strength(
    need: FleetStrength, rank: str, cells: Sequence[FleetCell], *, base: str | None
) -> StrengthRow:
    captain = rank == "captain"
    required = need.required_captains if captain else need.required_first_officers
    minimum = need.minimum_captains if captain else need.minimum_first_officers
    active = sum(cell.active for cell in cells)
    available = sum(cell.available for cell in cells)
    return StrengthRow(
        fleet=need.fleet,
        rank=rank,
        required=None if base else required,
        active=active,
        qualified=sum(cell.qualified for cell in cells),
        on_leave=sum(cell.on_leave for cell in cells),
        available=available,
        minimum=None if base else minimum,
        margin=None if base else available - minimum,
        status=None if base else strength(active, required),
    )


def _total(fleet: str | None, rank: str | None, rows: Sequence[StrengthRow]) -> StrengthRow:
    return StrengthRow(
        fleet=fleet,
        rank=rank,
        required=summed(row.required for row in rows),
        active=sum(row.active for row in rows),
        qualified=sum(row.qualified for row in rows),
        on_leave=sum(row.on_leave for row in rows),
        available=sum(row.available for row in rows),
        minimum=summed(row.minimum for row in rows),
        margin=summed(row.margin for row in rows),
        status=weakest(row.status for row in rows),
    )


def weakest(statuses: Iterable[str | None]) -> str | None:
    """The worst of ``ok``, ``watch`` and ``short``; None when any is unknown or there are none."""
    found = set(statuses)
    return None if None in found else next((one for one in _GRAVEST if one in found), None)


def summed(values: Iterable[int | None]) -> int | None:
    """The sum, None where any of them is unknown."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if len(known) == len(found) else None


def opens(rows: Sequence[StrengthRow], base: str | None) -> Opens:
    """What stands behind the counts of ``strengths``, by column."""

    def of(figure: str) -> Callable[[int], Behind | None]:
        return lambda place: behind(figure, fleet=rows[place].fleet, rank=rows[place].rank, base=base)

    return {
        "Active": of("pilots.active"),
        "Qualified": of("strength.qualified"),
        "On leave": of("strength.onLeave"),
        "Available": of("strength.available"),
    }


def remarks(rows: Iterable[StrengthRow]) -> list[tuple[Gravity, str]]:
    """What the rows of fleets and ranks say, in sentences of Markdown: below the minimum first,
    then below what is required; nothing where requirements do not apply."""
    groups = [row for row in rows if row.fleet and row.rank and row.margin is not None]
    if not groups:
        return []
    below: list[tuple[Gravity, str]] = [
        (
            "act",
            f"**{_crew(row)} are below the minimum today**: "
            f"{row.available:,} available of {row.minimum:,}.",
        )
        for row in groups
        if row.available < (row.minimum or 0)
    ]
    found = below + [
        said for row in groups for said in too_few(_crew(row), row.active, row.required)
    ]
    if found:
        return found
    tightest = min(groups, key=lambda row: row.margin or 0)
    above = f"{tightest.margin:,} above the minimum"
    if len(groups) == 1:
        return [("fine", f"**{_crew(tightest)}**: the crew required is there, {above} today.")]
    said = f"Every group has its required crew. Tightest today: **{_crew(tightest)}**, {above}."
    return [("fine", said)]


def _crew(row: StrengthRow) -> str:
    return f"{row.fleet} {RANKS[row.rank or ''].lower()}s"


def too_few(who: str, have: int, need: int | None) -> list[tuple[Gravity, str]]:
    """That there are fewer than required, in a sentence of Markdown; nothing where there are enough."""
    if need is None or have >= need:
        return []
    gravity: Gravity = "act" if strength(have, need) == "short" else "plan"
    return [(gravity, f"**{who}: {have:,} of {need:,} required**, {need - have:,} too few.")]


def counts(
    stats: FleetStats, *, fleet: str | None = None, rank: str | None = None, base: str | None = None
) -> Counts:
    """Headcount of those chosen."""
    cells = chosen(stats, fleet=fleet, rank=rank, base=base)
    captains = rank in (None, "captain")

    def of(wanted: str) -> int:
        return sum(cell.active for cell in cells if cell.rank == wanted)

    return Counts(
        active=sum(cell.active for cell in cells),
        captains=of("captain") if captains else None,
        first_officers=of("first_officer") if rank in (None, "first_officer") else None,
        training_captains=sum(cell.training_captains for cell in cells) if captains else None,
        examiners=sum(cell.examiners for cell in cells) if captains else None,
    )


def change(
    history: Iterable[DailyRow], today: date, now: int, figure: Callable[[DailyRow], int]
) -> str | None:
    """How ``now`` differs from 30 days ago, or from the oldest day on record when that is later:
    “+2 in 30 days”. None without history."""
    past = [row for row in history if today - timedelta(days=TREND_DAYS) <= row.day < today]
    if not past:
        return None
    oldest = min(past, key=lambda row: row.day)
    moved = now - figure(oldest)
    days = (today - oldest.day).days
    return f"{f'{moved:+,}' if moved else 'same'} in {days} day{'s' if days > 1 else ''}"


def trend(
    history: Iterable[DailyRow], now: int, figure: Callable[[DailyRow], int]
) -> list[int]:
    """The past days, oldest first, and ``now``; nothing where they are all the same."""
    values = [*map(figure, history), now]
    return values if len(set(values)) > 1 else []


def breakdown(
    cells: Iterable[FleetCell], by: Side, labels: Mapping[str, str], *, split: Side
) -> tuple[list[str], dict[str, list[int]]]:
    """Active pilots by one side of the cube: the labels with at least one pilot, in their order,
    and for each value of ``split`` a count per label."""
    counted: dict[tuple[str, str], int] = {}
    for cell in cells:
        place = (getattr(cell, by), getattr(cell, split))
        counted[place] = counted.get(place, 0) + cell.active
    held = {code for (code, _), pilots in counted.items() if pilots}
    codes = [code for code in labels if code in held]
    parts = list(RANKS) if split == "rank" else sorted({part for _, part in counted})
    series = {
        RANKS.get(part, part): [counted.get((code, part), 0) for code in codes] for part in parts
    }
    names = _distinct(labels)
    return [names[code] for code in codes], {name: row for name, row in series.items() if any(row)}


def _distinct(labels: Mapping[str, str]) -> dict[str, str]:
    """The names by code; where several have one name, with the code."""
    names = list(labels.values())
    return {code: f"{name} ({code})" if names.count(name) > 1 else name for code, name in labels.items()}


def breakdown_opens(
    names: Sequence[str], parts: Iterable[str], by: Side, labels: Mapping[str, str], *, split: Side, **chosen: str | None
) -> Opens:
    """What stands behind the counts of ``breakdown``, given its ``names`` and ``parts``."""
    codes, ranks = ({name: code for code, name in of.items()} for of in (_distinct(labels), RANKS))

    def of(part: str) -> Callable[[int], Behind | None]:
        def opens(place: int) -> Behind | None:
            wanted = {by: codes[names[place]]}
            if wanted.get(split, part) != part:
                return None  # one side twice: the others of it hold nobody
            return behind("pilots.active", **{**chosen, **wanted, split: part})

        return opens

    return {part: of(ranks.get(part, part)) for part in parts}
