"""Leave requests: shares, statuses by time, edge rows, minimum crew and the planned conflict."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from functools import cache

import numpy as np
import pytest

from fleetcache.source.seed.airline import Airline, airline
from fleetcache.source.seed.days import Flags, Ints
from fleetcache.source.seed.leave import MONTH_WEIGHTS, Leave
from fleetcache.source.seed.periods import next_undecided, period_start

DATES = (date(2026, 11, 23), date(2026, 3, 31), date(2028, 2, 29), date(2027, 1, 1))
PENDING = ("SUBMITTED", "IN_REVIEW")


@cache
def plane(profile: str, as_of: date) -> Airline:
    return airline(profile, as_of)


class Case:
    """One generated airline with its days counted from as_of."""

    def __init__(self, profile: str, as_of: date) -> None:
        self.plane = plane(profile, as_of)
        self.leave: Leave = self.plane.leave
        self.today = np.datetime64(as_of, "D")
        self.first: Ints = (self.leave.first - self.today).astype(np.int64)
        self.last: Ints = (self.leave.last_day - self.today).astype(np.int64)
        self.undecided = int((next_undecided(self.today) - self.today).astype(np.int64))

    def share(self, rows: Flags) -> dict[str, float]:
        counts = Counter(self.leave.status[rows].tolist())
        return {status: count / rows.sum() for status, count in counts.items()}


@pytest.fixture(params=DATES, ids=str)
def demo(request: pytest.FixtureRequest) -> Case:
    return Case("demo", request.param)


def test_amount(demo: Case) -> None:
    assert len(demo.leave) == pytest.approx(4000, rel=0.05)
    days = (demo.last - demo.first + 1).sum()
    assert days / 362 / 3 == pytest.approx(38, rel=0.08)
    assert demo.first.min() >= -731 and demo.first.max() < 366


def test_kinds(demo: Case) -> None:
    shares = Counter(demo.leave.kind.tolist())
    for kind, percent in (
        ("ANNUAL", 58),
        ("SICK", 14),
        ("RDO", 12),
        ("LSL", 5),
        ("SDO", 4),
        ("COMPASSIONATE", 3),
        ("LWOP", 2),
        ("MATERNITY", 2),
    ):
        assert 100 * shares[kind] / len(demo.leave) == pytest.approx(percent, abs=0.5), kind
    assert demo.first[demo.leave.kind == "SICK"].max() <= 0


def test_blocks_and_saturdays(demo: Case) -> None:
    block = np.isin(demo.leave.kind, ("ANNUAL", "LSL", "LWOP"))
    days = (demo.last - demo.first + 1)[block]
    assert (days == 14).mean() == pytest.approx(0.50, abs=0.01)
    assert (days == 7).mean() == pytest.approx(0.35, abs=0.01)
    assert ((days >= 21) & (days <= 28)).mean() == pytest.approx(0.15, abs=0.01)
    weekday = (demo.leave.first[block].astype(np.int64) + 3) % 7
    assert (weekday == 5).mean() == pytest.approx(0.70, abs=0.01)
    short = np.isin(demo.leave.kind, ("SICK", "RDO", "SDO", "COMPASSIONATE"))
    assert (demo.last - demo.first + 1)[short].max() <= 3
    maternity = demo.leave.kind == "MATERNITY"
    assert set((demo.last - demo.first + 1)[maternity].tolist()) == {90}


def test_busy_months(demo: Case) -> None:
    month = demo.leave.first.astype("datetime64[M]").astype(np.int64) % 12
    found = np.bincount(month, minlength=12) / len(month) * 12
    expected = MONTH_WEIGHTS / MONTH_WEIGHTS.mean()
    assert np.corrcoef(found, expected)[0, 1] > 0.85
    assert np.abs(found - expected).max() < 0.3


def test_statuses_by_time(demo: Case) -> None:
    past = demo.share(demo.first < demo.undecided)
    assert past["APPROVED"] == pytest.approx(0.82, abs=0.01)
    assert past["DENIED"] == pytest.approx(0.09, abs=0.01)
    assert past["WITHDRAWN"] == pytest.approx(0.07, abs=0.01)
    assert past["DRAFT"] > 0 and past["SUBMITTED"] > 0 and past["IN_REVIEW"] > 0
    horizon = demo.undecided + 56
    soon = demo.share((demo.first >= demo.undecided) & (demo.first < horizon))
    for status, share in (
        ("SUBMITTED", 0.25),
        ("IN_REVIEW", 0.20),
        ("APPROVED", 0.48),
        ("DENIED", 0.07),
    ):
        assert soon[status] == pytest.approx(share, abs=0.03), status
    later = demo.share(demo.first >= horizon)
    assert later["SUBMITTED"] == pytest.approx(0.60, abs=0.01)
    assert later["APPROVED"] == pytest.approx(0.40, abs=0.01)
    notified = np.isin(demo.leave.kind, ("SICK", "COMPASSIONATE", "MATERNITY"))
    assert not (notified & (demo.leave.status == "DENIED")).any()


def test_moments(demo: Case) -> None:
    leave = demo.leave
    midnight = demo.today.astype("datetime64[m]") - np.timedelta64(10, "h")
    sent = ~np.isnat(leave.submitted)
    assert np.array_equal(sent, leave.status != "DRAFT")
    assert leave.submitted[sent].max() <= midnight
    decided = ~np.isnat(leave.decided)
    assert np.array_equal(decided, np.isin(leave.status, ("APPROVED", "DENIED")))
    assert leave.decided[decided].max() <= midnight
    assert np.all(leave.decided[decided] >= leave.submitted[decided])
    assert set(leave.channel.tolist()) == {"portal", "email", "phone", "admin"}
    assert all(leave.reason[leave.status == "DENIED"])


@pytest.mark.parametrize("profile", ["tiny", "demo"])
@pytest.mark.parametrize("as_of", DATES, ids=str)
def test_edge_rows(profile: str, as_of: date) -> None:
    case = Case(profile, as_of)
    leave = case.leave
    open_ended = np.isnat(leave.last)
    assert (open_ended & (leave.status == "APPROVED")).any()
    years = [d.astype("datetime64[Y]") for d in (leave.first, leave.last_day)]
    assert (years[0] < years[1]).any(), "spans New Year"
    periods = [
        (period_start(a), period_start(b)) for a, b in zip(leave.first, leave.last_day, strict=True)
    ]
    assert any(a < b for a, b in periods), "spans two roster periods"
    of_pilot = defaultdict(list)
    for i in np.argsort(leave.pilot, kind="stable").tolist():
        of_pilot[leave.pilot[i]].append(i)
    overlaps = [
        (a, b)
        for mine in of_pilot.values()
        for n, a in enumerate(mine)
        for b in mine[n + 1 :]
        if case.first[a] <= case.last[b] and case.first[b] <= case.last[a]
    ]
    kinds = {tuple(sorted(leave.status[[a, b]].tolist())) for a, b in overlaps}
    assert ("IN_REVIEW", "SUBMITTED") in kinds, "two undecided requests for the same days"
    if profile == "demo":
        assert ("APPROVED", "APPROVED") in kinds
        today = (case.first <= 0) & (case.last >= 0) & (leave.status == "APPROVED")
        assert max(Counter(leave.pilot[today].tolist()).values()) == 2, "one pilot, two rows today"
        begun = (case.first < 0) & (case.last >= 0) & np.isin(leave.status, PENDING)
        assert begun.any()


@cache
def _rooms(profile: str, as_of: date) -> dict[tuple[int, int], list[int]]:
    """By fleet and rank: pilots above the minimum on each day from -700 to +300."""
    case = Case(profile, as_of)
    crew, leave = case.plane.crew, case.leave
    days = np.arange(-700, 300)
    limits = np.where(np.isnat(crew.limit), 99_999, (crew.limit - case.today).astype(np.int64))
    rooms = {}
    for number, fleet in enumerate(case.plane.profile.fleets):
        for rank in (0, 1):
            members = crew.group(number, rank)
            away = np.zeros((len(crew), len(days)), dtype=np.bool_)
            for i in np.flatnonzero((leave.status == "APPROVED") & members[leave.pilot]).tolist():
                begin, end = max(case.first[i] + 700, 0), max(case.last[i] + 701, 0)
                away[leave.pilot[i], begin:end] = True
            gone = members[:, None] & (limits[:, None] <= days[None, :])
            available = members.sum() - (away | gone).sum(axis=0)
            rooms[number, rank] = (available - fleet.minimum(rank)).tolist()
    return rooms


@pytest.mark.parametrize("profile", ["tiny", "demo"])
@pytest.mark.parametrize("as_of", DATES, ids=str)
def test_one_conflict_where_only_the_two_most_senior_fit(profile: str, as_of: date) -> None:
    case = Case(profile, as_of)
    crew, leave = case.plane.crew, case.leave
    found = 0
    for (fleet, rank), room in _rooms(profile, as_of).items():
        members = crew.group(fleet, rank)
        asks = np.isin(leave.status, PENDING) & (leave.kind == "ANNUAL") & members[leave.pilot]
        for day in range(case.undecided, case.undecided + 28):
            touching = asks & (case.first <= day) & (case.last >= day)
            if room[day + 700] != 2 or len(set(leave.pilot[touching].tolist())) < 3:
                continue
            worst = min(
                room[d + 700]
                for i in np.flatnonzero(touching).tolist()
                for d in range(case.first[i], case.last[i] + 1)
            )
            found += worst == 2
    assert found >= 1


@pytest.mark.parametrize("as_of", DATES, ids=str)
@pytest.mark.parametrize("profile", ["tiny", "demo"])
def test_approved_leave_keeps_every_group_at_its_minimum(profile: str, as_of: date) -> None:
    for group, room in _rooms(profile, as_of).items():
        assert min(room) >= 0, group
