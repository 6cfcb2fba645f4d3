"""Deciding leave in a real browser, as a crew manager does."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.browser.window import Window
from tests.conftest import TestDatabase
from tests.live import App


def test_a_decision_shows_on_a_second_open_page(chromium: Browser, live: App, live_database: TestDatabase) -> None:
    """The effect is said before the click; after it the numbers change where somebody else looks, too; and taking
    it back brings them back."""
    ((number, last),) = live_database.rows(
        "SELECT l.id, i.family_name FROM leave_requests l JOIN pilots p ON p.id = l.pilot_id"
        " JOIN pilot_identity i ON i.pilot_id = p.id WHERE l.status = 'SUBMITTED' AND p.active"
        " AND l.leave_type = 'RDO' AND l.first_day > today() + 30 AND NOT EXISTS"
        " (SELECT FROM leave_facts s WHERE s.pending AND s.fleet = p.fleet AND s.rank = p.rank AND s.seniority < p.seniority"
        "  AND s.first_day <= coalesce(l.last_day, l.first_day) AND s.last_day >= l.first_day) ORDER BY l.first_day LIMIT 1"
    )
    manager, other = Window(chromium, live), Window(chromium, live)
    try:
        other.come_in("viewer")
        other.open("/figure?of=leave.pending")
        undecided = other.page.get_by_text(re.compile(r"^[\d,]+ requests$"))
        before = int(undecided.inner_text().removesuffix(" requests").replace(",", ""))
        manager.come_in("manager")
        manager.open(f"/leave?request={number}")
        page = manager.page
        expect(page.get_by_role("heading", name=str(last))).to_be_visible()
        expect(page.get_by_text("Worst-day margin")).to_be_visible()
        page.get_by_role("button", name="Approve", exact=True).click()
        expect(undecided).to_have_text(f"{before - 1:,} requests")
        page.get_by_role("button", name="Take it back").click()
        expect(undecided).to_have_text(f"{before:,} requests")
        assert live_database.rows(f"SELECT status FROM leave_requests WHERE id = {number}") == [("IN_REVIEW",)]
        manager.check()
        other.check()
    finally:
        manager.context.close()
        other.context.close()
