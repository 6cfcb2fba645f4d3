"""The leave requests that are always there: long absences, one conflict, and the edge rows."""

from __future__ import annotations

import numpy as np

from .bands import Lapsing
from .crew import Crew
from .days import Ints, days_between
from .draws import Draws
from .leave_plan import LeavePlan, Request
from .periods import DAYS, next_undecided

LONG_KINDS = (("MATERNITY", 90), ("LSL", 120), ("LWOP", 150), ("MATERNITY", 90), ("LSL", 130))
CONFLICT_OFFSET = 7  # the conflict fills the second and third week of the period
CONFLICT_DAYS = 14
CONFLICT_PILOTS = 4
CONFLICT_ROOM = 2


def place_cases(
    plan: LeavePlan, crew: Crew, lapsing: Lapsing, as_of: np.datetime64, seed: int
) -> None:
    """Add every planned request; random ones come later and keep clear of them."""
    for i, pilot in enumerate(lapsing.on_leave.tolist()):
        kind, days = LONG_KINDS[i % len(LONG_KINDS)]
        plan.add(Request(pilot, kind, -int(lapsing.days_ago[i]), days, "APPROVED"))
    for pilot in lapsing.at_work.tolist():
        plan.keep_at_work(pilot, 0)
    draws = Draws(seed, "leave cases")
    ordinary = np.flatnonzero(crew.active & (crew.special == "") & (crew.age < 60))
    ordinary = ordinary[draws.order(len(ordinary))]
    start = days_between(as_of, next_undecided(as_of)).item()
    group = _conflict(plan, ordinary, start + CONFLICT_OFFSET)
    _edges(plan, [p for p in ordinary.tolist() if plan.group[p] != group], start, as_of)


def _conflict(plan: LeavePlan, ordinary: Ints, first: int) -> int:
    """Fill the tightest group to a room of two, and let four pilots ask for the same days."""
    window = slice(first - plan.begin, first - plan.begin + CONFLICT_DAYS)
    rooms = plan.room[:, window].min(axis=1)
    group = int(np.argmin(np.where(rooms >= CONFLICT_ROOM, rooms, 1 << 20)))
    members = [
        pilot
        for pilot in ordinary.tolist()
        if plan.group[pilot] == group and plan.free(pilot, first, CONFLICT_DAYS, approved=False)
    ]
    asking, others = members[:CONFLICT_PILOTS], members[CONFLICT_PILOTS:]
    for pilot in others[: int(rooms[group]) - CONFLICT_ROOM]:
        plan.add(Request(pilot, "ANNUAL", first, CONFLICT_DAYS, "APPROVED", in_time=True))
    for i, pilot in enumerate(asking):
        status = "IN_REVIEW" if i == 0 else "SUBMITTED"
        days = CONFLICT_DAYS if i % 2 == 0 else CONFLICT_DAYS // 2
        plan.add(Request(pilot, "ANNUAL", first, days, status, in_time=True))
    plan.reserve(group, first, CONFLICT_DAYS)
    return group


def _edges(plan: LeavePlan, ordinary: list[int], start: int, as_of: np.datetime64) -> None:
    """One request of each awkward kind; ``start`` is the first undecided day."""
    new_year = as_of.astype("datetime64[Y]").astype("datetime64[D]") - np.timedelta64(5, "D")
    if as_of - new_year < np.timedelta64(60, "D"):
        new_year = (new_year + np.timedelta64(5, "D")).astype("datetime64[Y]") - 1
        new_year = new_year.astype("datetime64[D]") - np.timedelta64(5, "D")
    past_new_year = days_between(as_of, new_year).item()

    def place(*parts: tuple[str, int, int, str, bool]) -> None:
        for pilot in ordinary:
            if all(
                plan.free(pilot, first, days, approved=status == "APPROVED")
                for _, first, days, status, _ in parts
            ):
                for kind, first, days, status, open_ended in parts:
                    plan.add(Request(pilot, kind, first, days, status, open_ended))
                ordinary.remove(pilot)
                return

    place(("RDO", 0, 1, "APPROVED", True))  # no end date, away today
    place(("RDO", start + 3, 1, "SUBMITTED", True))
    place(("ANNUAL", start + DAYS - 7, 14, "SUBMITTED", False))  # spans two roster periods
    place(("ANNUAL", past_new_year, 14, "APPROVED", False))  # spans New Year
    # Sick during annual leave: one pilot, two approved rows that cover today.
    place(("ANNUAL", -5, 14, "APPROVED", False), ("SICK", -1, 3, "APPROVED", False))
    # Two undecided requests of one pilot for the same days.
    place(
        ("ANNUAL", start + 2, 14, "SUBMITTED", False),
        ("LSL", start + 9, 14, "IN_REVIEW", False),
    )
    # Still undecided although already begun.
    place(("ANNUAL", -2, 7, "IN_REVIEW", False))
