"""The seeded airline against the targets of spec section 4, recounted row by row."""

from __future__ import annotations

import calendar
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest

from fleetcache.source.seed.airline import airline

ORDINARY, MONTH_END, LEAP = date(2026, 11, 23), date(2026, 3, 31), date(2028, 2, 29)
NEW_YEAR, NEW_YEARS_EVE, MARCH_FIRST = date(2027, 1, 1), date(2026, 12, 31), date(2025, 3, 1)
DATES = (ORDINARY, MONTH_END, LEAP, NEW_YEAR, NEW_YEARS_EVE, MARCH_FIRST)
DAY = timedelta(days=1)
PENDING = ("SUBMITTED", "IN_REVIEW")
Row = dict[str, Any]


@dataclass
class Tables:
    """All rows as plain dictionaries with Python values; NULL is None."""

    as_of: date
    rows: dict[str, list[Row]]

    def __getitem__(self, table: str) -> list[Row]:
        return self.rows[table]


@cache
def tables(profile: str, as_of: date) -> Tables:
    made = airline(profile, as_of)
    return Tables(as_of, {name: list(_plain(t)) for name, t in made.tables.items()})


def _plain(columns: Row) -> Iterator[Row]:
    values = []
    for column in columns.values():
        items = column.tolist()
        if column.dtype.kind == "i":
            items = [None if item < 0 else item for item in items]
        values.append(items)
    for row in zip(*values, strict=True):
        yield dict(zip(columns, row, strict=True))


def limit(born: date | None) -> date | None:
    if born is None:
        return None
    if (born.month, born.day) == (2, 29) and not calendar.isleap(born.year + 65):
        return date(born.year + 65, 3, 1)
    return born.replace(year=born.year + 65)


@dataclass
class Count:
    """The definitions of section 7 for one day."""

    active: dict[int, Row]
    bands: Counter[str]
    total: int
    missing: list[tuple[int, str]]
    expired_of: dict[int, int]
    non_compliant: set[int]
    unproven: set[int]
    on_leave: set[int]


def serving(pilot: Row, day: date) -> bool:
    if pilot["commenced_on"] > day:
        return False
    return bool(pilot["active"]) or (pilot["left_on"] is not None and pilot["left_on"] > day)


def band(days: int) -> str:
    for name, last in (("expired", -1), ("7", 7), ("30", 30), ("60", 60), ("90", 90)):
        if days <= last:
            return name
    return "later"


def count(data: Tables, day: date) -> Count:
    """Count a day from the rows known at its end; today's rows when it is today."""
    active = {p["id"]: p for p in data["pilots"] if serving(p, day)}
    types = {c["code"]: c for c in data["check_types"]}
    newest: dict[tuple[int, str], Row] = {}
    for row in data["certifications"]:
        if row["void_reason"] is None and row["completed_on"] <= day:
            key = (row["pilot_id"], row["check_type"])
            if key not in newest or row["completed_on"] >= newest[key]["completed_on"]:
                newest[key] = row
    needs: dict[int, set[str]] = defaultdict(set)
    for requirement in data["check_requirements"]:
        for number, pilot in active.items():
            if (
                requirement["rank"] in (None, pilot["rank"])
                and requirement["fleet"] in (None, pilot["fleet"])
                and (not requirement["qualification"] or pilot[requirement["qualification"]])
            ):
                needs[number].add(requirement["check_type"])
    bands: Counter[str] = Counter()
    expired_of: dict[int, int] = Counter()
    bad: set[int] = set()
    doubtful: set[int] = set()
    for (number, check), row in newest.items():
        if number not in active:
            continue
        if row["expires_on"] is not None:
            kind = band((row["expires_on"] - day).days)
        elif row["never_expires"] or types[check]["never_expires"]:
            kind = "later"
        else:
            kind = "undated"
        bands[kind] += 1
        if check in needs[number] and kind == "expired":
            expired_of[number] += 1
            bad.add(number)
        if check in needs[number] and kind == "undated":
            doubtful.add(number)
    missing = [(n, check) for n in active for check in needs[n] if (n, check) not in newest]
    bad |= {n for n, _ in missing}
    for number, pilot in active.items():
        last = limit(pilot["date_of_birth"])
        if last is not None and last <= day:
            bad.add(number)
    away = {
        r["pilot_id"]
        for r in data["leave_requests"]
        if r["status"] == "APPROVED" and r["first_day"] <= day <= (r["last_day"] or r["first_day"])
    }
    return Count(
        active,
        bands,
        sum(bands.values()),
        missing,
        expired_of,
        bad,
        doubtful - bad,
        away & set(active),
    )


