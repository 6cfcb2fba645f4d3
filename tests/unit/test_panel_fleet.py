"""The fleet page's figures: filters, totals that hide nothing, dashes instead of wrong numbers."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fleetcache.figures.fleet import (
    DailyRow,
    FleetCell,
    FleetStats,
    FleetStrength,
    Named,
    PilotTotals,
    SinceYesterday,
)
from fleetcache.panels import fleet, instructors, pilots

TODAY = date(2026, 11, 23)


def cell(
    of: str,
    rank: str,
    base: str,
    active: int,
    *,
    available: int | None = None,
    contract: str = "FULL",
    training: int = 0,
    examiners: int = 0,
) -> FleetCell:
    return FleetCell(
        fleet=of,
        rank=rank,
        base=base,
        contract=contract,
        active=active,
        inactive=1,
        compliant=active,
        unproven=0,
        qualified=active,
        on_leave=active - (active if available is None else available),
        available=active if available is None else available,
        training_captains=training,
        examiners=examiners,
    )


def need(of: str, *, captains: int, first_officers: int = 2, minimum: int = 1) -> FleetStrength:
    return FleetStrength(
        fleet=of,
        name=of,
        hulls=1,
        required_captains=captains,
        required_first_officers=first_officers,
        minimum_captains=minimum,
        minimum_first_officers=minimum,
        required_training_captains=2,
        required_examiners=1,
    )


def day(ago: int, active: int) -> DailyRow:
    return DailyRow(
        day=TODAY - timedelta(days=ago),
        active=active,
        captains=0,
        first_officers=0,
        training_captains=0,
        examiners=0,
        compliant=0,
        unproven=0,
        expired=0,
        expiring=0,
        missing=0,
        on_leave=0,
        pending=0,
    )


def stats(
    *cells: FleetCell, fleets: tuple[FleetStrength, ...], history: tuple[DailyRow, ...] = ()
) -> FleetStats:
    return FleetStats(
        totals=PilotTotals(0, 0, 0, 0, 0, 0),
        cells=cells,
        fleets=fleets,
        bases=(Named("POM", "Port Moresby"), Named("LAE", "Lae")),
        contracts=(Named("FULL", "Full-time"), Named("TOURS", "Tours")),
        since_yesterday=SinceYesterday(0, 0, 0),
        history=history,
    )


AIRLINE = stats(
    cell("A330", "captain", "POM", 6, available=5, training=2, examiners=1),
    cell("A330", "captain", "LAE", 3, available=0, contract="TOURS"),
    cell("A330", "first_officer", "POM", 2),
    cell("B737", "captain", "POM", 20, training=1),
    cell("B737", "first_officer", "LAE", 2),
    fleets=(need("A330", captains=10), need("B737", captains=10)),
)


def row(of: str | None, rank: str | None, **filters: str | None) -> fleet.StrengthRow:
    rows = fleet.strengths(AIRLINE, **filters)
    return next(one for one in rows if (one.fleet, one.rank) == (of, rank))


def test_a_row_adds_up_its_bases_and_contracts() -> None:
    """Protects the first table: counts over the whole fleet, margin from available, not active."""
    assert row("A330", "captain") == fleet.StrengthRow(
        fleet="A330",
        rank="captain",
        required=10,
        active=9,
        qualified=9,
        on_leave=4,
        available=5,
        minimum=1,
        margin=4,
        status="watch",
    )


def test_totals_sum_counts_but_never_hide_a_weak_row() -> None:
    """Protects against 29 of 20 captains reading as “ok” while one fleet is below what it needs."""
    total = row(None, "captain")
    assert (total.active, total.required) == (29, 20)
    assert total.status == "watch"
    assert row(None, "first_officer").status == "ok"
    assert row(None, None).active == 33
    assert [(one.fleet, one.rank) for one in fleet.strengths(AIRLINE)][-3:] == [
        (None, "captain"),
        (None, "first_officer"),
        (None, None),
    ]


def test_one_fleet_has_one_total_and_one_row_none() -> None:
    """Protects the filters from total rows that repeat what stands above them."""
    assert [one.rank for one in fleet.strengths(AIRLINE, fleet="A330")] == [
        "captain",
        "first_officer",
        None,
    ]
    assert len(fleet.strengths(AIRLINE, fleet="A330", rank="captain")) == 1


def test_a_base_has_no_requirement() -> None:
    """Protects against comparing the pilots of a base with the crew a whole fleet needs."""
    for one in fleet.strengths(AIRLINE, base="LAE"):
        assert (one.required, one.minimum, one.margin, one.status) == (None, None, None, None)
    assert row("A330", "captain", base="LAE").active == 3
    for teacher in instructors.instructors(AIRLINE, base="LAE"):
        assert (teacher.required, teacher.margin, teacher.status) == (None, None, None)
    assert fleet.remarks(fleet.strengths(AIRLINE, base="LAE")) == []
    assert instructors.remarks(instructors.instructors(AIRLINE, base="LAE")) == []


def test_a_group_without_pilots_is_a_row_of_zeros() -> None:
    """Protects against a fleet that lost everyone vanishing from the table."""
    nobody = stats(fleets=(need("A330", captains=4),))
    first = fleet.strengths(nobody)[0]
    assert (first.active, first.margin, first.status) == (0, -1, "short")


def test_instructors_by_fleet_and_in_all() -> None:
    """Protects the comparison per fleet: surplus of one fleet never fills another's gap."""
    rows = {(one.fleet, one.role): one for one in instructors.instructors(AIRLINE)}
    assert rows["A330", "training_captains"].status == "ok"
    assert rows["B737", "training_captains"].margin == -1
    assert rows["B737", "examiners"].status == "short"
    assert rows[None, "examiners"].active == 1
    assert rows[None, "examiners"].status == "short"
    assert len(instructors.instructors(AIRLINE, fleet="A330")) == 2


