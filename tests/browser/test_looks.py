"""Every page, role, look and state in pairs: each says in words how it stands, nothing goes wrong in the browser, and
axe finds nothing grave. The pictures are kept under ``artefacts/cases``; `python -m tests.browser gallery` takes all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import combinations

import pytest
from playwright.sync_api import Browser, expect

from fleetcache.ui.states import LISTING
from tests.browser.axe import grave
from tests.browser.cases import UNHELD, Case, every, pairwise
from tests.browser.judge import judge
from tests.browser.stage import Stage, stage
from tests.conftest import TestDatabase

CASES = pairwise()
# Each page once in each look is looked at by axe, in whichever state it comes first.
FIRST = {(case.page, case.look): case for case in reversed(CASES)}


@pytest.fixture(scope="module")
def program(
    chromium: Browser, make_database: Callable[..., TestDatabase], seeded: str, migrated: str
) -> Iterator[Stage]:
    with stage(chromium, make_database, seeded, migrated) as made:
        yield made


# Who reads names waits, once for each query, for longer than a browser beside another test may be busy; no lock, which
# the program would not wait for.
SLOW = "CREATE POLICY slow ON pilot_identity AS RESTRICTIVE USING ((SELECT pg_sleep(1.5)::text) IS NOT NULL)"


def test_a_page_that_waits_for_the_database_says_so(program: Stage) -> None:
    """P8, loading: its head stands at once, what is still to come is said, and nothing is zero meanwhile."""
    page = program.open(Case("overview", "viewer", "light", "healthy")).page
    program.airline.sql(SLOW)
    try:
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="Pilots").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Pilots")
        expect(page.get_by_test_id("stMain")).to_contain_text(LISTING)
        expect(page.get_by_test_id("stMain")).to_contain_text("Current")
        assert not re.search(r"\b0 pilots|No pilots", page.get_by_test_id("stMain").inner_text())
        expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    finally:
        program.airline.sql("DROP POLICY slow ON pilot_identity")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_page_says_how_it_stands(program: Stage, case: Case) -> None:
    """P8, P9: as one person sees it, in one look and one state."""
    window = program.open(case)
    judge(window, case)
    window.keep(f"cases/{case.name}", whole=False)
    if case in FIRST.values():
        assert not grave(window.page)


def pairs(cases: list[Case]) -> set[tuple[str, str, str, str]]:
    return {
        (one, other, getattr(case, one), getattr(case, other))
        for case in cases
        for one, other in combinations(Case._fields, 2)
    }


def test_every_pair_there_can_be_is_looked_at() -> None:
    """And by few cases, for each costs a second."""
    there = [case for case in every() if not (case.state == "stale" and case.page in UNHELD)]
    assert pairs(CASES) == pairs(there)
    assert len(CASES) == len(set(CASES)) <= 60
