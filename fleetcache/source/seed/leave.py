"""Leave requests: 24 months back and 12 ahead, decided or not as their time demands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bands import Lapsing
from .crew import Crew
from .days import NO_DAY, Column, Days, Floats, Ints, add_days, add_months, days_between
from .draws import Draws
from .leave_cases import place_cases
from .leave_plan import LeavePlan, Request, leave_plan
from .periods import DAYS, DEADLINE_BEFORE, PUBLISHED_BEFORE, next_undecided, period_start
from .profiles import Profile

REQUESTS_PER_PILOT = 10.75
KINDS = {
    "ANNUAL": 58.0,
    "SICK": 14.0,
    "RDO": 12.0,
    "LSL": 5.0,
    "SDO": 4.0,
    "COMPASSIONATE": 3.0,
    "LWOP": 2.0,
    "MATERNITY": 2.0,
}
BLOCKS = ("ANNUAL", "LSL", "LWOP")
REQUESTED = (*BLOCKS, "RDO", "SDO")
BLOCK_DAYS = {"14": 50.0, "7": 35.0, "21": 5.0, "24": 5.0, "28": 5.0}
MATERNITY_DAYS = 90
LONGEST = 160
STARTS_ON_SATURDAY = 0.70
MONTH_WEIGHTS = np.array(
    [1.35, 0.75, 0.80, 1.05, 0.80, 1.00, 1.15, 0.95, 0.95, 0.90, 0.75, 1.55], dtype=np.float64
)
# By zone: status shares. Past reaches to the first day that is not yet published.
STATUSES = {
    "past": {
        "APPROVED": 82.0,
        "DENIED": 9.0,
        "WITHDRAWN": 7.0,
        "DRAFT": 0.8,
        "SUBMITTED": 0.7,
        "IN_REVIEW": 0.5,
    },
    "next": {"SUBMITTED": 25.0, "IN_REVIEW": 20.0, "APPROVED": 48.0, "DENIED": 7.0},
    "later": {"SUBMITTED": 60.0, "APPROVED": 40.0},
}
CHANNEL_SHARES = {"portal": 64.0, "email": 18.0, "phone": 10.0, "admin": 8.0}
DENIALS = (
    "Below the minimum crew on those days",
    "More senior requests for the same days",
    "Submitted after the deadline",
    "Simulator session already booked",
)
DECIDERS = ("crew.manager.1", "crew.manager.2", "crew.manager.3")
MOMENT = "datetime64[m]"
NO_MOMENT = np.datetime64("NaT", "m")


@dataclass(frozen=True, eq=False)
class Leave:
    """Leave requests in order of their first day; element i has id i + 1.

    ``last`` is NaT for a request of one day without an end date; the moments are minutes, UTC.
    """

    pilot: Ints
    kind: Column
    first: Days
    last: Days
    status: Column
    channel: Column
    submitted: Days
    decided: Days
    decider: Column
    reason: Column

    def __len__(self) -> int:
        return len(self.pilot)

    @property
    def last_day(self) -> Days:
        """Last day of each request, one-day requests filled in."""
        return np.where(np.isnat(self.last), self.first, self.last)


def leave(profile: Profile, crew: Crew, lapsing: Lapsing, as_of: np.datetime64, seed: int) -> Leave:
    """Every request the airline has by the start of ``as_of``, fleet time."""
    today = np.array([as_of])
    begin = days_between(as_of, add_months(today, -24)).item()
    end = days_between(as_of, add_months(today, 12)).item()
    plan = leave_plan(profile, crew, as_of, begin=begin, length=end - begin + LONGEST)
    place_cases(plan, crew, lapsing, as_of, seed)
    wanted = round(REQUESTS_PER_PILOT * profile.active) - len(plan.requests)
    _fill(plan, wanted, begin, end, as_of, Draws(seed, "leave"))
    plan.requests.sort(key=lambda r: (r.first, r.pilot, r.kind))
    return _dated(plan.requests, as_of, Draws(seed, "leave moments"))


def _start_weights(begin: int, end: int, as_of: np.datetime64) -> tuple[Floats, Floats]:
    """For each day of [begin, end): the weight of a Saturday start and of any other."""
    days = as_of + np.arange(begin, end).astype("timedelta64[D]")
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    weekday = (days.astype(np.int64) + 3) % 7
    weights = MONTH_WEIGHTS[month]
    return np.where(weekday == 5, weights, 0.0), np.where(weekday == 5, 0.0, weights)


def _picked(weights: Floats, where: Floats) -> Ints:
    """Indices drawn by weight, from numbers in [0, 1)."""
    steps = np.cumsum(weights)
    picked = np.searchsorted(steps, where * steps[-1], side="right")
    return np.asarray(picked, dtype=np.int64)


def _fill(
    plan: LeavePlan, count: int, begin: int, end: int, as_of: np.datetime64, draws: Draws
) -> None:
    """Add ``count`` random requests: kind, start and status first, then a pilot who is free."""
    kinds = np.array(draws.shared_out(KINDS, count), dtype=object)
    block = np.isin(kinds, BLOCKS)
    days = draws.between(1, 3, count)
    days[block] = [int(d) for d in draws.shared_out(BLOCK_DAYS, int(block.sum()))]
    days[kinds == "MATERNITY"] = MATERNITY_DAYS

    saturday, weekday = _start_weights(begin, end, as_of)
    on_saturday = np.zeros(count, dtype=np.bool_)
    on_saturday[block] = draws.some(int(block.sum()), round(STARTS_ON_SATURDAY * block.sum()))
    where = draws.uniform(count)
    first = begin + np.where(on_saturday, _picked(saturday, where), 0)
    plain = ~on_saturday & block
    first[plain] = begin + _picked(weekday, where[plain])
    short = ~block
    first[short] = begin + _picked(saturday + weekday, where[short])
    # Nobody reports sick, or mourns, long ahead.
    for kind, latest in (("SICK", -3), ("COMPASSIONATE", DAYS)):
        rows = kinds == kind
        until = latest - begin
        first[rows] = begin + _picked((saturday + weekday)[:until], where[rows])

    status = _statuses(kinds, first, as_of, draws)
    pilots = draws.order(len(plan.group)).tolist()
    turn = 0
    for i, (kind, start, length) in enumerate(
        zip(kinds.tolist(), first.tolist(), days.tolist(), strict=True)
    ):
        state = status[i]
        for _ in range(60):
            pilot = pilots[turn % len(pilots)]
            turn += 1
            if plan.free(pilot, start, length, approved=state == "APPROVED"):
                plan.add(Request(pilot, kind, start, length, state))
                break
        else:
            refused = "DENIED" if kind in REQUESTED else "WITHDRAWN"
            _force(plan, Request(-1, kind, start, length, refused), pilots)


def _force(plan: LeavePlan, request: Request, pilots: list[int]) -> None:
    """No room for it: somebody who is free asks, and is refused."""
    for pilot in pilots:
        if plan.free(pilot, request.first, request.days, approved=False):
            request.pilot = pilot
            plan.add(request)
            return


def _statuses(kinds: Column, first: Ints, as_of: np.datetime64, draws: Draws) -> list[str]:
    """Statuses by time, at the shares of the zone; notified leave is never refused."""
    undecided = days_between(as_of, next_undecided(as_of)).item()
    zones = {
        "past": first < undecided,
        "next": (first >= undecided) & (first < undecided + 2 * DAYS),
        "later": first >= undecided + 2 * DAYS,
    }
    status = np.empty(len(kinds), dtype=object)
    for zone, rows in zones.items():
        members = np.flatnonzero(rows)
        labels = draws.shared_out(STATUSES[zone], len(members))
        # Those who may be refused take the refusals of the zone first.
        may_refuse = np.isin(kinds[members], REQUESTED)
        members = np.concatenate([members[may_refuse], members[~may_refuse]])
        denied = labels.count("DENIED")
        rest = [label for label in labels if label != "DENIED"]
        asking = int(may_refuse.sum())
        denied = min(denied, asking)
        rest += ["APPROVED"] * (len(members) - denied - len(rest))
        mixed = ["DENIED"] * denied + rest[: asking - denied]
        shuffled = [mixed[i] for i in draws.order(len(mixed)).tolist()]
        status[members] = [*shuffled, *rest[asking - denied :]]
    return list(status)


def _dated(requests: list[Request], as_of: np.datetime64, draws: Draws) -> Leave:
    """The requests as columns, with the moments they were made and decided."""
    count = len(requests)
    kind = np.array([r.kind for r in requests], dtype=object)
    status = np.array([r.status for r in requests], dtype=object)
    first = as_of + np.array([r.first for r in requests]).astype("timedelta64[D]")
    last = add_days(first, np.array([r.days for r in requests]) - 1)
    single = last == first
    open_ended = np.array([r.open_ended for r in requests])
    open_ended |= single & (draws.uniform(count) < 0.25)

    now = as_of.astype(MOMENT) - np.timedelta64(600, "m")  # fleet midnight, UTC+10
    draft, pending = status == "DRAFT", np.isin(status, ("SUBMITTED", "IN_REVIEW"))
    sudden = np.isin(kind, ("SICK", "COMPASSIONATE"))
    # Most ask in the yearly round, the others when they know.
    yearly = np.isin(kind, REQUESTED) & (draws.uniform(count) < 0.75)
    ahead = 22 + (draws.uniform(count) ** 1.6 * 150).astype(np.int64)
    ahead = np.where(yearly, draws.between(240, 420, count), ahead)
    ahead = np.where(sudden, draws.below(2, count), ahead)
    period = np.array([period_start(day) for day in first])
    in_time = np.array([r.in_time for r in requests])
    shortest = DEADLINE_BEFORE + days_between(period, first)
    ahead = np.where(in_time, np.maximum(ahead, shortest + 2), ahead)
    submitted = _at(add_days(first, -ahead), draws.between(6 * 60, 20 * 60, count))
    # What would still be unsent was sent in lately, at the latest an hour before now.
    newest = np.where(in_time, _at(add_days(period, -DEADLINE_BEFORE), np.array([0])), now)
    newest = np.minimum(newest, now - np.timedelta64(60, "m"))
    recent = newest - draws.between(0, 120 * 1440, count).astype("timedelta64[m]")
    submitted = np.where(submitted > newest, recent, submitted)

    # Some are decided within days, most between the deadline and the publication of the roster.
    soon = sudden | (kind == "MATERNITY") | (draws.uniform(count) < 0.4)
    days = draws.uniform(count) ** 2 * np.where(sudden, 1, 12)
    quick = submitted + (20 + days * 1440).astype("timedelta64[m]")
    usual = _at(
        add_days(period, -draws.between(PUBLISHED_BEFORE + 1, DEADLINE_BEFORE, count)),
        draws.between(8 * 60, 17 * 60, count),
    )
    decided = np.where(soon | (usual <= submitted) | (usual > now), quick, usual)
    waited = (now - submitted).astype(np.int64) * draws.uniform(count)
    decided = np.where(decided > now, submitted + waited.astype("timedelta64[m]"), decided)
    submitted = np.where(draft, NO_MOMENT, submitted)
    undecided = draft | pending | (status == "WITHDRAWN")
    decided = np.where(undecided, NO_MOMENT, decided)

    channel = np.array(draws.shared_out(CHANNEL_SHARES, count), dtype=object)
    channel = np.where((kind == "SICK") & (draws.uniform(count) < 0.6), "phone", channel)
    deciders = np.array(DECIDERS, dtype=object)[draws.below(len(DECIDERS), count)]
    denials = np.array(DENIALS, dtype=object)[draws.below(len(DENIALS), count)]
    nobody = np.full(count, None, dtype=object)
    return Leave(
        pilot=np.array([r.pilot for r in requests], dtype=np.int64),
        kind=kind,
        first=first,
        last=np.where(open_ended, NO_DAY, last),
        status=status,
        channel=channel,
        submitted=submitted,
        decided=decided,
        decider=np.where(undecided, nobody, deciders),
        reason=np.where(status == "DENIED", denials, nobody),
    )


def _at(day: Days, minute: Ints) -> Days:
    """A minute of a fleet day (UTC+10) as a UTC moment."""
    return np.asarray(day.astype(MOMENT) + (minute - 600).astype("timedelta64[m]"))
