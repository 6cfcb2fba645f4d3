"""What approving a request would do to the crew, day by day: seen before the click, judged by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fleetcache.definitions import NOTIFIED_LEAVE, RANKS

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Day:
    """One day: the crew if everything is renewed and on paper, as it is and after approving."""

    day: date
    minimum: int
    if_renewed: int
    on_paper: int
    if_renewed_after: int
    on_paper_after: int

    @property
    def margin(self) -> int:
        """Crew above the minimum after approving, if everything is renewed; negative below it."""
        return self.if_renewed_after - self.minimum


@dataclass(frozen=True)
class Effect:
    """What approving ``request`` does. ``days`` are those still to come, ``before`` the undecided requests
    of more senior pilots for any of them, ``year`` the pilot's approved days of that calendar year by type."""

    request: Row
    days: tuple[Day, ...]
    before: tuple[Row, ...]
    year: Mapping[str, int]

    @property
    def notified(self) -> bool:
        """Whether the leave is recorded in any case: it cannot be refused, and jumps nobody."""
        return self.request["leave_type"] in NOTIFIED_LEAVE

    @property
    def touched(self) -> tuple[Day, ...]:
        """The days from which approving takes somebody: not those on which the pilot is away already or past
        the age limit."""
        return tuple(one for one in self.days if one.if_renewed_after < one.if_renewed)

    @property
    def worst(self) -> Day | None:
        """The day with the smallest margin, the first of them, among those touched, else among all; None
        when no day is still to come."""
        return min(self.touched or self.days, key=lambda one: (one.margin, one.day), default=None)

    @property
    def below(self) -> tuple[Day, ...]:
        """The days touched that end up below the minimum, also those that are there already."""
        return tuple(one for one in self.touched if one.margin < 0)

    @property
    def crew(self) -> str:
        """“A330-200 captains”."""
        return f"{self.request['fleet']} {RANKS[self.request['rank']].lower()}s"

    def objections(self) -> list[str]:
        """The rules that stand against approving; an administrator may override them. None stands
        against leave that is only recorded."""
        if self.notified:
            return []
        found = []
        if self.below:
            found.append(f"{self.sentence()}, which is below the minimum")
        if self.before:
            # By number: what is refused is audited, and the audit holds no names.
            first, more = self.before[0], len(self.before) - 1
            who = f"leave request {first['request_id']} (seniority {first['seniority']})" + (f" and {more} more" if more else "")
            found.append(f"{who} {'are' if more else 'is'} for the same days and {'come' if more else 'comes'} before")
        return found

    def worse_than(self, seen: Effect) -> bool:
        """Whether more stands against approving than when it was ``seen``."""
        now, then = self.worst, seen.worst
        lower = now is not None and (then is None or now.margin < then.margin)
        known = {row["request_id"] for row in seen.before}
        return lower or any(row["request_id"] not in known for row in self.before)

    def sentence(self) -> str:
        """What it does, on its worst day."""
        worst = self.worst
        if worst is None:
            return "every day of it is over: no day to come changes"
        day = f"{worst.day:%a} {worst.day.day} {worst.day:%b %Y}"
        if worst.if_renewed_after == worst.if_renewed:
            return f"{self.crew} stay at {worst.if_renewed} (minimum {worst.minimum}) on {day}"
        least = f"of {worst.minimum}" if worst.margin < 0 else f"(minimum {worst.minimum})"
        return f"approving drops {self.crew} to {worst.if_renewed_after} {least} on {day}"

    def warnings(self) -> list[str]:
        """What speaks against it without standing against it."""
        found = []
        short = [one for one in self.days if one.on_paper_after < one.minimum <= one.if_renewed_after]
        if short:
            found.append(
                f"On paper {self.crew} are below {short[0].minimum} on {_count(short)}: renewals that are due would mend it."
            )
        if self.notified and self.below:
            found.append(f"Below the minimum on {_count(self.below)}: this leave is recorded all the same, find cover.")
        if self.request["in_time"] is False:
            found.append(f"Submitted after the deadline of {self.request['deadline_period']}.")
        return found


def _count(days: Sequence[Day]) -> str:
    return "1 day" if len(days) == 1 else f"{len(days)} days"


def effect(request: Row, days: Sequence[Row], before: Sequence[Row], year: Mapping[str, int]) -> Effect:
    """The effect of a request from the rows that ``source.leave`` gives."""
    return Effect(
        request=request,
        days=tuple(
            Day(
                day=row["day"],
                minimum=row["minimum"],
                if_renewed=row["if_renewed"],
                on_paper=row["on_paper"],
                if_renewed_after=row["if_renewed"] - row["goes"],
                on_paper_after=row["on_paper"] - row["goes_on_paper"],
            )
            for row in days
        ),
        before=tuple(before),
        year=dict(year),
    )
