"""Open pages follow the data, told over a websocket: nobody touches the browser in these tests but where they say so."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from fleetcache import embedded
from tests.browser.window import TITLES, Window
from tests.conftest import TestDatabase
from tests.live import REPO, App, until

HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
}"""
LISTEN = """async many => {
    window.heard = Array(many).fill(0)
    for (const n of window.heard.keys()) // one after the other: Chromium makes them wait who come all at once
        await new Promise((ready) => {
            const socket = new WebSocket(`ws://${location.host}/live`)
            socket.onmessage = () => { window.heard[n]++; ready() }
        })
    window.heard.fill(0)
}"""
LEAVE = (
    "UPDATE pilots SET active = {}, examiner = false, training_captain = false WHERE id ="
    " (SELECT max(id) FROM pilots WHERE rank = 'first_officer' AND left_on IS NULL)"
)


@pytest.fixture(scope="module")
def window(chromium: Browser, live: App) -> Iterator[Window]:
    """The window of a crew manager."""
    opened = Window(chromium, live)
    opened.come_in("manager")
    yield opened
    opened.context.close()


def mark(page: Page) -> Locator:
    return page.locator("#live")


def sockets(page: Page) -> list[str]:
    """The address of each websocket that tells of changes and is open; it grows and shrinks."""
    found: list[str] = []

    def heard(socket: object) -> None:
        if socket.url.endswith("/live"):  # type: ignore[attr-defined]
            found.append(socket.url)  # type: ignore[attr-defined]
            socket.on("close", lambda _: found.remove(socket.url))  # type: ignore[attr-defined]

    page.on("websocket", heard)
    return found


def test_a_change_takes_nothing_from_somebody_who_is_typing(window: Window, live_database: TestDatabase) -> None:
    """The number changes, and what stands in a field, in a form or not, sent or not, stays, and the cursor with it."""
    ((number, base, other),) = live_database.rows(
        "SELECT id, base, (SELECT min(code) FROM bases WHERE code <> p.base) FROM pilots p WHERE active ORDER BY id LIMIT 1"
    )
    window.open(f"/pilots?pilot={number}")
    page = window.page
    expect(page.get_by_text(f"· {base} ·")).to_be_visible()
    field = page.get_by_label("Given name")
    field.fill("")
    field.press_sequentially("Nobody in")
    live_database.sql(f"UPDATE pilots SET base = '{other}' WHERE id = {number}")
    expect(page.get_by_text(f"· {other} ·")).to_be_visible()
    expect(field).to_have_value("Nobody in")
    expect(field).to_be_focused()
    live_database.sql(f"UPDATE pilots SET base = '{base}' WHERE id = {number}")

    window.go("fleet")
    active = page.get_by_test_id("stMetric").filter(has_text="Active pilots").get_by_test_id("stMetricValue")
    before = int(active.inner_text().replace(",", ""))
    search = page.get_by_placeholder("Search pilots")
    search.press_sequentially("half a na")
    explained = page.get_by_text("Where these figures come from")
    live_database.sql(f"UPDATE pilots SET active = false WHERE id = {number}")
    expect(active).to_have_text(f"{before - 1:,}")
    expect(search).to_have_value("half a na")
    expect(search).to_be_focused()
    page.get_by_test_id("stPopover").get_by_role("button").first.click()
    expect(explained).to_be_visible()
    live_database.sql(f"UPDATE pilots SET active = true WHERE id = {number}")
    expect(active).to_have_text(f"{before:,}")
    expect(explained).to_be_visible()
    window.check()


def test_a_click_on_another_page_wins_over_a_change_that_comes_with_it(
    chromium: Browser, live: App, live_database: TestDatabase
) -> None:
    """The page that was left asked to be drawn again: somebody stayed where they were, or the new page broke."""
    window = Window(chromium, live)
    page, held, holding = window.page, list[str | bytes](), False

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: held.append(message) if holding else socket.send(message))
        lines[:] = [socket]

    lines: list[WebSocketRoute] = []
    page.route_web_socket(re.compile("/live$"), between)
    window.come_in("manager")
    window.open("/pilots")
    for name, pause in (("compliance", 0), ("pilots", 0), ("compliance", 30), ("pilots", 10), ("compliance", 60), ("pilots", 30)):
        expect(mark(page)).to_have_attribute("data-state", "live")
        holding = True
        live_database.sql("UPDATE pilots SET seniority = seniority WHERE id = (SELECT min(id) FROM pilots)")
        until(lambda: (page.wait_for_timeout(20), bool(held))[1], what=held)
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=TITLES[name]).evaluate("link => link.click()")
        page.wait_for_timeout(pause)
        lines[0].send(held.pop())
        holding = False
        held.clear()
        page.wait_for_timeout(700)
        expect(page.get_by_role("heading", level=1)).to_contain_text(TITLES[name])
        window.settle()
    window.check()
    window.context.close()


