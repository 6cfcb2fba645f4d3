"""The compliance page's figures and lists: what is counted, what is shown, what is left blank."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest

from fleetcache import runtime as current
from fleetcache.definitions import CALENDAR_DAYS
from fleetcache.errors import SourceDown
from fleetcache.figures.compliance import (
    CertificationsExpired,
    CertificationsExpiring,
    CertificationStats,
    CheckCell,
    ExpiringCell,
    NonCompliantCell,
)
from fleetcache.figures.reference import CheckType, CheckTypes, Setting, Settings
from fleetcache.panels import compliance, compliance_lists
from fleetcache.runtime import Runtime
from fleetcache.ui import tables
from fleetcache.ui.shown import Shown
from tests.pages.test_pages import opened

TODAY = date(2026, 11, 23)


def cell(
    category: str = "Medical", fleet: str = "A", rank: str = "captain", **bands: int
) -> CheckCell:
    return CheckCell(
        category, "CODE", fleet, rank, **(dict.fromkeys(compliance.ALL_BANDS, 0) | bands)
    )


def crew(fleet: str, rank: str, active: int, compliant: int, unproven: int) -> NonCompliantCell:
    bad = active - compliant - unproven
    return NonCompliantCell(fleet, rank, active, compliant, unproven, bad, 0, 0, bad)


def check_type(code: str, category: str, position: int) -> CheckType:
    return CheckType(
        code, code.title(), category, position, False, 12, "month", "day", 3, "month", None, None
    )


TYPES = CheckTypes((check_type("OPC", "Simulator", 2), check_type("MEDICAL", "Medical", 1)))


def test_day_30_is_expiring_and_day_31_is_current() -> None:
    """Protects the fixed edge between expiring and current: bands may not be sorted into the wrong
    state when a filter makes the page count from the cube."""
    states = compliance.states(
        [cell(days0to7=1, days8to30=2, days31to60=4, days61to90=8, later=16)]
    )
    assert (states.expiring, states.current) == (3, 28)


def test_missing_comes_on_top_of_the_total() -> None:
    """Protects check validity: a missing check has no row, so it must not enlarge the rows."""
    states = compliance.states([cell(expired=1, missing=5, undated=2, later=7)])
    assert states.total == 10
    assert (states.missing, states.undated, states.expired) == (5, 2, 1)
    assert states.validity_rate == 87.5


def test_filtered_pilot_compliance_counts_only_the_group() -> None:
    """Protects the filters: the rate of a fleet is not the rate of everybody."""
    expired = CertificationsExpired(
        (),
        (
            crew("A", "captain", 10, 8, 1),
            crew("A", "first_officer", 4, 4, 0),
            crew("B", "captain", 6, 0, 0),
        ),
    )
    rate = compliance.pilots(None, expired, fleet="A", rank="captain")
    assert rate is not None
    assert (rate.compliant, rate.active, rate.unproven, rate.non_compliant) == (8, 10, 1, 1)
    assert rate.rate == 80.0
    everybody = compliance.pilots(None, expired)
    assert everybody is not None and everybody.active == 20


def test_unavailable_is_none_and_never_a_rate() -> None:
    """Protects against 0 % or 100 % in place of a figure that could not be read."""
    assert compliance.pilots(None, None, fleet="A") is None
    assert compliance.checks(None, None) is None


def test_an_empty_group_has_no_rate() -> None:
    """Protects against 100 % for a group that has nobody in it."""
    rate = compliance.pilots(None, CertificationsExpired((), ()), fleet="nowhere")
    assert rate is not None and rate.rate is None


def test_every_category_is_listed_in_the_order_of_the_checks() -> None:
    """Protects “every category is listed”: one without a single row keeps its line, with a dash."""
    cells = [cell("Simulator", later=3, expired=1)]
    names = compliance.categories(TYPES, cells)
    assert names == ["Medical", "Simulator"]
    medical, simulator = compliance.validity(
        compliance.grouped(cells, names, "category"), "Category"
    )
    assert (medical["Category"], medical["Validity"], medical["Of"]) == ("Medical", None, 0)
    assert (simulator["Validity"], simulator["Valid"], simulator["Of"]) == (75.0, 3, 4)


def test_a_category_without_check_type_is_not_lost() -> None:
    """Protects the sums: rows whose reference data could not be read are shown all the same."""
    assert compliance.categories(None, [cell("Odd", later=1)]) == ["Odd"]


def test_series_by_band_add_up_to_all_rows() -> None:
    """Protects the chart: each row stands in exactly one band."""
    groups = {"A": [cell(expired=1, days0to7=2, later=3)], "B": [cell(missing=4, undated=5)]}
    series = compliance.band_series(groups)
    assert [sum(values[n] for values in series.values()) for n in (0, 1)] == [6, 9]
    assert series["Missing"] == [0, 4]


def test_calendar_has_today_and_the_last_day() -> None:
    """Protects both ends of the calendar: today still counts as valid and is its first day."""
    last = date(2027, 2, 21)
    expiring = CertificationsExpiring(
        (
            ExpiringCell(TODAY, "Simulator", "A", "captain", 2),
            ExpiringCell(TODAY, "Medical", "B", "captain", 1),
            ExpiringCell(last, "Medical", "A", "captain", 5),
        )
    )
    days = compliance.calendar(expiring, TODAY, ["Medical", "Simulator"])
    assert len(days) == CALENDAR_DAYS + 1
    assert (days[0].count, days[0].categories) == (3, (("Medical", 1), ("Simulator", 2)))
    assert (days[-1].day, days[-1].count) == (last, 5)
    assert days[1].count == 0
    assert compliance.calendar(expiring, TODAY, [], fleet="B")[0].count == 1


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (["expired", -22, True], "✕ 22 d ago"),
        (["missing", None, True], "○ missing"),
        (["undated", None, True], "? undated"),
        (["expiring", 0, True], "▲ 0 d █"),
        (["expiring", 8, True], "▲ 8 d ▆"),
        (["expiring", 30, True], "▲ 30 d ▅"),
        (["current", 31, False], "(✓ 31 d ▃)"),
        (["current", 90, True], "✓ 90 d ▁"),
        (["current", 91, True], "✓ 91 d"),
        (["current", None, True], "✓"),
        (["expired", -22, False], "(✕ 22 d ago)"),
    ],
)
def test_states_in_the_matrix_differ_by_sign_or_word(check: list[Any], text: str) -> None:
    """Protects readers who cannot see colours, and tells what is not required from what is."""
    assert compliance_lists.mark(*check, (7, 14, 30, 60, 90)) == text


def test_the_bars_of_the_matrix_follow_the_settings() -> None:
    """Protects a setting from being one that does nothing; without it no bar is made up."""
    named = [Setting("retirement_age", 65, ""), Setting("reminder_thresholds", [20, 5], "")]
    days = compliance_lists.thresholds(Settings(tuple(named)))
    assert days == (5, 20) and "by the settings: █ 5, ▆ 20 ·" in compliance_lists.legend(days)
    assert [compliance_lists.mark("expiring", left, True, days) for left in (5, 6, 21)] == ["▲ 5 d █", "▲ 6 d ▆", "▲ 21 d"]
    assert compliance_lists.mark("current", 700, True, tuple(range(100, 1000, 100))) == "✓ 700 d ▁"
    none = compliance_lists.thresholds(None)
    assert none == () and "settings" not in compliance_lists.legend(none)
    assert compliance_lists.mark("expiring", 5, True, none) == "▲ 5 d"


def pilot(**more: Any) -> dict[str, Any]:
    return {
        "employee_number": "CM-1",
        "name": "Doe, Jo",
        "fleet": "A",
        "rank": "captain",
        "base": "POM",
        "checks": ["OPC"],
        "states": ["expired"],
        "days_left": [-22],
        "required": [True],
        **more,
    }


def test_matrix_has_one_column_per_check_in_order() -> None:
    """Protects the columns of the matrix: a check nobody here holds keeps its (empty) column."""
    (row,) = compliance_lists.matrix([pilot()], TYPES, ())
    assert list(row)[:3] == ["Name", "MEDICAL", "OPC"]
    assert (row["MEDICAL"], row["OPC"]) == ("", "✕ 22 d ago")


def test_pilots_on_leave_are_not_to_act_on() -> None:
    """Protects the first sentence of the page: those away are named, but not first."""
    acting = {"on_leave_until": None}
    gone = {"on_leave_until": date(2027, 2, 12)}
    assert compliance_lists.to_act([acting, acting, gone], 9, None) == [
        ("act", "**2 to act on**, then 1 on leave.")
    ]
    assert compliance_lists.to_act([acting], 9, None) == [("act", "**1 to act on**.")]
    assert compliance_lists.to_act([gone], 9, None) == [
        ("plan", "**Nobody to act on today:** all 1 are on leave.")
    ]


def test_qualified_is_said_of_somebody_only() -> None:
    """Protects against “every pilot is qualified” of a group that has nobody in it, or of one whose
    number is unknown."""

    def said(cells: list[NonCompliantCell] | None) -> tuple[str, str]:
        [(gravity, text)] = compliance_lists.to_act([], 9, cells)
        return gravity, text

    assert said([crew("A", "captain", 4, 4, 0)]) == (
        "fine",
        "**Every pilot here is qualified on paper.**",
    )
    assert said([]) == ("know", "**Nobody in this group.**")
    assert said([crew("A", "captain", 0, 0, 0)]) == said([])
    assert said(None) == ("fine", "**Nobody to act on.**")


def test_a_cut_list_of_pilots_to_act_on_is_not_their_number() -> None:
    """Protects the first sentence of a large airline: the figure counts all; without it the list
    says “at least” of what may go on behind its end."""
    acting, gone = {"on_leave_until": None}, {"on_leave_until": TODAY}
    cells = [
        NonCompliantCell("A", "captain", 9000, 5000, 0, 4000, 1500, 0, 0),
        NonCompliantCell("A", "first_officer", 10, 5, 0, 5, 0, 0, 0),
    ]
    assert compliance_lists.to_act([acting] * 3, 3, cells) == [
        ("act", "**2,505 to act on**, then 1,500 on leave.")
    ]
    assert compliance_lists.to_act([acting] * 3, 3, None) == [
        ("act", "**At least 3 to act on**.")
    ]
    assert compliance_lists.to_act([acting, gone, gone], 3, None) == [
        ("act", "**1 to act on**, then at least 2 on leave.")
    ]
    assert compliance_lists.to_act([gone] * 3, 3, None) == [
        ("plan", "**Nobody to act on today:** at least 3 are on leave.")
    ]
    assert compliance_lists.to_act([acting], 3, cells)[0][1] == "**1 to act on**."


def test_the_file_of_a_list_that_cannot_be_read_is_no_empty_file(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects whoever keeps the CSV: when the database goes between the page and the download, the
    download fails."""
    files: dict[str, Callable[[], Sequence[Shown]]] = {}
    draw = tables.table

    def table(rows: Sequence[Shown], *, noun: str, **more: Any) -> None:
        if more.get("whole"):
            files[noun] = more["whole"]
        draw(rows, noun=noun, **more)

    def down(*_: Any, **__: Any) -> None:
        raise SourceDown

    monkeypatch.setattr(tables, "table", table)
    current.install(runtime)
    try:
        opened("compliance")
        (whole,) = files.values()
        assert len(whole())
        monkeypatch.setattr(tables, "rows", down)
        with pytest.raises(SourceDown):
            whole()
    finally:
        current.install(None)