@pytest.fixture(params=DATES, ids=str)
def demo(request: pytest.FixtureRequest) -> Tables:
    return tables("demo", request.param)


def test_demo_has_the_fleets_of_the_section() -> None:
    data = tables("demo", ORDINARY)
    groups = Counter((p["fleet"], p["rank"]) for p in data["pilots"] if p["active"])
    assert groups == {
        ("DHC-8-400", "captain"): 40,
        ("DHC-8-400", "first_officer"): 40,
        ("B737-800", "captain"): 84,
        ("B737-800", "first_officer"): 84,
        ("A330-200", "captain"): 54,
        ("A330-200", "first_officer"): 60,
    }
    for fleet in data["fleets"]:
        for rank, per_hull in (
            ("captain", fleet["captains_per_hull"]),
            ("first_officer", fleet["first_officers_per_hull"]),
        ):
            assert fleet["hulls"] * per_hull == groups[fleet["code"], rank]
            assert fleet[f"minimum_{rank}s"] == fleet["hulls"] * per_hull * 3 // 4
    assert {f["code"]: f["minimum_captains"] for f in data["fleets"]}["A330-200"] == 40
    assert len(data["pilots"]) == pytest.approx(362 * 1.04, abs=1)


def test_tiny_has_27_active_pilots_on_one_fleet() -> None:
    data = tables("tiny", ORDINARY)
    assert [f["code"] for f in data["fleets"]] == ["B737-800"]
    assert Counter(p["rank"] for p in data["pilots"] if p["active"]) == {
        "captain": 14,
        "first_officer": 13,
    }


def test_shares_of_qualifications() -> None:
    pilots = tables("demo", ORDINARY)["pilots"]
    total = len(pilots)
    contracts = Counter(p["contract"] for p in pilots)
    assert contracts["FULL_TIME"] / total == pytest.approx(0.78, abs=0.005)
    assert contracts["TOURS_21_21"] / total == pytest.approx(0.12, abs=0.005)
    assert contracts["COMMUTING_18_10"] / total == pytest.approx(0.10, abs=0.005)
    officers = [p for p in pilots if p["rank"] == "first_officer"]
    atpl = sum(p["licence"] == "ATPL" for p in officers)
    assert atpl / len(officers) == pytest.approx(0.55, abs=0.01)
    assert all(p["licence"] == "ATPL" for p in pilots if p["rank"] == "captain")
    assert sum(p["expatriate"] for p in pilots) / total == pytest.approx(0.25, abs=0.02)
    for qualification, expected in (
        ("training_captain", {"DHC-8-400": 8, "B737-800": 16, "A330-200": 11}),
        ("examiner", {"DHC-8-400": 8, "B737-800": 16, "A330-200": 10}),
    ):
        assert Counter(p["fleet"] for p in pilots if p[qualification]) == expected
    assert any(p["training_captain"] and p["examiner"] for p in pilots)


def test_seniority_follows_commencement() -> None:
    pilots = sorted(tables("demo", ORDINARY)["pilots"], key=lambda p: p["seniority"])
    assert [p["seniority"] for p in pilots] == list(range(1, len(pilots) + 1))
    hired = [p["commenced_on"] for p in pilots]
    assert hired == sorted(hired)
    ages = [
        (p["commenced_on"] - p["date_of_birth"]).days / 365.25 for p in pilots if p["date_of_birth"]
    ]
    assert min(ages) > 20 and max(ages) < 29.3


def test_ages_and_retirements(demo: Tables) -> None:
    today = demo.as_of
    born = [p["date_of_birth"] for p in demo["pilots"] if p["active"] and p["date_of_birth"]]
    assert sum((today - b).days / 365.25 for b in born) / len(born) == pytest.approx(43.5, abs=0.2)
    left = sorted((limit(b) - today).days for b in born)  # type: ignore[operator]
    assert sum(0 < d <= 731 for d in left) == pytest.approx(4, abs=1)
    assert sum(0 < d <= 1826 for d in left) == pytest.approx(15, abs=3)
    assert sum(0 < d <= 3652 for d in left) == pytest.approx(53, abs=4)
    assert sum(d <= 0 for d in left) == 2


@pytest.mark.parametrize("profile", ["tiny", "demo"])
@pytest.mark.parametrize("as_of", DATES, ids=str)
def test_boundary_pilots(profile: str, as_of: date) -> None:
    pilots = tables(profile, as_of)["pilots"]
    active = [p for p in pilots if p["active"]]
    limits = [limit(p["date_of_birth"]) for p in active]
    assert any(x is not None and 28 <= (x - as_of).days <= 31 for x in limits), "64 y 11 m"
    # Nobody turns 65 on 29 February 2028: 1963 had none.
    turning = as_of - DAY if as_of == LEAP else as_of
    assert turning in limits, "65 today"
    assert any(x is not None and 365 <= (as_of - x).days < 730 for x in limits), "66, still active"
    assert sum(p["date_of_birth"] is None for p in active) == 1
    births = [p["date_of_birth"] for p in pilots if p["date_of_birth"]]
    assert any((b.month, b.day) == (2, 29) for b in births)
    gone = [p for p in pilots if not p["active"] and limit(p["date_of_birth"])]
    assert any(limit(p["date_of_birth"]) <= as_of for p in gone), "65+, inactive"  # type: ignore[operator]