def test_remarks_name_who_is_too_few_and_how_many() -> None:
    """Protects the sentences: gravity follows the status, and totals say nothing twice."""
    assert fleet.remarks(fleet.strengths(AIRLINE)) == [
        ("plan", "**A330 captains: 9 of 10 required**, 1 too few.")
    ]
    assert ("act", "**B737 examiners: 0 of 1 required**, 1 too few.") in instructors.remarks(
        instructors.instructors(AIRLINE)
    )


def test_below_minimum_comes_first_even_with_the_required_crew() -> None:
    """Protects the gravest fact: enough pilots on paper, not enough of them today."""
    thin = stats(
        cell("A330", "captain", "POM", 10, available=2),
        cell("A330", "first_officer", "POM", 1),
        fleets=(need("A330", captains=10, minimum=3),),
    )
    said = fleet.remarks(fleet.strengths(thin))
    assert said[0] == ("act", "**A330 captains are below the minimum today**: 2 available of 3.")
    assert said[-1] == ("act", "**A330 first officers: 1 of 2 required**, 1 too few.")


def test_when_all_is_well_the_tightest_is_named() -> None:
    """Protects against an empty space where “all is well” must be said, and with a number."""
    fine = fleet.remarks(fleet.strengths(AIRLINE, fleet="B737"))
    assert [gravity for gravity, _ in fine] == ["fine"]
    assert "B737 first officers**, 1 above the minimum" in fine[0][1]


def test_counts_under_a_rank_filter_are_dashes_not_zeros() -> None:
    """Protects the cards: “0 captains” under a first officer filter would be a wrong number."""
    everyone = fleet.counts(AIRLINE)
    assert everyone == fleet.Counts(33, 29, 4, 3, 1)
    officers = fleet.counts(AIRLINE, rank="first_officer")
    assert officers == fleet.Counts(4, None, 4, None, None)
    assert fleet.counts(AIRLINE, rank="captain", base="LAE") == fleet.Counts(3, 3, None, 0, 0)


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ((day(30, 31), day(1, 40)), "+2 in 30 days"),
        ((day(31, 10), day(30, 33)), "same in 30 days"),
        ((day(12, 35),), "-2 in 12 days"),
        ((day(1, 32),), "+1 in 1 day"),
        ((), None),
    ],
)
def test_change_says_against_which_day(history: tuple[DailyRow, ...], words: str | None) -> None:
    """Protects the note from claiming 30 days when the record is shorter, or using older days."""
    assert fleet.change(history, TODAY, 33, lambda one: one.active) == words


def test_a_flat_trend_is_not_drawn() -> None:
    """Protects the cards from lines that say nothing, and from dropping today's value."""
    assert fleet.trend((day(2, 5), day(1, 5)), 5, lambda one: one.active) == []
    assert fleet.trend((day(2, 5), day(1, 5)), 6, lambda one: one.active) == [5, 5, 6]


def test_breakdown_adds_up_to_the_active_pilots() -> None:
    """Protects the charts: each sums to the same headcount, and empty categories are left out."""
    bases = {"POM": "Port Moresby", "CNS": "Cairns", "LAE": "Lae"}
    names, parts = fleet.breakdown(AIRLINE.cells, "base", bases, split="fleet")
    assert names == ["Port Moresby", "Lae"]
    assert parts == {"A330": [8, 3], "B737": [20, 2]}
    contracts = {"FULL": "Full-time", "TOURS": "Tours"}
    names, parts = fleet.breakdown(
        fleet.chosen(AIRLINE, fleet="A330"), "contract", contracts, split="rank"
    )
    assert (names, parts) == (
        ["Full-time", "Tours"],
        {"Captain": [6, 3], "First officer": [2, 0]},
    )


def person(**change: object) -> dict[str, object]:
    return {
        "employee_number": "CM-000001",
        "name": "Able, Ann",
        "fleet": "A330",
        "rank": "captain",
        "base": "POM",
        "contract": "FULL",
        "licence": "ATPL",
        "training_captain": False,
        "examiner": False,
        "seniority": 1,
        "active": True,
        "commenced_on": date(2000, 1, 1),
        "date_of_birth": date(1970, 1, 1),
        "retires_on": date(2035, 1, 1),
        "retirement": "years5to10",
        "compliance": "compliant",
        "expired": 0,
        "missing": 0,
        "undated": 0,
        "first_expiry": date(2026, 12, 31),
        "on_leave_until": None,
        **change,
    }


def test_the_list_says_why_and_who_is_inactive() -> None:
    """Protects the list: inactive pilots have no compliance, and every reason is named."""
    nothing = dict.fromkeys(("compliance", "expired", "missing", "undated", "first_expiry"))
    shown = pilots.listed(
        [
            person(training_captain=True, examiner=True),
            person(compliance="non_compliant", retirement="overdue", expired=2, undated=1),
            person(active=False, retirement="overdue", **nothing),
        ],
        {"FULL": "Full-time"},
    )
    assert [row["State"] for row in shown] == ["compliant", "non_compliant", "inactive"]
    assert [row["Why"] for row in shown] == ["", "Past the age limit, 2 expired, 1 undated", ""]
    assert [row["Roles"] for row in shown] == ["Training captain, Examiner", "", ""]
    assert {row["Contract"] for row in shown} == {"Full-time"}
    assert {row["Rank"] for row in shown} == {"Captain"}
