"""The leave page: margins, conflicts and what falls due, from lines and rows made by hand."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fleetcache.catalogue import CATALOGUE
from fleetcache.changes.leave import preview
from fleetcache.figures.leave import (
    ApprovedCell,
    AvailabilityLine,
    LeaveApproved,
    LeaveMonth,
    LeavePending,
    LeavePeriod,
    LeaveStats,
    LeaveToday,
    LeaveTotals,
    PendingCell,
)
from fleetcache.figures.reference import Setting, Settings
from fleetcache.panels import leave, leave_conflicts, leave_queue
from fleetcache.source import people, raw
from fleetcache.source.database import Database
from tests.conftest import TestDatabase

TODAY = date(2026, 11, 23)


def line(if_renewed: tuple[int, ...], minimum: int = 10, fleet: str = "A") -> AvailabilityLine:
    away = tuple(20 - crew for crew in if_renewed)
    return AvailabilityLine(fleet, "captain", 20, minimum, away, if_renewed, if_renewed)


def stats(*lines: AvailabilityLine) -> LeaveStats:
    period = LeavePeriod(
        "RP1/2027",
        TODAY,
        TODAY + timedelta(days=27),
        datetime(2026, 11, 2, 14, tzinfo=UTC),
        date(2026, 11, 13),
        *(0,) * 5,
    )
    return LeaveStats(LeaveTotals(7, 5, 3, 2), LeaveToday(4, 99), (), (period,), TODAY, lines)


def request(number: str, first: int, last: int, **more: Any) -> dict[str, Any]:
    """A pending request from the ``first`` to the ``last`` day counted from today."""
    return {
        "request_id": hash((number, first)),
        "employee_number": number,
        "name": number,
        "fleet": "A",
        "rank": "captain",
        "seniority": 1,
        "leave_type": "ANNUAL",
        "status": "SUBMITTED",
        "first_day": TODAY + timedelta(days=first),
        "last_day": TODAY + timedelta(days=last),
        "days": last - first + 1,
        "submitted_at": datetime(2026, 10, 1, tzinfo=UTC),
        "period": "RP1/2027",
        "publication_day": date(2026, 11, 25),
        "in_time": True,
        "retires_on": None,
        **more,
    }


def overlap(number: str, first: int, last: int, status: str = "APPROVED") -> dict[str, Any]:
    return {
        "employee_number": number,
        "first_status": status,
        "first_from": TODAY + timedelta(days=first),
        "first_to": TODAY + timedelta(days=last),
        "second_status": "SUBMITTED",
        "second_from": TODAY,
        "second_to": TODAY,
    }


def margin(row: dict[str, Any], figures: LeaveStats, *overlaps: dict[str, Any]) -> leave_queue.Margin:
    return leave_queue.margins([row], figures, overlaps)[row["request_id"]]


def test_margin_is_taken_on_the_worst_day_of_the_range_only() -> None:
    """Protects the decision: neither the first day nor a worse day outside the range decides."""
    found = margin(request("p", 1, 3), stats(line((1, 15, 12, 14, 2))))
    assert (found.day, found.before, found.after) == (TODAY + timedelta(days=2), 2, 1)


def test_margin_of_a_running_request_starts_today() -> None:
    """Protects requests already begun: past days are not counted, and do not blank the margin."""
    found = margin(request("p", -5, 1), stats(line((12, 11, 3))))
    assert (found.before, found.after) == (1, 0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (request("p", 1, 3), "beyond RP1/2027"),
        (request("p", -9, -8), "over"),
        (request("p", 0, 1, fleet="unknown"), "no minimum set"),
    ],
)
def test_without_a_counted_worst_day_there_is_a_reason_and_no_number(
    row: dict[str, Any], reason: str
) -> None:
    """Protects against a margin of zero where nothing was counted."""
    found = margin(row, stats(line((12, 12, 12))))
    assert (found.before, found.after, found.reason) == (None, None, reason)


def test_who_is_already_away_is_not_subtracted_twice() -> None:
    """Protects the margin of a pilot whose approved leave overlaps the request."""
    row = request("p", 0, 1)
    assert margin(row, stats(line((10, 10))), overlap("p", 0, 1)).after == 0
    assert margin(row, stats(line((10, 10))), overlap("p", 0, 1, "SUBMITTED")).after == -1


def test_a_day_on_which_the_pilot_is_away_already_does_not_decide() -> None:
    """Protects the queue from saying “below minimum” where the decision finds nothing against it."""
    found = margin(request("p", 0, 1), stats(line((8, 13))), overlap("p", 0, 0))
    assert (found.day, found.before, found.after) == (TODAY + timedelta(days=1), 3, 2)


def test_who_is_past_the_age_limit_takes_nobody_away() -> None:
    """Protects margins and conflicts from a pilot whom the line no longer counts on that day; on the
    day before the limit the pilot still flies."""
    figures = stats(line((11, 10, 10)))
    old = request("old", 0, 2, retires_on=TODAY + timedelta(days=1))
    assert margin(old, figures).after == 0
    assert leave_conflicts.conflicts([old], figures, []) == []
    later = request("old", 0, 2, retires_on=TODAY + timedelta(days=2))
    assert margin(later, figures).after == -1
    (found,) = leave_conflicts.conflicts([later], figures, [])
    assert (found.first, found.last) == (TODAY + timedelta(days=1),) * 2
    gone = request("gone", -9, 0, retires_on=TODAY - timedelta(days=400), leave_type="SICK")
    assert margin(gone, stats(line((10,)))).after == 0
    assert leave_conflicts.conflicts([gone, request("p", 0, 0)], figures, []) == []


def test_the_queue_knows_when_each_pilot_reaches_the_age_limit(source: Database) -> None:
    """Protects the join: the same day as on the list of pilots, for every request."""
    everyone = {"fleet": None, "rank": None}
    queue = people.rows(source, "leave_queue", role="manager", **everyone)
    pilots = people.rows(source, "pilots", role="manager", base=None, **everyone)
    known = {row["employee_number"]: row["retires_on"] for row in pilots}
    assert queue
    assert all(row["retires_on"] == known[row["employee_number"]] for row in queue)


def shown(rows: list[dict[str, Any]], figures: LeaveStats | None) -> list[dict[str, Any]]:
    clashes = leave_conflicts.conflicts(rows, figures, []) if figures else []
    margins = leave_queue.margins(rows, figures, []) if figures else {}
    return leave_queue.queue(rows, figures, margins, [], clashes, types={"SICK": "Sick"}, statuses={})


def test_notified_leave_is_recorded_and_requested_leave_decided() -> None:
    """Protects the house rule: sick leave is never put up for refusal."""
    rows = [request("p", 0, 0, leave_type="SICK"), request("q", 0, 0, leave_type="RDO")]
    assert [row["To do"] for row in shown(rows, None)] == ["record", "decide"]
    assert [row["Type"] for row in shown(rows, None)] == ["Sick", "RDO"]


def test_queue_says_begun_and_below_minimum() -> None:
    """Protects the marks a manager looks for first in the note."""
    (row,) = shown([request("p", -1, 0)], stats(line((10,))))
    assert row["Note"].startswith("already begun, ▼ below minimum")
    assert (row["Margin"], row["If approved"]) == (0, -1)


def test_unavailable_figures_leave_the_queue_without_margins() -> None:
    """Protects the list of names when the cached figure is gone: a dash with a reason, no zero."""
    (row,) = shown([request("p", 0, 0)], None)
    assert (row["Margin"], row["If approved"], row["Note"]) == (None, None, "unavailable")


def test_conflict_names_who_fits_by_seniority_then_submission() -> None:
    """Protects the order of rights: seniority first, submission time between equals."""
    late = datetime(2026, 10, 9, tzinfo=UTC)
    rows = [
        request("junior", 0, 1, seniority=9),
        request("late", 0, 1, seniority=3, submitted_at=late),
        request("early", 0, 1, seniority=3),
        request("senior", 1, 1, seniority=1),
    ]
    (found,) = leave_conflicts.conflicts(rows, stats(line((13, 12, 20))), [])
    assert (found.first, found.last) == (TODAY + timedelta(days=1), TODAY + timedelta(days=1))
    assert [row["name"] for row in found.fit] == ["senior", "early"]
    assert [row["name"] for row in found.wait] == ["late", "junior"]
    assert found.undecided == 4


def test_notified_leave_takes_room_before_seniority() -> None:
    """Protects what cannot be refused: sick leave of a junior counts before a senior's request."""
    rows = [
        request("senior", 0, 0, seniority=1),
        request("ill", 0, 0, seniority=9, leave_type="SICK"),
    ]
    (found,) = leave_conflicts.conflicts(rows, stats(line((11,))), [])
    assert [row["name"] for row in found.fit] == ["ill"]