def test_the_target_state_of_the_certifications(demo: Tables) -> None:
    state = count(demo, demo.as_of)
    rows = state.total
    assert rows == pytest.approx(7700, rel=0.02)
    for kind, share, tolerance in (
        ("expired", 0.005, 0.0005),
        ("7", 0.006, 0.0005),
        ("30", 0.027, 0.001),
        ("60", 0.055, 0.001),
        ("90", 0.065, 0.001),
        ("undated", 0.001, 0.0003),
    ):
        assert state.bands[kind] / rows == pytest.approx(share, abs=tolerance), kind
    assert len(state.missing) / rows == pytest.approx(0.0015, abs=0.0003)
    assert len(state.non_compliant) == pytest.approx(18, abs=2)
    assert 1 <= len(state.unproven) <= 4
    loose = state.bands["expired"] - sum(state.expired_of.values())
    assert loose >= 1, "an expired row that nobody requires"


def test_six_pilots_on_long_leave_carry_the_lapses(demo: Tables) -> None:
    state = count(demo, demo.as_of)
    covering = {
        r["pilot_id"]
        for r in demo["leave_requests"]
        if r["status"] == "APPROVED"
        and r["last_day"]
        and r["first_day"] <= demo.as_of <= r["last_day"]
        and (r["last_day"] - r["first_day"]).days >= 60
    }
    lapsed = {n: c for n, c in state.expired_of.items() if n in covering}
    assert len(lapsed) == 6
    assert all(3 <= c <= 8 for c in lapsed.values())
    assert all(c <= 2 for n, c in state.expired_of.items() if n not in lapsed)


@pytest.mark.parametrize("profile", ["tiny", "demo"])
def test_boundary_expiries(profile: str) -> None:
    for as_of in DATES:
        data = tables(profile, as_of)
        active = {p["id"] for p in data["pilots"] if p["active"]}
        days = {
            (r["expires_on"] - as_of).days
            for r in data["certifications"]
            if r["superseded_by"] is None
            and r["void_reason"] is None
            and r["expires_on"]
            and r["pilot_id"] in active
        }
        assert {-1, 0, 1, 7, 8, 30, 31, 90, 91} <= days, as_of


@pytest.mark.parametrize("days_ago", [1, 29, 250, 400])
def test_daily_figures_are_what_a_recount_of_that_day_gives(demo: Tables, days_ago: int) -> None:
    day = demo.as_of - days_ago * DAY
    (figures,) = (row for row in demo["daily_metrics"] if row["day"] == day)
    state = count(demo, day)
    active = state.active.values()
    assert figures["active"] == len(active)
    assert figures["total"] == sum(p["commenced_on"] <= day for p in demo["pilots"])
    assert figures["captains"] == sum(p["rank"] == "captain" for p in active)
    assert figures["first_officers"] == sum(p["rank"] == "first_officer" for p in active)
    assert figures["training_captains"] == sum(p["training_captain"] for p in active)
    assert figures["examiners"] == sum(p["examiner"] for p in active)
    assert figures["compliant"] == len(active) - len(state.non_compliant) - len(state.unproven)
    assert figures["unproven"] == len(state.unproven)
    assert figures["expired"] == state.bands["expired"]
    assert figures["expiring"] == state.bands["7"] + state.bands["30"]
    assert figures["missing"] == len(state.missing)
    assert figures["on_leave"] == len(state.on_leave)
    if days_ago == 1:
        pending = [r for r in demo["leave_requests"] if r["status"] in PENDING]
        open_ones = [r for r in pending if (r["last_day"] or r["first_day"]) >= day]
        assert figures["pending"] == len(open_ones)


def test_daily_figures_reach_400_days_back_and_stay_plausible(demo: Tables) -> None:
    history = demo["daily_metrics"]
    assert [row["day"] for row in history] == [demo.as_of - n * DAY for n in range(400, 0, -1)]
    for row in history:
        assert row["active"] == row["captains"] + row["first_officers"] <= row["total"]
        assert 0.85 <= row["compliant"] / row["active"] < 1
        assert 0 < row["on_leave"] < 0.3 * row["active"]
