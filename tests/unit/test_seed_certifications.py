"""Certification rows: chains, validity rules, month ends, history and corrections."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import pytest

from fleetcache.source.seed.airline import Airline, airline
from fleetcache.source.seed.checks import CHECKS, FROM_MONTH_END, VALIDITY, WINDOW_DAYS, ends
from fleetcache.source.seed.days import Flags, Ints, add_days, add_months, birthday, month_end

DATES = (date(2026, 11, 23), date(2026, 3, 31), date(2028, 2, 29), date(2027, 1, 1))
EARLIEST_DATE = np.datetime64("1900-01-01", "D")


@cache
def demo(as_of: date) -> Airline:
    return airline("demo", as_of)


@pytest.fixture(params=DATES, ids=str)
def made(request: pytest.FixtureRequest) -> tuple[Airline, np.datetime64]:
    return demo(request.param), np.datetime64(request.param, "D")


def test_exactly_one_current_row_per_pilot_and_check(made: tuple[Airline, np.datetime64]) -> None:
    rows = made[0].certifications
    keys = rows.pilot[rows.current] * 100 + rows.check[rows.current]
    assert len(np.unique(keys)) == len(keys)


def test_every_chain_ends_at_the_current_row(made: tuple[Airline, np.datetime64]) -> None:
    rows = made[0].certifications
    place = np.arange(len(rows))
    older = np.flatnonzero(rows.next >= 0)
    newer = rows.next[older]
    assert np.all(rows.pilot[older] == rows.pilot[newer])
    assert np.all(rows.check[older] == rows.check[newer])
    assert np.all(rows.completed[older] < rows.completed[newer])
    assert np.all(older < newer), "ids follow the order of recording"
    assert not rows.voided[older].any()
    while (rows.next[place] >= 0).any():
        place = np.where(rows.next[place] >= 0, rows.next[place], place)
    kept = ~rows.voided
    assert rows.current[place[kept]].all()


def test_nothing_lies_in_the_future(made: tuple[Airline, np.datetime64]) -> None:
    rows, today = made[0].certifications, made[1]
    midnight = today.astype("datetime64[m]") - np.timedelta64(10, "h")
    assert rows.completed.max() < today
    assert rows.recorded.max() <= midnight
    assert np.nanmax(rows.voided_at) <= midnight
    dated = ~np.isnat(rows.expires)
    assert np.all(rows.expires[dated] >= rows.completed[dated])
    assert not rows.never[dated].any()


def test_history_reaches_three_years_back(made: tuple[Airline, np.datetime64]) -> None:
    plane, today = made
    rows, crew = plane.certifications, plane.crew
    kept = np.flatnonzero(~rows.voided)
    first = np.full((len(crew), len(CHECKS)), today)
    np.minimum.at(first, (rows.pilot[kept], rows.check[kept]), rows.completed[kept])
    held = first < today
    reach = np.maximum(today - np.timedelta64(3 * 365, "D"), add_days(crew.commenced, 60))
    late = first > reach[:, None]
    assert not (held & late & crew.active[:, None]).any()
    assert 2 < len(rows) / rows.current.sum() < 5


def test_a_few_corrections_carry_reasons(made: tuple[Airline, np.datetime64]) -> None:
    rows = made[0].certifications
    voided = np.flatnonzero(rows.voided)
    assert 2 <= len(voided) <= 0.005 * len(rows)
    assert all(rows.reason[voided])
    assert not any(rows.reason[~rows.voided])
    assert np.all(rows.voided_at[voided] > rows.recorded[voided])


def _previous(plane: Airline) -> Ints:
    rows = plane.certifications
    previous = np.full(len(rows), -1, dtype=np.int64)
    older = np.flatnonzero(rows.next >= 0)
    previous[rows.next[older]] = older
    return previous


def _lawful(plane: Airline) -> Flags:
    """Rows whose expiry follows from completion, or from the old one renewed in its window."""
    rows, crew = plane.certifications, plane.crew
    previous = _previous(plane)
    known = ~np.isnat(crew.born)
    sixty = birthday(np.where(known, crew.born, EARLIEST_DATE), 60)
    old = (known & (sixty > EARLIEST_DATE + 36525))[rows.pilot] & (
        rows.completed >= sixty[rows.pilot]
    )
    lawful = np.zeros(len(rows), dtype=np.bool_)
    medical = np.array([check.code == "MEDICAL" for check in CHECKS])[rows.check]
    english = np.array([check.code == "ENGLISH" for check in CHECKS])[rows.check]
    usual = np.maximum(VALIDITY[rows.check], 1)
    usual = np.where(medical & old, 6, usual)
    for months in (usual, np.where(english, 72, usual)):
        anew = ends(rows.completed, rows.check, months) == rows.expires
        before = np.where(previous >= 0, rows.expires[previous], np.datetime64("NaT", "D"))
        kept = ends(np.where(np.isnat(before), EARLIEST_DATE, before), rows.check, months)
        opens = np.where(
            WINDOW_DAYS[rows.check] == 84, add_months(before, -3), add_days(before, -45)
        )
        opens = np.where(WINDOW_DAYS[rows.check] > 0, opens, before)
        in_window = (rows.completed >= opens) & (rows.completed <= before)
        lawful |= anew | (in_window & (kept == rows.expires))
    return lawful


def test_expiries_follow_the_rules_of_their_type(made: tuple[Airline, np.datetime64]) -> None:
    plane, today = made
    rows = plane.certifications
    judged = ~rows.voided & ~np.isnat(rows.expires) & (_previous(plane) >= 0)
    judged &= (rows.next >= 0) | (rows.expires > today + np.timedelta64(90, "D"))
    lawful = _lawful(plane)[judged]
    assert lawful.mean() > 0.995


def test_month_end_checks_run_out_at_a_month_end_if_the_band_has_one(
    made: tuple[Airline, np.datetime64],
) -> None:
    plane, today = made
    rows = plane.certifications
    here = rows.current & plane.crew.active[rows.pilot] & FROM_MONTH_END[rows.check]
    here &= ~np.isnat(rows.expires)
    ahead = np.full(len(rows), -9999)
    ahead[here] = (rows.expires[here] - today).astype(np.int64)
    for low, high in ((31, 60), (61, 90), (91, 2000)):
        days = today + np.arange(low, min(high, 150) + 1).astype("timedelta64[D]")
        if not (month_end(days) == days).any():
            continue
        inside = (ahead >= low) & (ahead <= high) & ~np.isin(ahead, (31, 90, 91))
        assert (month_end(rows.expires[inside]) == rows.expires[inside]).all()


def test_medicals_are_shorter_from_sixty(made: tuple[Airline, np.datetime64]) -> None:
    plane = made[0]
    rows, crew = plane.certifications, plane.crew
    medical = rows.current & (rows.check == [c.code for c in CHECKS].index("MEDICAL"))
    old = medical & crew.active[rows.pilot] & (crew.age[rows.pilot] > 61.5)
    assert old.sum() >= 5
    given = (rows.expires[old] - rows.completed[old]).astype(np.int64)
    assert given.max() <= 184 + 45
    young = medical & (crew.age[rows.pilot] < 59) & ~np.isnat(rows.expires)
    assert (rows.expires[young] - rows.completed[young]).astype(np.int64).min() >= 364


def test_english_levels(made: tuple[Airline, np.datetime64]) -> None:
    rows = made[0].certifications
    english = rows.current & (rows.check == [c.code for c in CHECKS].index("ENGLISH"))
    never = english & rows.never
    assert 0.1 < never.sum() / english.sum() < 0.3
    assert np.isnat(rows.expires[never]).all()
    assert not (rows.never & ~english & rows.current).any()
    span = (rows.expires[english & ~never] - rows.completed[english & ~never]).astype(np.int64)
    assert {1461, 2191} & set(span.tolist())