def test_two_requests_of_one_pilot_take_one_place() -> None:
    """Protects distinct pilots per day: one person cannot be away twice."""
    rows = [request("p", 0, 1), request("p", 1, 2)]
    assert leave_conflicts.conflicts(rows, stats(line((11, 11, 11))), []) == []
    assert (
        leave_conflicts.conflicts([request("p", 0, 0)], stats(line((10,))), [overlap("p", 0, 0)])
        == []
    )


def test_days_in_a_row_are_one_conflict_and_a_gap_makes_two() -> None:
    """Protects the reading of ranges: a free day between two conflicts is not blamed."""
    rows = [request("p", 0, 4, seniority=1), request("q", 0, 4, seniority=2)]
    first, second = leave_conflicts.conflicts(rows, stats(line((11, 10, 12, 11, 11))), [])
    assert (first.first, first.last, first.worst) == (TODAY, *(TODAY + timedelta(days=1),) * 2)
    assert (second.first, second.last) == (TODAY + timedelta(days=3), TODAY + timedelta(days=4))
    assert first.places == {
        rows[0]["request_id"]: TODAY + timedelta(days=1),
        rows[1]["request_id"]: TODAY,
    }
    assert (first.fit, len(first.wait)) == ((), 2)


def test_due_groups_by_publication_and_counts_each_kind() -> None:
    """Protects the sentences at the head of the page."""
    later = date(2026, 12, 23)
    rows = [
        request("c", 1, 1, publication_day=later, period="RP2/2027"),
        request("a", 0, 0, in_time=False),
        request("b", 0, 0, leave_type="SICK", seniority=2),
    ]
    figures = stats(line((10, 20)))
    clashes = leave_conflicts.conflicts(rows, figures, [])
    first, second = leave_queue.due(rows, leave_queue.margins(rows, figures, []), clashes)
    assert (first.period, first.to_decide, first.to_record, first.late) == ("RP1/2027", 1, 1, 1)
    assert (first.below, first.crowded_out) == (2, 2)
    assert (second.publication, second.below, second.crowded_out) == (later, 0, 0)
    (act, text), (plan, _) = leave_queue.sentences([first, second], TODAY)
    assert (act, plan) == ("act", "plan")
    assert "due in 2 d, Wed 25 Nov: 1 to decide, 1 to record" in text
    assert leave_queue.sentences([first, second], TODAY, most=1)[1] == ("know", "RP2/2027: 1 more.")
    assert "not judged" not in text and first.unjudged == 0
    both = leave_queue.sentences([first, second], TODAY, most=0)
    assert both == [("know", "RP1/2027 to RP2/2027: 3 more, **2 would go below minimum**, **2 without room** next to those before them.")]
    (far,) = leave_queue.due(rows[:1], leave_queue.margins(rows[:1], stats(line((10,))), []), [])
    assert "1 not judged against the minimum" in leave_queue.sentences([far], TODAY)[0][1]
    assert "overdue since" in leave_queue.sentences([first], date(2026, 11, 26))[0][1]


