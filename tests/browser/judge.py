"""What a page must say in each state, and that nothing went wrong on it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from fleetcache.access.roles import RIGHTS
from tests.browser.cases import FORBIDDEN, PLACES, Case
from tests.browser.window import PHONE, Window
from tests.pages.test_pages import CARDS

BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 22, 29)", "phone": "rgb(255, 255, 255)"}
REST = ""
# A state, and the words (a pattern) by which each page tells of it; REST are the pages that are not named.
WORDS: dict[str, dict[str, str]] = {
    "healthy": {
        REST: "Current",
        "imports": "Nothing is written before you have seen",
        "cache": "All cache layers healthy",
        "audit": "Newest first",
        "settings": "What a fleet needs",
    },
    "empty": {
        REST: "on file",
        "figure": "Current",
        "imports": "Nothing is written before you have seen",
        "cache": "Nobody has done anything to the cache yet",
        "audit": "Nobody has done anything yet",
    },
    "stale": {
        REST: "The database does not answer: these are old figures",
        "imports": "database does not answer",
        "cache": "PostgreSQL did not answer",
        "audit": "The audit log is unavailable",
        "settings": "The settings are unavailable",
    },
    "no redis": {REST: "Redis does not answer · same figures", "cache": "Redis is down; serving from"},
    "down": {
        REST: "figures (of this page )?are unavailable",
        "imports": "database does not answer",
        "cache": "No source: neither the database nor a held value",
        "audit": "The audit log is unavailable",
        "settings": "The settings are unavailable",
    },
}
WITHOUT_DATABASE = {"stale", "down"}


def words(case: Case) -> str:
    """The pattern of what stands on the page of this case, whatever else does."""
    if case.state == FORBIDDEN:
        return f"This needs the role {RIGHTS[PLACES[case.page].right]}; a {case.role} has the role {case.role}."
    said = WORDS[case.state]
    return said.get(case.page, said[REST])


def judge(window: Window, case: Case) -> None:
    """The heading, the look and the words of its state; no box of an unforeseen error, nothing in the console,
    nothing fetched from elsewhere, nothing wider than the window."""
    page = window.page
    expect(page.get_by_role("heading", level=1)).to_contain_text(case.heading)
    expect(page.get_by_test_id("stMain")).to_contain_text(re.compile(words(case)))
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUNDS[case.look])
    window.settle()
    if case.state == "healthy" and case.page in (*CARDS, "cache"):
        assert page.get_by_test_id("stMetric").count() >= 5
        assert page.get_by_test_id("stPlotlyChart").count() >= 1
    if case.state == FORBIDDEN:
        expect(page.get_by_test_id("stMetric")).to_have_count(0)
    if window.width == PHONE:
        expect(page.get_by_test_id("stSidebarNav")).not_to_be_in_viewport()
    window.check(errors=case.state in WITHOUT_DATABASE)
