"""The seed is the same in every process, and its parts hold what they promise."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetcache.source.seed.airline import Airline, airline
from fleetcache.source.seed.bands import holdings
from fleetcache.source.seed.copying import copy_text
from fleetcache.source.seed.crew import crew
from fleetcache.source.seed.days import add_months, birthday, month_end
from fleetcache.source.seed.draws import Draws
from fleetcache.source.seed.periods import next_undecided, period_start
from fleetcache.source.seed.profiles import PROFILES, SEED

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 23)


def digest(made: Airline) -> str:
    text = "".join(copy_text(rows, 0, made.rows) for rows in made.tables.values())
    return hashlib.sha256(text.encode()).hexdigest()


def test_another_process_makes_the_same_rows() -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests/unit');"
        "from test_seed_draws import *; print(digest(airline('demo', TODAY)))"
    )
    there = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": "12345",
            "TZ": "Asia/Tokyo",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == digest(airline("demo", TODAY))


def test_another_seed_makes_another_airline() -> None:
    assert digest(airline("tiny", TODAY, 1)) != digest(airline("tiny", TODAY, 2))


def test_any_seed_the_column_can_hold_works() -> None:
    assert airline("tiny", TODAY, -(2**63)).rows > 1000


def test_the_stream_is_pinned() -> None:
    """A change here means: every seeded airline changes. PCG64's stream is promised by numpy."""
    assert Draws(SEED, "pin").uniform(2).tolist() == [0.9595030623089933, 0.40516936108355517]


@pytest.mark.parametrize("year", (2024, 2026, 2028, 2031))
def test_every_profile_can_be_made_for_the_awkward_days_of_a_year(year: int) -> None:
    days = [date(year, 1, 1), date(year, 3, 1), date(year, 2, 28), date(year, 12, 31)]
    if year % 4 == 0:
        days.append(date(year, 2, 29))
    for day in days:
        assert airline("tiny", day).rows > 1000


def test_load_is_the_demo_scaled_to_12000() -> None:
    profile = PROFILES["load"]
    today = np.datetime64(TODAY, "D")
    people = crew(profile, today, SEED)
    assert profile.active == people.active.sum() == 12_000
    assert len(holdings(profile, people, today, SEED).pilot) == pytest.approx(264_000, rel=0.02)
    for small, large in zip(PROFILES["demo"].fleets, profile.fleets, strict=True):
        assert large.per_hull == small.per_hull
        assert large.hulls / small.hulls == pytest.approx(12_000 / 362, rel=0.005)
        assert sum(large.active) == pytest.approx(large.hulls * sum(large.per_hull), abs=1)


@given(st.dates(date(1950, 1, 1), date(2060, 12, 31)), st.integers(0, 90))
def test_birthdays_fall_on_the_calendar_day_or_on_1_march(born: date, age: int) -> None:
    day = birthday(np.array([born], dtype="datetime64[D]"), age)[0].astype(object)
    leap = (born.month, born.day) == (2, 29) and (day.month, day.day) == (3, 1)
    assert day.year == born.year + age
    assert leap or (day.month, day.day) == (born.month, born.day)


@given(st.dates(date(1950, 1, 1), date(2060, 12, 31)), st.integers(-100, 100))
def test_months_keep_the_day_or_clamp_to_the_last(day: date, months: int) -> None:
    start = np.array([day], dtype="datetime64[D]")
    moved = add_months(start, months)
    assert (moved.astype("datetime64[M]") - start.astype("datetime64[M]"))[0].astype(int) == months
    kept = moved[0].astype(object).day == day.day
    assert kept or (moved == month_end(moved)).all()


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)))
def test_the_next_undecided_period_is_published_after_today_and_is_the_first_such(
    day: date,
) -> None:
    today = np.datetime64(day, "D")
    start = next_undecided(today)
    assert period_start(start) == start
    published = start - np.timedelta64(10, "D")
    assert published > today >= published - np.timedelta64(28, "D")


def test_roster_index_floors() -> None:
    assert str(period_start(np.datetime64("2025-10-10", "D"))) == "2025-09-13"
    assert str(period_start(np.datetime64("2026-12-04", "D"))) == "2026-11-07"


def test_shares_are_exact_and_complete() -> None:
    labels = Draws(1, "shares").shared_out({"a": 58.0, "b": 41.6, "c": 0.4}, 1000)
    assert {x: labels.count(x) for x in "abc"} == {"a": 580, "b": 416, "c": 4}


def test_nothing_that_copy_would_take_for_a_mark() -> None:
    made = airline("tiny", TODAY)
    for rows in made.tables.values():
        for column in rows.values():
            if column.dtype.kind == "O":
                texts = [v for v in column.tolist() if v is not None]
                assert not any(c in text for text in texts for c in "\t\n\r\\")