def test_a_request_ending_today_is_not_over() -> None:
    """Protects the count of undecided requests: the last day itself still belongs to the queue."""
    running, past = request("p", -3, 0), request("q", -3, -1)
    assert leave_queue.split([running, past], TODAY) == ([running], [past])
    assert leave_queue.split([running, past], None) == ([running, past], [])


PENDING = LeavePending(
    9,
    1,
    (
        PendingCell("RP1/2027", TODAY, "A", "captain", 2, 1),
        PendingCell("RP1/2027", TODAY, "B", "captain", 6, 0),
    ),
)
APPROVED = LeaveApproved(
    8, 6, (ApprovedCell("ANNUAL", "A", "captain", 5, 2), ApprovedCell("SICK", "A", "captain", 1, 2))
)


def test_totals_of_a_group_are_not_those_of_everybody() -> None:
    """Protects the filters, and a pilot on two kinds of leave from being counted twice."""
    figures = stats(line((17,)))
    assert leave.totals(figures, PENDING, APPROVED, []) == leave.Totals(7, 2, 5, 3, 4, 99)
    group = leave.totals(
        figures, PENDING, APPROVED, [request("p", 0, 0), request("q", 1, 1)], fleet="A"
    )
    assert group == leave.Totals(3, 1, 6, None, 3, None)


def test_totals_are_unknown_when_figures_or_the_whole_queue_are() -> None:
    """Protects against zeros where nothing could be read, or where the list was cut."""
    assert leave.totals(None, None, None, None, fleet="A") == leave.Totals(*(None,) * 6)
    assert leave.totals(stats(line((17,))), PENDING, APPROVED, None, fleet="A").begun is None
    assert leave.totals(None, PENDING, APPROVED, None) == leave.Totals(9, 1, 8, None, 6, None)


def test_may_be_away_keeps_the_minimum() -> None:
    """Protects the dashed line: it is what the crew bears, leave already given included."""
    assert leave.may_be_away(line((15, 10, 8))) == [10, 10, 10]
    aged_out = AvailabilityLine("A", "captain", 20, 10, (0, 0), (12, 9), (12, 9))
    assert leave.may_be_away(aged_out) == [2, 0]


