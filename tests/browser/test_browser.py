"""Every page in a real browser, opened as a person does: no error box, no console error, nothing
fetched from elsewhere, nothing wider than a phone. The pictures are kept under ``artefacts/``."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from fleetcache.glossary import GLOSSARY
from tests.browser.window import LARGE, PHONE, TITLES, Window
from tests.conftest import TestDatabase
from tests.live import App
from tests.pages.test_pages import CARDS, shown

BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 22, 29)"}
# Every page in both themes and both widths, every theme in both widths; not every combination.
WINDOWS = [("light", LARGE), ("dark", PHONE), ("dark", LARGE), ("light", PHONE)]
VIEWS = [
    (scheme, width, name)
    for number, (scheme, width) in enumerate(WINDOWS)
    for place, name in enumerate(TITLES)
    if place % 2 == number // 2
]

Windows = Callable[[str, int], Window]


@pytest.fixture(scope="module")
def windows(chromium: Browser, live: App) -> Iterator[Windows]:
    """One window for each width, opened when it is first asked for; the theme follows the system's."""
    opened: dict[int, Window] = {}

    def give(scheme: str = "light", width: int = LARGE) -> Window:
        if width not in opened:
            opened[width] = Window(chromium, live, width=width)
            opened[width].open()
            opened[width].enter("admin")
        found = opened[width]
        found.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        found.troubles.clear()
        return found

    yield give
    for window in opened.values():
        window.context.close()


@pytest.mark.parametrize(("scheme", "width", "name"), VIEWS)
def test_a_page_opens_from_the_navigation(windows: Windows, scheme: str, width: int, name: str) -> None:
    """In both themes and both widths: figures, charts and tables, and nothing that went wrong."""
    window = windows(scheme, width)
    window.go(name)
    if width == PHONE:
        expect(window.page.get_by_test_id("stSidebarNav")).not_to_be_in_viewport()
    expect(window.page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUND[scheme])
    if name in (*CARDS, "cache"):
        assert window.page.get_by_test_id("stMetric").count() >= 5
        assert window.page.get_by_test_id("stPlotlyChart").count() >= 1
    window.keep(f"{name}-{scheme}-{width}")
    window.check()


def test_the_numbers_on_the_page_are_those_of_the_api(windows: Windows, live: App) -> None:
    """One truth: what a manager reads is what a program gets."""
    window = windows()
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
    windows: Windows, live_database: TestDatabase, tmp_path: Path
) -> None:
    """P9: a filtered page can be bookmarked and sent, and its CSV holds what is shown."""
    window = windows()
    window.go("fleet")
    window.page.get_by_test_id("stButtonGroup").get_by_text("A330-200").click()
    window.page.wait_for_url("**/fleet?fleet=A330-200")
    [(active,)] = live_database.rows("SELECT count(*) FROM pilots WHERE active AND fleet = 'A330-200'")
    shown_active = window.page.get_by_test_id("stMetricValue").first
    expect(shown_active).to_have_text(str(active))

    window.open("/fleet?fleet=A330-200")
    expect(shown_active).to_have_text(str(active))
    with window.page.expect_download() as download:
        window.page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    download.value.save_as(tmp_path / "pilots.csv")
    with (tmp_path / "pilots.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    [(on_file,)] = live_database.rows("SELECT count(*) FROM pilots WHERE fleet = 'A330-200'")
    assert len(rows) == on_file
    assert {row["Fleet"] for row in rows} == {"A330-200"}
    window.check()
    assert httpx.get(download.value.url).status_code == 401, "whoever knows its address has the file"


def test_a_button_of_the_cache_page_works_in_the_browser(windows: Windows) -> None:
    """Opened by its address; the confirmation opens the button while it is typed."""
    window = windows()
    window.open("/cache")
    flush = window.page.get_by_role("button", name="Flush all our values")
    expect(flush).to_be_disabled()
    window.page.get_by_label("Type “flush” to allow it").fill("flush")
    expect(flush).to_be_enabled()
    window.page.get_by_role("button", name="Warm").click()
    expect(window.page.get_by_text(re.compile(r"Warmed \d+ keys\."))).to_be_visible()
    window.check()


def test_an_open_page_follows_a_change_from_outside(windows: Windows, live_database: TestDatabase) -> None:
    """P10: psql changes a row, nobody touches the browser, and the number on it changes."""
    window = windows()
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
