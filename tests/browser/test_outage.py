"""Servers are killed while every page is open in a tab: each says so in words and recovers by itself. Nobody reloads."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from fleetcache import embedded
from tests.browser.window import TITLES, Window
from tests.chaos.test_launcher import Place
from tests.live import App, Redis, until

pytestmark = pytest.mark.slow

ADDRESSES = {"overview": "/", "figure": "/figure?of=certifications.expired"}
SLOW = 60_000
WITHOUT_REDIS = "Redis does not answer · same figures, from the database"
OLD = {
    "imports": "The database does not answer",
    "cache": "last values",
    "audit": "The audit log is unavailable",
    "settings": "The settings are unavailable",
}
"""What a page says while PostgreSQL is away; those that are not named show what they last knew."""
OLD_FIGURES = "The database does not answer: these are old figures"
# Every text that ever stood in a card, from now on.
WATCH = """() => {
    window.seen = {}
    const look = () => {
        for (const card of document.querySelectorAll('[data-testid=stMetric]')) {
            const label = card.querySelector('[data-testid=stMetricLabel]')?.innerText.trim()
            const value = card.querySelector('[data-testid=stMetricValue]')?.innerText.trim()
            if (label && value) (window.seen[label] ??= new Set()).add(value)
        }
    }
    look()
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true})
}"""
SEEN = "() => Object.fromEntries(Object.entries(window.seen).map(([label, values]) => [label, [...values]]))"


class Servers:
    """A PostgreSQL and a Redis that can be killed, and stay dead until they are to come back."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        self.home = Path(tempfile.mkdtemp(prefix="fleetcache-outage-", dir=memory if memory.is_dir() else None))
        self.home.chmod(0o755)
        self.running = embedded.start(self.home, postgres=True, valkey=False, progress=lambda step: None)
        self.redis = Redis()
        self._place = Place(self.home)
        self._supervisor = self._place.pid("supervisor")

    @property
    def owner_url(self) -> str:
        """Of the database, for whoever may change everything."""
        assert self.running.owner_url is not None
        return self.running.owner_url

    def kill_postgres(self) -> None:
        """Kill it, and keep what would start it again from doing so."""
        os.kill(self._supervisor, signal.SIGSTOP)
        self._place.kill("postgres")

    def start_postgres(self) -> None:
        """Let it be started again."""
        os.kill(self._supervisor, signal.SIGCONT)

    def close(self) -> None:
        """End both and remove what they left."""
        self.start_postgres()
        self.redis.close()
        self.running.close()
        until(lambda: embedded.running(self.home) is None, within=60, what="the servers stopped")
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="module")
def killable() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


@pytest.fixture(scope="module")
def window(chromium: Browser, killable: Servers) -> Iterator[Window]:
    """Signed in as the administrator of a tiny airline."""
    app = App(
        DATABASE_URL=killable.owner_url,
        REDIS_URL=killable.redis.url,
        FLEETCACHE_PREFIX=f"outage-{secrets.token_hex(4)}",
        FLEETCACHE_PROFILE="tiny",
    )
    try:
        made = Window(chromium, app.ready())
        made.open()
        made.enter("admin")
        yield made
        made.context.close()
    finally:
        app.close()


def test_every_open_page_says_what_is_away_and_recovers_by_itself(window: Window, killable: Servers) -> None:
    """“Shows it works” 5: Redis killed, PostgreSQL killed, both killed, and back. No card ever shows another number
    than the one that was counted, and not one turns to zero on the way."""
    tabs = {"overview": window.page}
    for name in TITLES:
        if name != "overview":
            tabs[name] = window.context.new_page()
            tabs[name].goto(window.app.url + ADDRESSES.get(name, f"/{name}"), wait_until="commit")
    for page in tabs.values():
        expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=SLOW)
        page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'", timeout=SLOW)
        page.evaluate(WATCH)
    before = {name: page.evaluate(SEEN) for name, page in tabs.items()}
    assert before["overview"]["Active pilots"] == ["27"]

    def everywhere(says: Callable[[str], str], *, there: bool = True) -> None:
        for name, page in tabs.items():
            found = page.get_by_text(says(name)).first
            expect(found).to_be_visible(timeout=SLOW) if there else expect(found).to_be_hidden(timeout=SLOW)

    def old(name: str) -> str:
        return OLD.get(name, OLD_FIGURES)

    killable.redis.stop()
    everywhere(lambda name: WITHOUT_REDIS)
    assert not [name for name, page in tabs.items() if page.get_by_text("unavailable").count()]
    killable.redis.start()
    everywhere(lambda name: WITHOUT_REDIS, there=False)

    killable.kill_postgres()
    everywhere(old)
    killable.redis.stop()
    everywhere(lambda name: "Redis does not answer")
    everywhere(lambda name: WITHOUT_REDIS, there=False)
    everywhere(old)

    killable.start_postgres()
    everywhere(old, there=False)
    everywhere(lambda name: WITHOUT_REDIS)
    killable.redis.start()
    everywhere(lambda name: "Redis does not answer", there=False)
    for name, page in tabs.items():
        expect(page.get_by_text("unavailable")).to_have_count(0, timeout=SLOW)
        shown = page.evaluate(SEEN)
        if name != "cache":  # whose figures are of the outage
            assert {label: set(values) - {"–"} for label, values in shown.items()} == {
                label: set(values) - {"–"} for label, values in before[name].items()
            }, name
    window.check()
    for page in list(tabs.values())[1:]:
        page.close()


def test_what_takes_long_is_said_and_what_is_known_already_stands(window: Window, killable: Servers) -> None:
    """Loading: the figures are there at once, and in the place of a list that the database is slow with it says so. A
    list that could not be read for another reason than an outage can be asked for again."""
    page: Page = window.page
    with psycopg.connect(killable.owner_url, autocommit=True) as owner:
        window.open("/fleet")
        owner.execute("CREATE POLICY slow ON fleetcache.pilot_identity AS RESTRICTIVE USING (pg_sleep(0.1) IS NOT NULL)")
        page.get_by_test_id("stButtonGroup").get_by_text("First officer").click()
        expect(page.get_by_text("Reading the list…")).to_be_visible()
        expect(page.get_by_test_id("stMetric").first).to_contain_text("13")
        expect(page.get_by_text("Reading the list…")).to_be_hidden()
        owner.execute("DROP POLICY slow ON fleetcache.pilot_identity")
        with owner.transaction():
            owner.execute("LOCK TABLE fleetcache.pilot_identity IN ACCESS EXCLUSIVE MODE")
            page.goto(f"{window.app.url}/fleet")
            expect(page.get_by_text("Somebody holds a lock in PostgreSQL")).to_be_visible()
            expect(page.get_by_test_id("stMetric").first).to_contain_text("27")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_placeholder("Search pilots")).to_be_visible()
        expect(page.get_by_text("unavailable")).to_have_count(0)
