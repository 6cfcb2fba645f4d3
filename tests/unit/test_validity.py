"""How long a check is good for: the house rules, against the seed's own arithmetic and case by case."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fleetcache.changes.validity import expiry, explained, in_window, opens
from fleetcache.figures.reference import CheckType
from fleetcache.source.seed import checks, days

TYPES = {
    one.code: CheckType(
        code=one.code, name=one.name, category=one.category, position=place, never_expires=one.validity is None,
        validity=one.validity, validity_unit="month", counted_from=one.counted_from, renewal_window=one.window,
        window_unit=one.window_unit, age_limit=one.age_limit, validity_from_age=one.validity_from_age,
    )
    for place, one in enumerate(checks.CHECKS)
}  # fmt: skip
DAYS = st.dates(date(1950, 1, 1), date(2100, 12, 31))
CODES = st.sampled_from(sorted(TYPES))


def seeded(code: str, completed: date, born: date | None) -> date | None:
    """When the seed lets a check completed then run out."""
    number = checks.INDEX[code]
    if checks.CHECKS[number].validity is None:
        return None
    check, done = np.array([number]), np.array([completed], dtype="datetime64[D]")
    birth = np.array([born], dtype="datetime64[D]") if born else np.array([days.NO_DAY])
    full = np.array([checks.CHECKS[number].validity])
    months = checks.validity_before(days.add_months(done, full), check, full, birth)
    found: date = checks.ends(done, check, months)[0].item()
    return found


@settings(max_examples=150, deadline=None)
@given(CODES, DAYS, st.none() | DAYS)
def test_a_first_check_runs_out_when_the_seed_says(code: str, completed: date, born: date | None) -> None:
    """One set of house rules in the program. (The seed counts backwards, which is not to the day after the 28th.)"""
    assume(completed.day <= 28 and (born is None or born < completed))
    assert expiry(TYPES[code], completed, born=born, renews=None).on == seeded(code, completed, born)


@settings(max_examples=150, deadline=None)
@given(CODES, DAYS, st.integers(-40, 140), st.none() | DAYS)
def test_only_inside_the_window_an_anniversary_is_kept(code: str, done: date, early: int, born: date | None) -> None:
    """Inside, the old expiry and not the day of the check decides; outside, the old expiry has no say."""
    of, renews = TYPES[code], done + timedelta(days=early)
    found = expiry(of, done, born=born, renews=renews)
    if of.never_expires:
        assert found.on is None
    elif in_window(of, done, renews):
        assert found.keeps == renews and opens(of, renews) is not None
        assert found.by_age or found.on == expiry(of, renews, born=None, renews=renews).on
    else:
        assert found.keeps is None
        assert found.on == expiry(of, done, born=born, renews=None).on
    assert explained(found, of, done, renews=renews).endswith(".")


@pytest.mark.parametrize(
    ("code", "renews", "done", "ends", "says"),
    [
        # 3 months before the end of March: the window is open on both its ends.
        ("OPC", date(2027, 3, 31), date(2026, 12, 31), date(2027, 9, 30), "0 days inside"),
        ("OPC", date(2027, 3, 31), date(2027, 1, 21), date(2027, 9, 30), "21 days inside"),
        ("OPC", date(2027, 3, 31), date(2027, 3, 31), date(2027, 9, 30), "inside"),
        ("OPC", date(2027, 3, 31), date(2026, 12, 30), date(2027, 6, 30), "only opens on 31 Dec 2026"),
        ("OPC", date(2027, 3, 31), date(2027, 4, 1), date(2027, 10, 31), "ran out on 31 Mar 2027"),
        # The end of February stays the end of February.
        ("CRM", date(2027, 2, 28), date(2027, 1, 5), date(2028, 2, 29), "28 Feb 2027"),
        ("CRM", date(2028, 2, 29), date(2028, 2, 29), date(2029, 2, 28), "29 Feb 2028"),
        ("MEDICAL", date(2027, 5, 10), date(2027, 3, 26), date(2028, 5, 10), "0 days inside"),
        ("MEDICAL", date(2027, 5, 10), date(2027, 3, 25), date(2028, 3, 25), "only opens on 26 Mar 2027"),
        ("AIRSIDE_PASS", date(2027, 5, 10), date(2027, 5, 1), date(2029, 5, 1), "no renewal window"),
        ("AIRSIDE_PASS", None, date(2028, 2, 29), date(2030, 2, 28), "counts from its completion"),
        ("LICENCE", None, date(2020, 2, 29), None, "never expires"),
    ],
)  # fmt: skip
def test_the_edges_of_the_window(code: str, renews: date | None, done: date, ends: date | None, says: str) -> None:
    found = expiry(TYPES[code], done, born=None, renews=renews)
    assert found.on == ends
    assert says in explained(found, TYPES[code], done, renews=renews)


@pytest.mark.parametrize(
    ("born", "done", "ends"),
    [
        (date(1966, 5, 2), date(2026, 5, 1), date(2027, 5, 1)),
        (date(1966, 5, 1), date(2026, 5, 1), date(2026, 11, 1)),
        (date(1964, 2, 29), date(2024, 2, 28), date(2025, 2, 28)),
        (date(1964, 2, 29), date(2024, 2, 29), date(2024, 8, 29)),
        (None, date(2026, 5, 1), date(2027, 5, 1)),
    ],
)
def test_from_60_on_the_day_of_the_examination_a_medical_lasts_six_months(born: date | None, done: date, ends: date) -> None:
    found = expiry(TYPES["MEDICAL"], done, born=born, renews=None)
    assert found.on == ends
    assert ("age 60" in explained(found, TYPES["MEDICAL"], done, renews=None)) == (ends < done + timedelta(days=300))


def test_a_rule_in_days_counts_days() -> None:
    """``validity_unit`` is the house's to choose."""
    of = msgspec.structs.replace(TYPES["OPC"], validity=90, validity_unit="day", counted_from="day")
    found = expiry(of, date(2026, 1, 1), born=None, renews=None)
    assert (found.on, found.long) == (date(2026, 4, 1), "90 days")