def test_a_hidden_tab_costs_nothing_and_catches_up(window: Window, live_database: TestDatabase) -> None:
    """It has no connection; a change is seen when somebody looks again."""
    page = window.page
    found = sockets(page)
    window.go("overview")
    expect(mark(page)).to_have_attribute("data-state", "live")
    active = page.get_by_test_id("stMetric").filter(has_text="Active pilots").get_by_test_id("stMetricValue")
    before = int(active.inner_text())
    assert len(found) == 1
    page.evaluate(HIDE, True)
    until(lambda: (page.wait_for_timeout(20), not found)[1], what=found)
    live_database.sql(LEAVE.format("false"))
    page.wait_for_timeout(700)
    assert int(active.inner_text()) == before
    page.evaluate(HIDE, False)
    expect(active).to_have_text(str(before - 1))
    live_database.sql(LEAVE.format("true"))
    expect(active).to_have_text(str(before))
    expect(mark(page)).to_have_text("Live")
    window.check()


def test_a_hundred_open_pages_are_told_without_a_thread_each(
    window: Window, live: App, live_database: TestDatabase
) -> None:
    page = window.page
    process = psutil.Process(live.process.pid)
    before = process.num_threads()
    page.evaluate(LISTEN, 100)
    assert process.num_threads() < before + 15
    live_database.sql("UPDATE pilots SET seniority = seniority WHERE id = (SELECT min(id) FROM pilots)")
    page.wait_for_function("() => window.heard.every(Boolean)")
    assert process.num_threads() < before + 15


def test_the_mark_says_when_the_page_is_told_nothing(window: Window, live_database: TestDatabase) -> None:
    """The connection is lost, and no other is had: the figures stay, and the mark says that they do not follow; the
    page looks by itself, seldom. A connection is had again: the page follows, and shows what changed meanwhile."""
    page = window.page
    lines: list[WebSocketRoute] = []
    shut = False

    def route(line: WebSocketRoute) -> None:
        if shut:
            line.close()
        else:
            line.connect_to_server()
            lines.append(line)

    page.clock.install()
    page.route_web_socket(re.compile("/live$"), route)
    window.open("/fleet")
    expect(mark(page)).to_have_text("Live")
    active = page.get_by_test_id("stMetricValue").first
    before = int(active.inner_text())
    shut = True
    lines.pop().close()
    expect(mark(page)).to_have_text("Reconnecting")
    live_database.sql(LEAVE.format("false"))
    page.wait_for_timeout(700)
    expect(active).to_have_text(str(before))
    page.clock.fast_forward(15_000)
    expect(active).to_have_text(str(before - 1))
    expect(mark(page)).to_have_text("Reconnecting")
    live_database.sql(LEAVE.format("true"))
    shut = False
    expect(mark(page)).to_have_text("Live")
    expect(active).to_have_text(str(before))
    window.check()


@pytest.mark.slow
def test_open_pages_survive_the_death_of_the_program(
    chromium: Browser, servers: embedded.Servers, demo: TestDatabase, prefix: str
) -> None:
    """It is killed and started again while a page is open: the page says so and finds back by itself, to the figures
    of now. Slow, because Streamlit's own connection takes its time."""
    assert servers.redis_url is not None
    app = App(DATABASE_URL=demo.owner_url, REDIS_URL=servers.redis_url, FLEETCACHE_PREFIX=prefix).ready()
    try:
        window = Window(chromium, app)
        window.come_in("viewer")
        window.open("/fleet")
        page = window.page
        expect(mark(page)).to_have_text("Live")
        active = page.get_by_test_id("stMetricValue").first
        before = int(active.inner_text())
        app.process.kill()
        app.process.wait(5)
        expect(mark(page)).to_have_text("Reconnecting")
        expect(active).to_have_text(str(before))
        demo.sql(LEAVE.format("false"))
        app.process = subprocess.Popen(
            app.process.args, cwd=REPO, env=app.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        app.ready()
        expect(active).to_have_text(str(before - 1), timeout=120_000)
        expect(mark(page)).to_have_text("Live", timeout=30_000)
    finally:
        app.close()
