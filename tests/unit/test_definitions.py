"""Definitions in one place: rates, words, thresholds, and the pages' arithmetic over them."""

from __future__ import annotations

import contextlib
from datetime import date
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetcache import definitions
from fleetcache.catalogue import CATALOGUE, TABLES, checked_pattern, entry
from fleetcache.definitions import rate, strength
from fleetcache.errors import BadPattern, UnknownKey
from fleetcache.figures.dashboard import DashboardMetrics
from fleetcache.figures.leave import AvailabilityLine, LeaveStats, LeaveToday, LeaveTotals
from fleetcache.glossary import GLOSSARY
from fleetcache.panels import availability
from fleetcache.source import statements
from fleetcache.ui import words


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 0, None), (0, 7, 0.0), (7, 7, 100.0), (1, 2000, 0.1), (1999, 2000, 99.9), (1, 8, 12.5), (1, 16, 6.3),
     (3, 16, 18.8), (342, 362, 94.5), (1, 3, 33.3), (2, 3, 66.7), (1, 100000, 0.1), (99999, 100000, 99.9)],
)  # fmt: skip
def test_rate(part: int, whole: int, expected: float | None) -> None:
    """Half up, one decimal, 100 only for all, 0 only for none, nothing for an empty denominator."""
    assert rate(part, whole) == expected


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_rate_is_never_further_than_rounding(share: tuple[int, int]) -> None:
    part, whole = share
    found = rate(part, whole)
    assert found is not None
    exact = float(100 * Fraction(part, whole))
    assert abs(found - exact) <= 0.1
    assert (found == 100.0) == (part == whole)
    assert (found == 0.0) == (part == 0)


