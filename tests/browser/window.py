"""One browser window on the program, and all that went wrong in it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect

from fleetcache.ui.pages import SECTIONS
from tests.live import REPO, App

ARTEFACTS = REPO / "artefacts"
TITLES = {page.name: page.title for pages in SECTIONS.values() for page in pages}
LARGE, PHONE = 1280, 390
LOOKS = ("light", "dark", "phone")
# Streamlit closes its navigation after a click only where the browser says that it is a phone's.
PHONES = {
    "is_mobile": True,
    "has_touch": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Mobile Safari/537.36",
}
# What Streamlit itself tries when a page is opened by its address, to find where it is mounted.
PROBES = re.compile(r"/[a-z]+/_stcore/(health|host-config)")


class Window:
    """One browser window on the program."""

    def __init__(self, browser: Browser, app: App, *, width: int = LARGE, dark: bool = False) -> None:
        self.app = app
        self.width = width
        self.troubles: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            locale="en-GB",
            reduced_motion="reduce",
            color_scheme="dark" if dark else "light",
            **(PHONES if width == PHONE else {}),
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(40_000)
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

    def enter(self, role: str) -> None:
        """One click on the sign-in page."""
        self.page.get_by_role("button", name=f"Enter as {role}").click()
        expect(self.page.get_by_test_id("stSidebar")).to_be_attached()
        self.settle()

    def come_in(self, role: str) -> None:
        """Sign in to the demo without the page for it."""
        with self.app.visitor(role) as visitor:
            found = visitor.cookies.items()
            self.context.add_cookies([{"name": name, "value": value, "url": self.app.url} for name, value in found])

    def places(self) -> list[str]:
        """The titles in the navigation."""
        links = self.page.get_by_test_id("stSidebarNav").get_by_role("link")
        return [text.strip().split("\n")[-1] for text in links.all_inner_texts()]

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

    def check(self, *, errors: bool = False) -> None:
        """Nothing on the page or behind it went wrong; with ``errors`` it may say in words what is away."""
        for box in ("stException", *(() if errors else ("stAlertContentError",))):
            found = self.page.get_by_test_id(box)
            assert found.count() == 0, found.all_inner_texts()
        wide = self.page.evaluate(
            """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
                .map(part => part.scrollWidth - part.clientWidth)"""
        )
        assert wide == [0, 0], f"scrolls sideways by {wide} px"
        assert not self.troubles, self.troubles

    def keep(self, name: str, *, whole: bool = True) -> None:
        """A picture of the page; it scrolls inside, so for the ``whole`` the window grows first."""
        (ARTEFACTS / name).parent.mkdir(parents=True, exist_ok=True)
        if not whole:
            self.page.screenshot(path=ARTEFACTS / f"{name}.png", animations="disabled")
            return
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        self.page.set_viewport_size({"width": self.width, "height": min(max(900, height), 12_000)})
        self.settle()
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", animations="disabled")
        self.page.set_viewport_size({"width": self.width, "height": 900})