def test_reasons_are_shown_with_plain_days() -> None:
    """Protects the reasons: the day of the database's text is the day a person reads."""
    shown = compliance_lists.not_qualified(
        [
            pilot(
                reasons="age limit reached 2026-11-03, Line check expired 2026-10-31",
                since=date(2026, 10, 31),
                on_leave_until=date(2027, 2, 12),
            )
        ]
    )
    assert shown[0]["Why"] == "Age limit reached 3 Nov 2026, Line check expired 31 Oct 2026"
    assert shown[0]["To do"] == "on leave to 12 Feb 2027"


def test_a_cut_list_of_renewals_says_at_least() -> None:
    """Protects against a number that only is as large as the list may be."""
    rows = [{"days_left": 7}, {"days_left": 8}]
    assert "; 2 may be renewed" in compliance_lists.to_renew(rows, most=3)[0][1]
    gravity, text = compliance_lists.to_renew(rows, most=2)[0]
    assert gravity == "plan" and "**1 check lapses within 7 days**; at least 2 " in text


def test_fleets_are_known_from_either_figure() -> None:
    """Protects the filter when one of the two figures is unavailable."""
    stats = CertificationStats((cell(fleet="B"), cell(fleet="A")))
    expired = CertificationsExpired((), (crew("C", "captain", 1, 1, 0),))
    assert compliance.fleets(stats, expired) == ["A", "B", "C"]
    assert compliance.fleets(None, expired) == ["C"]
