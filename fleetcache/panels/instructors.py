"""Training captains and examiners against required, by fleet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleetcache.definitions import strength
from fleetcache.figures.fleet import FleetStats
from fleetcache.panels.advice import Gravity
from fleetcache.panels.behind import Opens, behind
from fleetcache.panels.fleet import chosen, summed, too_few, weakest

INSTRUCTORS = {"training_captains": "Training captain", "examiners": "Examiner"}
_FIGURES = {"training_captains": "pilots.trainingCaptains", "examiners": "pilots.examiners"}


@dataclass(frozen=True)
class InstructorRow:
    """One fleet (None: all shown) and one of INSTRUCTORS: the pilots ``active`` in that role and
    how many are required. All but ``active`` is None under a base filter."""

    fleet: str | None
    role: str
    required: int | None
    active: int
    margin: int | None
    status: str | None


def instructors(
    stats: FleetStats, *, fleet: str | None = None, base: str | None = None
) -> list[InstructorRow]:
    """Each fleet chosen by role, then all of them when there are several; a total's status is its
    weakest fleet's."""
    rows = []
    for need in (one for one in stats.fleets if fleet in (None, one.fleet)):
        cells = chosen(stats, fleet=need.fleet, base=base)
        for role in INSTRUCTORS:
            have: int = sum(getattr(cell, role) for cell in cells)
            required: int = getattr(need, f"required_{role}")
            rows.append(
                InstructorRow(
                    fleet=need.fleet,
                    role=role,
                    required=None if base else required,
                    active=have,
                    margin=None if base else have - required,
                    status=None if base else strength(have, required),
                )
            )
    totals = []
    if len({row.fleet for row in rows}) > 1:
        for role in INSTRUCTORS:
            own = [row for row in rows if row.role == role]
            totals.append(
                InstructorRow(
                    fleet=None,
                    role=role,
                    required=summed(row.required for row in own),
                    active=sum(row.active for row in own),
                    margin=summed(row.margin for row in own),
                    status=weakest(row.status for row in own),
                )
            )
    return rows + totals


def opens(rows: Sequence[InstructorRow], base: str | None) -> Opens:
    """What stands behind the counts of ``instructors``, by column."""
    return {"Active": lambda place: behind(_FIGURES[rows[place].role], fleet=rows[place].fleet, base=base)}


def remarks(rows: Iterable[InstructorRow]) -> list[tuple[Gravity, str]]:
    """Which fleets have too few training captains or examiners, in sentences of Markdown."""
    found = []
    for row in (one for one in rows if one.fleet):
        who = f"{row.fleet} {INSTRUCTORS[row.role].lower()}s"
        found += too_few(who, row.active, row.required)
    return found
