"""P9: filters live in the address, and go along from page to page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.window import Window
from tests.live import App

pytestmark = pytest.mark.slow

BOTH = "?fleet=A330-200&rank=captain"


@pytest.fixture(scope="module")
def window(chromium: Browser, live: App) -> Iterator[Window]:
    """The window of somebody who is signed in."""
    opened = Window(chromium, live)
    opened.come_in("manager")
    yield opened
    opened.context.close()


def at(window: Window, address: str, *chosen: str) -> None:
    """The window is at this address, and these filters are shown as chosen."""
    window.page.wait_for_url(window.app.url + address)
    window.settle()
    filters = window.page.get_by_role("radiogroup", name="Fleet").or_(window.page.get_by_role("radiogroup", name="Rank"))
    expect(filters.get_by_role("radio", checked=True)).to_have_text(list(chosen))


def test_filters_go_along_and_every_step_back_restores_what_was(window: Window) -> None:
    """Chosen on one page, they are chosen on the next one, also across a page that has none; each choice and each
    page is one step in the history; a reload changes nothing; and what is cleared stays cleared."""
    page = window.page
    window.open("/pilots")
    page.get_by_role("radio", name="A330-200").click()
    at(window, "/pilots?fleet=A330-200", "A330-200")
    page.get_by_role("radio", name="Captain").click()
    at(window, f"/pilots{BOTH}", "A330-200", "Captain")
    window.go("imports")
    window.go("retirement")
    at(window, f"/retirement{BOTH}", "A330-200", "Captain")
    page.reload()
    at(window, f"/retirement{BOTH}", "A330-200", "Captain")

    # One step at a time: Streamlit takes a page that is still being drawn for one that was gone to.
    page.go_back()
    at(window, f"/imports{BOTH}")
    page.go_back()
    at(window, f"/pilots{BOTH}", "A330-200", "Captain")
    page.go_back()
    at(window, "/pilots?fleet=A330-200", "A330-200")

    page.get_by_role("radio", name="A330-200").click()
    at(window, "/pilots")
    window.go("retirement")
    at(window, "/retirement")
    window.check()


def test_a_link_opens_as_it_was_given(window: Window) -> None:
    """Whatever was chosen before; what is not known is left out. Two filters chosen at once are both kept, though the
    browser sends the second before it has heard of the first. A day of the past stays on its page."""
    page = window.page
    window.open("/pilots?fleet=B737-800&rank=first_officer&asof=2026-01-05")
    at(window, "/pilots?fleet=B737-800&rank=first_officer&asof=2026-01-05", "B737-800", "First officer")
    expect(page.get_by_text("As of 5 Jan 2026, from the records")).to_be_visible()
    window.go("retirement")
    at(window, "/retirement?fleet=B737-800&rank=first_officer", "B737-800", "First officer")
    window.open("/pilots?fleet=Concorde")
    at(window, "/pilots?fleet=Concorde")
    page.evaluate(
        """() => [...document.querySelectorAll('[role=radio]')]
            .filter(one => ['A330-200', 'Captain'].includes(one.innerText.trim())).forEach(one => one.click())"""
    )
    at(window, f"/pilots{BOTH}", "A330-200", "Captain")
    window.check()
