"""The retirement page's figures: empty months, years below required, cover never rounded up."""

from __future__ import annotations

from datetime import date

import pytest

from fleetcache.figures.retirement import (
    MonthCell,
    OutlookCell,
    RetirementBuckets,
    RetirementCell,
    RetirementForecast,
    SuccessionCell,
)
from fleetcache.panels import retirement

TODAY = date(2026, 11, 23)


def outlook(years: int, fleet: str, rank: str, crew: int, required: int = 10) -> OutlookCell:
    return OutlookCell(
        years, date(TODAY.year + years, TODAY.month, TODAY.day), fleet, rank, crew, required
    )


FORECAST = RetirementForecast(
    buckets=RetirementBuckets(1, 2, 3, 4, 5),
    cells=(
        RetirementCell("A330", "captain", 1, 2, 3, 4, 10, 0),
        RetirementCell("A330", "first_officer", 0, 0, 0, 1, 20, 2),
        RetirementCell("B737", "captain", 0, 1, 0, 0, 5, 0),
    ),
    months=(
        MonthCell(date(2026, 11, 1), "A330", "captain", 1),
        MonthCell(date(2026, 12, 1), "B737", "captain", 2),
        MonthCell(date(2026, 12, 1), "A330", "first_officer", 1),
        MonthCell(date(2031, 10, 1), "A330", "captain", 1),
    ),
    outlook=(
        outlook(1, "A330", "captain", 9),
        outlook(0, "A330", "captain", 10),
        outlook(2, "A330", "captain", 8),
        outlook(0, "B737", "captain", 10),
        outlook(1, "B737", "captain", 10),
    ),
    succession=(
        SuccessionCell("A330", 9, 1, 2, 3, 10),
        SuccessionCell("B737", 199, 0, 0, 0, 200),
        SuccessionCell("DHC8", 0, 5, 0, 0, 0),
    ),
)


def test_buckets_obey_both_filters() -> None:
    """Protects the cards: all of them together are every active pilot chosen."""
    assert retirement.buckets(FORECAST).total == 49
    assert retirement.buckets(FORECAST, fleet="A330", rank="captain") == retirement.Buckets(
        1, 2, 3, 4, 10, 0
    )
    assert retirement.buckets(FORECAST, rank="first_officer").unknown == 2
    assert retirement.buckets(FORECAST, fleet="B737", rank="first_officer").total == 0


def test_sixty_months_with_nobody_keep_their_place() -> None:
    """Protects the timeline from closing up gaps: five years are five years wide."""
    months, series = retirement.timeline(FORECAST, TODAY, split="fleet")
    assert (len(months), months[0], months[-1]) == (60, date(2026, 11, 1), date(2031, 10, 1))
    assert months[2] == date(2027, 1, 1)
    assert {name: len(values) for name, values in series.items()} == {"A330": 60, "B737": 60}
    assert series["A330"][:3] == [1, 1, 0]
    assert series["A330"][-1] == 1
    assert sum(map(sum, series.values())) == 5


def test_the_timeline_splits_by_rank_and_obeys_filters() -> None:
    """Protects the other way to stack, and that a filter removes only what it should."""
    _, series = retirement.timeline(FORECAST, TODAY, split="rank")
    assert {name: sum(values) for name, values in series.items()} == {
        "Captain": 4,
        "First officer": 1,
    }
    _, series = retirement.timeline(FORECAST, TODAY, split="fleet", fleet="B737")
    assert {name: sum(values) for name, values in series.items()} == {"B737": 2}
    assert retirement.timeline(FORECAST, TODAY, split="fleet", fleet="DHC8")[1] == {}


def test_outlook_finds_the_first_year_below_required() -> None:
    """Protects the badge: the first year of the line in time, not in the order of the cells; and
    exactly as many as required is not below."""
    lines = {(line.fleet, line.rank): line for line in retirement.outlooks(FORECAST)}
    captains = lines["A330", "captain"]
    assert captains.crew == (10, 9, 8)
    assert captains.first_below is not None
    assert captains.first_below.years == 1
    assert lines["B737", "captain"].first_below is None
    assert len(retirement.outlooks(FORECAST, fleet="A330")) == 1


