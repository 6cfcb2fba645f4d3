"""The overview's sentences: what is overdue is said, and nothing is said of nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fleetcache import runtime as current
from fleetcache.cache.reading import Reading
from fleetcache.errors import Unavailable
from fleetcache.figures.compliance import CertificationsExpired, NonCompliantCell
from fleetcache.figures.leave import LeavePending, LeaveStats, LeaveToday, LeaveTotals, PendingCell
from fleetcache.panels import overview
from fleetcache.panels.panel import Panel
from fleetcache.runtime import Runtime
from tests.conftest import TestDatabase
from tests.pages.test_pages import opened, said

TODAY = date(2026, 11, 30)
NOW = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
LEAVE = LeaveStats(LeaveTotals(0, 0, 0, 0), LeaveToday(0, 0), (), (), TODAY, ())


def panel(**values: Any) -> Panel:
    """The figures given, by their names with underscores; all others are unavailable."""
    answers: dict[str, Reading | Unavailable] = {key: Unavailable() for key in overview.KEYS}
    for name, value in values.items():
        key = "fleet:" + name.replace("_", ":")
        assert key in answers
        answers[key] = Reading(key, value, "redis", NOW, None, TODAY)
    return Panel(answers, NOW, 0.0)


def asked(period: str, published: int, submitted: int, in_review: int = 0, rank: str = "captain") -> PendingCell:
    """Undecided requests of a period that is published some days from today."""
    return PendingCell(period, TODAY + timedelta(days=published), "A", rank, submitted, in_review)


def decisions(*cells: PendingCell, begun: int = 0) -> list[tuple[str, str]]:
    pending = LeavePending(sum(cell.submitted + cell.in_review for cell in cells), begun, cells)
    return [(one.gravity, one.text) for one in overview.advice(panel(leave_stats=LEAVE, leave_pending=pending))]


def test_decisions_after_their_publication_are_overdue_and_not_forgotten() -> None:
    """Protects the pilots whose roster is out without an answer; the next ones due stand beside."""
    assert decisions(
        asked("RP1/2027", -5, 2, 1), asked("RP1/2027", -5, 2, rank="first_officer"), asked("RP2/2027", 23, 4)
    ) == [
        ("act", "**5 leave decisions are overdue**: RP1/2027 was published on Wed 25 Nov."),
        ("plan", "**4 leave decisions are due in 23 days**: RP2/2027 is published on Wed 23 Dec."),
    ]
    assert decisions(asked("RP1/2027", 0, 1))[0][1].startswith("**1 leave decision is due today**")


def test_overdue_periods_are_one_sentence_that_owns_up_to_running_leave() -> None:
    """Protects from adding up the two sentences: leave that has begun is counted in both."""
    begun, overdue = decisions(asked("RP1/2027", -5, 0, 1), asked("RP13/2026", -33, 1), begun=3)
    assert begun == ("act", "**3 leave requests already begun or past** and still undecided.")
    assert overdue == (
        "act",
        "**2 leave decisions are overdue**, leave already begun included: "
        "RP13/2026 was published on Wed 28 Oct, RP1/2027 on Wed 25 Nov.",
    )


def crew(active: int, bad: int, away: int = 0) -> CertificationsExpired:
    cell = NonCompliantCell("A", "captain", active, active - bad, 0, bad, away, 0, bad)
    return CertificationsExpired((), (cell,))


def test_nobody_is_not_everybody_qualified() -> None:
    """Protects against “every active pilot is qualified” where there is none."""
    assert overview.advice(panel(certifications_expired=CertificationsExpired((), ()))) == []
    assert overview.advice(panel(certifications_expired=crew(0, 0))) == []
    (fine,) = overview.advice(panel(certifications_expired=crew(7, 0)))
    assert (fine.gravity, fine.text) == ("fine", "**Every active pilot is qualified on paper.**")
    (act,) = overview.advice(panel(certifications_expired=crew(7, 3, 1)))
    assert (act.gravity, act.text) == (
        "act",
        "**3 pilots are not qualified on paper**, 1 of them on leave: **2 to act on**.",
    )


def test_nothing_is_said_of_figures_that_are_unavailable() -> None:
    """Protects against “nothing to do” out of not knowing."""
    assert overview.advice(panel()) == []


@pytest.fixture
def left(make_runtime: Callable[..., Runtime], demo: TestDatabase) -> Runtime:
    """An airline whose pilots have all left."""
    demo.sql(
        "UPDATE pilots SET active = false, left_on = greatest(commenced_on, today())",
        "SELECT refresh_figures()",
    )
    made = make_runtime(demo)
    made.prepare(progress=lambda step: None)
    return made


def test_an_airline_that_everybody_left_is_empty(left: Runtime) -> None:
    """Protects the page from cards and sentences about nobody when only former pilots are on file."""
    current.install(left)
    try:
        page = opened("overview")
    finally:
        current.install(None)
    assert any("no active pilots on file" in each.value for each in page.info), said(page)
    assert not page.metric and "qualified" not in said(page)
