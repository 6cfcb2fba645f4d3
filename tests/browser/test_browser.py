"""What only a real browser shows: addresses, downloads, buttons, and pages that follow the data. How each page looks
in each state is in ``test_looks.py``."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from fleetcache.glossary import GLOSSARY
from tests.browser.window import Window
from tests.conftest import TestDatabase
from tests.live import App
from tests.pages.test_pages import CARDS, shown


@pytest.fixture(scope="module")
def opened(chromium: Browser, live: App) -> Iterator[Window]:
    """One window for all of them, an administrator's."""
    found = Window(chromium, live)
    found.open()
    found.enter("admin")
    yield found
    found.context.close()


@pytest.fixture
def window(opened: Window) -> Window:
    """The same, for the troubles of one test."""
    opened.troubles.clear()
    return opened


def test_the_overview_is_found_by_its_name(window: Window) -> None:
    """Streamlit has the first page at `/` alone, and would say that there is none of this name."""
    window.open("/overview?from=mail")
    assert window.page.url == f"{window.app.url}/?from=mail"
    expect(window.page.get_by_role("heading", level=1)).to_contain_text("Overview")
    expect(window.page.get_by_role("dialog")).to_have_count(0)
    window.check()


def test_the_numbers_on_the_page_are_those_of_the_api(window: Window, live: App) -> None:
    """One truth: what a manager reads is what a program gets."""
    window.go("overview")
    numbers, _how = live.metrics()
    cards = window.page.get_by_test_id("stMetric")
    found = {}
    for card in cards.all():
        label = card.get_by_test_id("stMetricLabel").inner_text().strip()
        found[label] = card.get_by_test_id("stMetricValue").inner_text().strip()
    for path in CARDS["overview"]:
        group, field = path.split(".")
        assert found[GLOSSARY[path].label] == shown(numbers[group][field]), path
    window.check()


def test_a_filter_goes_into_the_address_and_its_link_opens_the_same(
    window: Window, live_database: TestDatabase, tmp_path: Path
) -> None:
    """P9: a filtered page can be bookmarked and sent, and its CSV holds what is shown."""
    window.go("fleet")
    window.page.get_by_test_id("stButtonGroup").get_by_text("A330-200").click()
    window.page.wait_for_url("**/fleet?fleet=A330-200")
    [(active,)] = live_database.rows("SELECT count(*) FROM pilots WHERE active AND fleet = 'A330-200'")
    shown_active = window.page.get_by_test_id("stMetricValue").first
    expect(shown_active).to_have_text(str(active))

    window.open("/fleet?fleet=A330-200")
    expect(shown_active).to_have_text(str(active))
    with window.page.expect_download() as download:
        window.page.get_by_role("button", name="CSV", exact=True).last.click()  # the list, below the figures
    download.value.save_as(tmp_path / "pilots.csv")
    with (tmp_path / "pilots.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    [(on_file,)] = live_database.rows("SELECT count(*) FROM pilots WHERE fleet = 'A330-200'")
    assert len(rows) == on_file
    assert {row["Fleet"] for row in rows} == {"A330-200"}
    window.check()
    assert httpx.get(download.value.url).status_code == 401, "whoever knows its address has the file"


def test_a_button_of_the_cache_page_works_in_the_browser(window: Window) -> None:
    """Opened by its address; the confirmation opens the button while it is typed."""
    window.open("/cache")
    flush = window.page.get_by_role("button", name="Flush all our values")
    expect(flush).to_be_disabled()
    window.page.get_by_label("Type “flush” to allow it").fill("flush")
    expect(flush).to_be_enabled()
    window.page.get_by_role("button", name="Warm").click()
    expect(window.page.get_by_text(re.compile(r"Warmed \d+ keys\."))).to_be_visible()
    window.check()


def test_an_open_page_follows_a_change_from_outside(window: Window, live_database: TestDatabase) -> None:
    """P10: psql changes a row, nobody touches the browser, and the number on it changes."""
    window.open("/fleet")
    active = window.page.get_by_test_id("stMetricValue").first
    before = int(active.inner_text())
    leave = (
        "UPDATE pilots SET active = {}, examiner = false, training_captain = false WHERE id ="
        " (SELECT max(id) FROM pilots WHERE rank = 'first_officer' AND left_on IS NULL)"
    )
    live_database.sql(leave.format("false"))
    expect(active).to_have_text(str(before - 1))
    live_database.sql(leave.format("true"))
    expect(active).to_have_text(str(before))
    window.check()