def test_deadline_is_shown_as_the_end_of_its_day_in_fleet_time() -> None:
    """Protects the day people read: midnight UTC+10 belongs to the day before, not after."""
    now = datetime(2026, 10, 31, 14, tzinfo=UTC)
    (row,) = leave.calendar(stats(line((12,))), now, ZoneInfo("Pacific/Port_Moresby"))
    assert row["Requests close"] == "Mon 2 Nov 2026 23:59"
    assert row["Period"] == "RP1/2027 (now)"
    assert row["Closes in"] == "2 d"


@pytest.mark.parametrize(
    ("hours", "text"),
    [(0, "closed"), (-1, "closed"), (1, "1 h"), (47, "47 h"), (48, "2 d"), (71, "2 d")],
)
def test_countdown(hours: int, text: str) -> None:
    """Protects the last two days before a deadline, which are counted in hours."""
    now = datetime(2026, 11, 1, tzinfo=UTC)
    assert leave.countdown(now + timedelta(hours=hours), now) == text


def test_months_keep_the_order_of_types_and_leave_gaps() -> None:
    """Protects the chart: no bar where no day was approved, and unknown types are not lost."""
    figures = LeaveStats(
        LeaveTotals(0, 0, 0, 0),
        LeaveToday(0, 0),
        (
            LeaveMonth(date(2026, 12, 1), "SICK", 3),
            LeaveMonth(date(2026, 11, 1), "ODD", 2),
            LeaveMonth(date(2026, 11, 1), "ANNUAL", 9),
        ),
        (),
        TODAY,
        (),
    )
    months, series = leave.by_month(figures, {"ANNUAL": "Annual", "SICK": "Sick"})
    assert months == [date(2026, 11, 1), date(2026, 12, 1)]
    assert series == {"Annual": [9, None], "Sick": [None, 3], "ODD": [2, None]}
    assert list(series) == ["Annual", "Sick", "ODD"]


def test_time_zone_comes_from_the_settings() -> None:
    """Protects deadlines from being shown in the server's time."""
    zone = leave.fleet_zone(Settings((Setting("fleet_time_zone", "Pacific/Port_Moresby", ""),)))
    assert zone == ZoneInfo("Pacific/Port_Moresby")
    assert leave.times(zone) == "Times in fleet time, Pacific/Port_Moresby."


@pytest.mark.parametrize(
    "settings",
    [
        None,
        Settings(()),
        *(
            Settings((Setting("fleet_time_zone", name, ""),))
            for name in ("AEST", "<+10>-10", "Pacific", "../UTC", "", 10)
        ),
    ],
)
def test_without_a_known_time_zone_deadlines_are_in_utc_and_say_so(
    settings: Settings | None,
) -> None:
    """Protects the page from names that PostgreSQL takes and Python does not know, and people from
    UTC in the place of fleet time."""
    zone = leave.fleet_zone(settings)
    assert leave.times(zone) == "Times in UTC."
    (row,) = leave.calendar(stats(line((12,))), datetime(2026, 10, 31, tzinfo=UTC), zone)
    assert row["Requests close"] == "Mon 2 Nov 2026 13:59 UTC"


def test_leave_that_runs_undecided_is_due_where_the_overview_says(demo: TestDatabase, source: Database) -> None:
    """Protects the two pages from naming two roster periods for one request: the first that it touches from today on."""
    moved = {row[0] for row in demo.rows("SELECT request_id FROM leave_facts WHERE pending AND first_day > today() ORDER BY 1 LIMIT 5")}
    demo.sql(
        "UPDATE leave_requests SET first_day = today() - 60, last_day = today() + 1, submitted_at = today() - 65"
        f" WHERE id IN ({', '.join(map(str, moved))})"
    )
    figure = raw.count(source, CATALOGUE["fleet:leave:pending"])["fleet:leave:pending"].value
    assert isinstance(figure, LeavePending)
    cells: Counter[tuple[date, str]] = Counter()
    for cell in figure.cells:
        cells[cell.publication_day, cell.period] += cell.submitted + cell.in_review
    rows = people.rows(source, "leave_queue", role="manager", most=100_000)
    today = figure_day(demo)
    ahead, _ = leave_queue.split(rows, today)
    assert Counter((row["publication_day"], row["period"]) for row in ahead) == cells
    for row in (row for row in ahead if row["request_id"] in moved):
        effect = preview(source, row["request_id"], role="manager")
        seen = effect.request
        assert seen["deadline_period"] != seen["period"] and row["in_time"] is False
        assert f"Submitted after the deadline of {seen['deadline_period']}." in effect.warnings()
        assert [seen[name] for name in ("period", "publication_day", "deadline_at", "in_time")] == [
            row[name] for name in ("period", "publication_day", "deadline_at", "in_time")
        ]
        assert row["deadline_at"].date() < row["first_day"], "in time or not is said by the first period it touches at all"


def figure_day(demo: TestDatabase) -> date:
    [[day]] = demo.rows("SELECT today()")
    assert isinstance(day, date)
    return day
