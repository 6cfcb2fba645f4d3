"""The leave calendar while it is being filled: who is away when, and how much room is left."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .crew import Crew
from .days import Ints, days_between
from .profiles import CAPTAIN, FIRST_OFFICER, Profile

NEVER = 1 << 30


@dataclass
class Request:
    """One leave request; ``first`` counts days from as_of, ``days`` is its length."""

    pilot: int
    kind: str
    first: int
    days: int
    status: str
    open_ended: bool = False
    in_time: bool = False

    @property
    def last(self) -> int:
        """Last day, counted from as_of."""
        return self.first + self.days - 1


@dataclass
class LeavePlan:
    """Requests so far, each pilot's days as a bit mask, and each group's room per day.

    ``begin`` is the first day of the calendar and ``length`` its size, both relative to as_of.
    ``room[g, d]`` is how many more of group g may be away on day ``begin + d``.
    """

    begin: int
    length: int
    group: list[int]
    room: Ints
    joined: list[int]
    gone: list[int]
    busy: list[int]
    reserved: list[int]
    requests: list[Request] = field(default_factory=list)

    def free(self, pilot: int, first: int, days: int, *, approved: bool) -> bool:
        """Whether a request fits the pilot's service, other leave and the group's minimum."""
        if first < self.joined[pilot] or first + days > self.gone[pilot]:
            return False
        start = first - self.begin
        mask = ((1 << days) - 1) << start
        if self.busy[pilot] & mask or self.reserved[self.group[pilot]] & mask:
            return False
        return not approved or self.fits(pilot, first, days)

    def fits(self, pilot: int, first: int, days: int) -> bool:
        """Whether the pilot's group has room for one more on each of these days."""
        start = first - self.begin
        return int(self.room[self.group[pilot], start : start + days].min()) > 0

    def add(self, request: Request) -> None:
        """Take up a request, whether or not it fits."""
        start = request.first - self.begin
        self.requests.append(request)
        self.busy[request.pilot] |= ((1 << request.days) - 1) << start
        if request.status == "APPROVED":
            self.room[self.group[request.pilot], start : start + request.days] -= 1

    def keep_at_work(self, pilot: int, day: int) -> None:
        """Let no later request of a pilot cover a day."""
        self.busy[pilot] |= 1 << (day - self.begin)

    def reserve(self, group: int, first: int, days: int) -> None:
        """Keep later requests of a group off these days."""
        self.reserved[group] |= ((1 << days) - 1) << (first - self.begin)


def leave_plan(
    profile: Profile, crew: Crew, as_of: np.datetime64, *, begin: int, length: int
) -> LeavePlan:
    """An empty calendar: room is active pilots, less those past the age limit, less the minimum."""
    fleets = len(profile.fleets)
    room = np.zeros((2 * fleets, length), dtype=np.int64)
    known = ~np.isnat(crew.limit)
    limit = np.full(len(crew), NEVER, dtype=np.int64)
    limit[known] = days_between(as_of, crew.limit[known])
    for number, fleet in enumerate(profile.fleets):
        for rank in (CAPTAIN, FIRST_OFFICER):
            members = crew.group(number, rank)
            retiring = np.clip(limit[members & known] - begin, 0, length)
            gone = np.cumsum(np.bincount(retiring, minlength=length + 1))[:length]
            room[2 * number + rank] = int(members.sum()) - gone - fleet.minimum(rank)
    left = ~np.isnat(crew.left)
    gone_day = limit.copy()
    gone_day[~crew.active] = -NEVER
    gone_day[left] = days_between(as_of, crew.left[left])
    return LeavePlan(
        begin=begin,
        length=length,
        group=(2 * crew.fleet + crew.rank).tolist(),
        room=room,
        joined=days_between(as_of, crew.commenced).tolist(),
        gone=gone_day.tolist(),
        busy=[0] * len(crew),
        reserved=[0] * (2 * fleets),
    )