def test_cover_is_rounded_down_and_absent_where_nobody_leaves() -> None:
    """Protects against 199 of 200 reading as 100 %, and nobody leaving as 0 % or 100 %."""
    rows = {row.fleet: row for row in retirement.succession(FORECAST)}
    assert (rows["A330"].cover, rows["A330"].status) == (90, "watch")
    assert (rows["B737"].cover, rows["B737"].status) == (99, "watch")
    assert (rows["DHC8"].cover, rows["DHC8"].status) == (None, None)


def test_the_total_of_succession_has_no_cover() -> None:
    """Protects against successors of one fleet covering the captains of another."""
    total = retirement.succession(FORECAST)[-1]
    assert (total.fleet, total.ready, total.captains_leaving) == (None, 208, 210)
    assert (total.cover, total.status) == (None, None)
    assert [row.fleet for row in retirement.succession(FORECAST, fleet="A330")] == ["A330"]


def leaver(**change: object) -> dict[str, object]:
    return {
        "employee_number": "CM-000001",
        "name": "Able, Ann",
        "fleet": "A330",
        "rank": "captain",
        "base": "POM",
        "seniority": 1,
        "date_of_birth": date(1962, 1, 1),
        "retires_on": date(2027, 1, 1),
        "days_left": 39,
        "training_captain": False,
        "examiner": True,
        **change,
    }


def test_those_past_the_limit_stand_first_and_are_marked() -> None:
    """Protects the first thing on the page; the limit bites on the day itself. Followers are
    counted for captains only."""
    shown = retirement.leaving(
        [
            leaver(name="Later"),
            leaver(
                name="Officer", rank="first_officer", retires_on=date(2027, 6, 1), days_left=190
            ),
            leaver(name="Today", retires_on=TODAY, days_left=0),
            leaver(name="Past", retires_on=date(2025, 11, 3), days_left=-385),
        ],
        retirement.succession(FORECAST),
    )
    assert [row["Name"] for row in shown] == ["Past", "Today", "Later", "Officer"]
    assert [row["State"] for row in shown] == ["overdue", "overdue", "ahead", "ahead"]
    assert [row["Ready to follow"] for row in shown] == [9, 9, 9, None]


def test_without_a_forecast_the_list_shows_no_zero_followers() -> None:
    """Protects the names from the forecast's failure: unknown stays unknown."""
    (shown,) = retirement.leaving([leaver()], [])
    assert shown["Ready to follow"] is None


@pytest.mark.parametrize(
    ("since", "today", "full"),
    [
        (date(2011, 11, 23), TODAY, 15),
        (date(2011, 11, 24), TODAY, 14),
        (date(2000, 2, 29), date(2026, 2, 28), 25),
        (date(2000, 2, 29), date(2026, 3, 1), 26),
        (None, TODAY, None),
        (date(2011, 11, 23), None, None),
    ],
)
def test_full_years(since: date | None, today: date | None, full: int | None) -> None:
    """Protects service and age from disagreeing with the readiness beside them: full years, and
    29 February counts on 1 March as in the database."""
    assert retirement.years(since, today) == full


def test_candidates_without_a_birthday_keep_their_service() -> None:
    """Protects the list of first officers from one missing date."""
    (shown,) = retirement.candidates(
        [
            {
                "employee_number": "CM-000002",
                "name": "Bravo, Ben",
                "fleet": "A330",
                "base": "POM",
                "seniority": 2,
                "licence": "ATPL",
                "readiness": "developing",
                "commenced_on": date(2016, 1, 1),
                "date_of_birth": None,
                "compliance": "compliant",
            }
        ],
        TODAY,
    )
    assert (shown["Service"], shown["Age"]) == (10, None)