@pytest.mark.parametrize(("part", "whole"), [(2, 1), (-1, 1)])
def test_a_rate_of_more_than_all_is_a_mistake(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        rate(part, whole)


def test_strength() -> None:
    assert [strength(have, 40) for have in (41, 40, 39, 36, 35, 0)] == ["ok", "ok", "watch", "watch", "short", "short"]
    assert strength(0, 0) == "ok"


def zeros(kind: type) -> object:
    """A shape of nothing but zeros."""
    return kind(**{field.name: 0 for field in msgspec.structs.fields(kind)})


def test_every_figure_of_the_document_has_its_words() -> None:
    """The tooltips cannot miss a figure that the API gives; an empty airline has no rates."""
    kinds = {field.name: field.type for field in msgspec.structs.fields(DashboardMetrics)}
    empty = DashboardMetrics(
        **{name: zeros(kind) for name, kind in kinds.items() if name not in ("categories", "as_of_date")},
        categories={},
        as_of_date=date(2026, 1, 1),
    )
    document = empty.document()
    for group, fields in document.items():
        if isinstance(fields, dict):
            assert all(f"{group}.{name}" in GLOSSARY for name in fields), group
    assert [document["certifications"][name] for name in ("complianceRate", "validityRate", "fullyCurrentRate")] == [
        None,
        None,
        None,
    ]


def test_bands_leave_no_day_out() -> None:
    edges = [day for _, day in definitions.BANDS]
    assert edges[0] is None
    assert edges[1:] == sorted(day for day in edges if day is not None)
    assert definitions.EXPIRING_DAYS + 1 in edges, "a band must end where expiring ends"


def test_no_query_has_a_threshold_of_its_own() -> None:
    """The numbers of section 7 stand in definitions.py and in the settings rows only."""
    import re

    for path in sorted(statements._SQL.rglob("*.sql")):
        text = re.sub(r"--[^\n]*", "", path.read_text())
        for number in re.findall(r"(?<![\w{.'])(?:30|31|60|61|65|90|91)(?![\w}])", text):
            raise AssertionError(f"{path.name} says {number}")
        assert "CURRENT_DATE" not in text.upper()


def test_the_schema_name_changes_with_a_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    """C11: new code never reads an old shape, without anybody having to remember a number."""
    before = statements.schema()
    assert len(before) == 8
    monkeypatch.setitem(statements.THRESHOLDS, "expiring_days", "45")
    for cached in (statements.schema, statements.query, statements.parts):
        cached.cache_clear()
    try:
        assert statements.schema() != before
    finally:
        monkeypatch.undo()
        for cached in (statements.schema, statements.query, statements.parts):
            cached.cache_clear()
    assert statements.schema() == before


def test_the_catalogue_is_the_specs() -> None:
    """C6: the twenty keys of section 5 with their TTLs."""
    expected = {"dashboard:metrics": 60, "fleet:stats": 300, "fleet:pilots:count": 300, "fleet:captains:count": 300,
                "fleet:first_officers:count": 300, "fleet:training_captains:count": 300, "fleet:examiners:count": 300,
                "fleet:compliance:rate": 300, "fleet:certifications:stats": 300, "fleet:certifications:expiring": 300,
                "fleet:certifications:expired": 300, "fleet:retirement:forecast": 600, "fleet:retirement:nearing": 600,
                "fleet:retirement:due_soon": 600, "fleet:leave:stats": 120, "fleet:leave:pending": 120,
                "fleet:leave:approved": 120, "ref:check_types": 7200, "ref:contract_types": 7200,
                "ref:settings": 7200}  # fmt: skip
    assert {name: each.ttl for name, each in CATALOGUE.items()} == expected
    assert all(each.topics <= set(TABLES.values()) and each.topics for each in CATALOGUE.values())
    assert entry("dashboard:metrics:v3") is entry("dashboard:metrics")
    with pytest.raises(UnknownKey):
        entry("pilots:*")


def test_the_dashboard_is_nine_queries() -> None:
    assert len(statements.parts("dashboard_metrics")) == 9


@given(st.text(max_size=20))
def test_a_pattern_starts_with_a_literal_namespace(pattern: str) -> None:
    with contextlib.suppress(BadPattern):
        assert checked_pattern(pattern).partition(":")[0] in ("fleet", "ref", "dashboard")


def line(**more: object) -> AvailabilityLine:
    values: dict[str, object] = {
        "fleet": "A", "rank": "captain", "active": 5, "minimum": 3,
        "on_leave": (0, 1, 3, 0), "if_renewed": (5, 4, 2, 4), "on_paper": (5, 2, 1, 0),
    }  # fmt: skip
    return AvailabilityLine(**(values | more))  # type: ignore[arg-type]


def stats(*lines: AvailabilityLine) -> LeaveStats:
    return LeaveStats(
        totals=LeaveTotals(0, 0, 0, 0),
        today=LeaveToday(0, 0),
        months=(),
        periods=(),
        first_day=date(2026, 11, 23),
        availability=lines,
    )


def test_the_worst_day_is_the_first_of_the_fewest() -> None:
    worst = availability.worst_day(line(), line().if_renewed, date(2026, 11, 23))
    assert worst == availability.WorstDay(date(2026, 11, 25), 2, 3)
    assert worst.margin == -1
    assert availability.worst_day(line(), (), date(2026, 11, 23)) is None


def test_a_shortfall_that_renewals_mend_is_told_apart() -> None:
    mendable = line(rank="first_officer", if_renewed=(5, 5, 5, 5))
    found = availability.shortfalls(stats(mendable, line(), line(minimum=0)))
    assert [(one.rank, one.only_on_paper, one.days, one.first) for one in found] == [
        ("captain", False, 1, date(2026, 11, 25)),
        ("first_officer", True, 3, date(2026, 11, 24)),
    ]


def test_unknown_is_a_dash_and_never_a_zero() -> None:
    assert {words.number(None), words.percent(None), words.age(None), words.size(None), words.milliseconds(None),
            words.day(None), words.ago(None)} == {"–"}  # fmt: skip
    assert words.number(0) == "0"
    assert words.percent(0.0) == "0.0 %"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "just now"), (14, "14 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h"), (200000, "2 d")]
)
def test_ages(seconds: float, text: str) -> None:
    assert words.age(seconds) == text
