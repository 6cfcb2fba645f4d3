"""Every page in a real browser, opened as a person does: no error box, no console error, nothing
fetched from elsewhere, nothing wider than a phone. The pictures are kept under ``artefacts/``."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect, sync_playwright

from fleetcache.glossary import GLOSSARY
from fleetcache.ui.pages import SECTIONS
from tests.conftest import TestDatabase
from tests.live import REPO, App
from tests.pages.test_pages import CARDS, shown

ARTEFACTS = REPO / "artefacts"
TITLES = {name: title for pages in SECTIONS.values() for name, title, _icon in pages}
LARGE, PHONE = 1280, 390
BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 22, 29)"}
# Every page in both themes and both widths, every theme in both widths; not every combination.
WINDOWS = [("light", LARGE), ("dark", PHONE), ("dark", LARGE), ("light", PHONE)]
VIEWS = [
    (scheme, width, name)
    for number, (scheme, width) in enumerate(WINDOWS)
    for place, name in enumerate(TITLES)
    if place % 2 == number // 2
]
# Streamlit closes its navigation after a click only where the browser says that it is a phone's.
PHONES = {
    "is_mobile": True,
    "has_touch": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Mobile Safari/537.36",
}
# What Streamlit itself tries when a page is opened by its address, to find where it is mounted.
PROBES = re.compile(r"/[a-z]+/_stcore/(health|host-config)")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        reason = "no browser is installed (apt-get install chromium)"
        if os.environ.get("FLEETCACHE_REQUIRE_BROWSER"):
            pytest.fail(f"FLEETCACHE_REQUIRE_BROWSER is set, and {reason}")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield started
        started.close()


class Window:
    """One browser window on the program, and all that went wrong in it."""

    def __init__(self, browser: Browser, app: App, *, width: int) -> None:
        self.app = app
        self.width = width
        self.troubles: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            locale="en-GB",
            **(PHONES if width == PHONE else {}),
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script error: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not PROBES.fullmatch(urlsplit(message.location["url"]).path):
            self.troubles.append(f"console: {message.text} ({message.location['url']})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.app.url, "data:", "blob:")):
            self.troubles.append(f"fetched from elsewhere: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and not PROBES.fullmatch(urlsplit(response.url).path):
            self.troubles.append(f"{response.status} {response.url}")

    def open(self, path: str = "/") -> None:
        """Go to an address, as a bookmark does."""
        self.page.goto(self.app.url + path)
        self.settle()

    def go(self, name: str) -> None:
        """Click on a page in the navigation."""
        navigation = self.page.get_by_test_id("stSidebarNav")
        if not navigation.is_visible():
            self.page.get_by_test_id("stExpandSidebarButton").click()
        link = navigation.get_by_role("link", name=TITLES[name])
        expect(link).to_be_in_viewport()
        link.click()
        expect(self.page.get_by_role("heading", level=1).filter(has_text=TITLES[name])).to_be_visible()
        self.settle()

    def settle(self) -> None:
        """Until the script has run and every chart is drawn."""
        self.page.wait_for_function(
            """() => {
                const app = document.querySelector('[data-testid=stApp]')
                const charts = [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
                return app?.dataset.testScriptState === 'notRunning'
                    && !!document.querySelector('h1')
                    && !document.querySelector('[data-testid=stSkeleton]')
                    && charts.every(chart => chart.querySelector('svg.main-svg'))
            }"""
        )

    def check(self) -> None:
        """Nothing on the page or behind it went wrong."""
        for box in ("stException", "stAlertContentError"):
            found = self.page.get_by_test_id(box)
            assert found.count() == 0, found.all_inner_texts()
        wide = self.page.evaluate(
            """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
                .map(part => part.scrollWidth - part.clientWidth)"""
        )
        assert wide == [0, 0], f"scrolls sideways by {wide} px"
        assert not self.troubles, self.troubles

    def keep(self, name: str) -> None:
        """A picture of the whole page; it scrolls inside, so the window grows first."""
        ARTEFACTS.mkdir(exist_ok=True)
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        self.page.set_viewport_size({"width": self.width, "height": min(max(900, height), 12_000)})
        self.settle()
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", animations="disabled")
        self.page.set_viewport_size({"width": self.width, "height": 900})


Windows = Callable[[str, int], Window]


@pytest.fixture(scope="module")
def windows(chromium: Browser, live: App) -> Iterator[Windows]:
    """One window for each width, opened when it is first asked for; the theme follows the system's."""
    opened: dict[int, Window] = {}

    def give(scheme: str = "light", width: int = LARGE) -> Window:
        if width not in opened:
            opened[width] = Window(chromium, live, width=width)
            opened[width].open()
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
