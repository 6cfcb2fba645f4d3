"""The websocket by which open pages are told that the data has changed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from fleetcache import runtime as current
from fleetcache.access import demo
from fleetcache.access.signin import ENDED
from fleetcache.runtime import Runtime
from fleetcache.ui.pages import PAGES
from fleetcache.web import live
from tests.conftest import TestDatabase
from tests.live import until
from tests.pages.test_pages import shut

HERE = "http://testserver"
CHANGE = "UPDATE pilots SET seniority = seniority WHERE id = (SELECT min(id) FROM pilots)"


@pytest.fixture
def instance(runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """An instance of a demo, which checks its database."""
    runtime.settings = runtime.settings.model_copy(update={"home": tmp_path})
    runtime.auth = "demo"
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.2)
    current.install(runtime)
    runtime.poller.start()
    yield runtime
    current.install(None)


@pytest.fixture
def browser(instance: Runtime) -> TestClient:
    """The browser of somebody who is signed in."""
    found = TestClient(Starlette(routes=[WebSocketRoute("/live", live.live)]), base_url=HERE)
    found.cookies.set(demo.COOKIE, demo.tickets(instance.settings.home).issue("viewer"))
    return found


def test_every_page_listens() -> None:
    """What follows the data, and the mark that says so, come with the head of a page."""
    for file in PAGES.glob("*.py"):
        assert re.search(r"\bkit\.(open_page|head)\(", file.read_text(encoding="utf-8")), file.name


def opened(browser: TestClient, **headers: str) -> WebSocketTestSession:
    return browser.websocket_connect("/live", headers={"Origin": HERE, **headers})


def closed(socket: WebSocketTestSession) -> int:
    """With which code it is closed, whatever it said before."""
    while (message := socket.receive())["type"] != "websocket.close":
        pass
    return int(message["code"])


def test_a_page_is_told_at_once_and_of_every_change(instance: Runtime, browser: TestClient, demo: TestDatabase) -> None:
    """Of the state that pages say they are drawn of; of an outage, and of its end; and now and then in any case,
    so that silence means that the connection is lost. While it is open the checks go on at the busy pace."""
    instance.poller._needed_at -= 3600
    assert instance.poller.idle
    with opened(browser) as socket:

        def told(state: str | None) -> bool:
            return bool(socket.receive_json() == {"state": state, "by": instance.id})

        assert told(instance.poller.state())
        for _ in range(3):
            before = instance.poller.state()
            demo.sql(CHANGE)
            until(lambda was=before: instance.poller.state() != was)
            until(lambda: told(instance.poller.state()))
        instance.poller._needed_at -= 3600
        assert not instance.poller.idle
        shut(demo)
        until(lambda: told(None))
    until(lambda: instance.poller.idle, what="nobody watches any more")


@pytest.mark.parametrize("headers", [{"Origin": ""}, {"Origin": "http://other"}, {"Sec-Fetch-Site": "same-site"}], ids=str)
def test_only_our_own_pages_are_answered(browser: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), opened(browser, **headers):
        pass


def test_nobody_who_is_not_signed_in_is_told_anything(browser: TestClient) -> None:
    """The connection is accepted and closed at once: of a refusal a browser does not tell the page why."""
    browser.cookies.clear()
    with opened(browser) as socket:
        assert socket.receive() == {"type": "websocket.close", "code": live.SIGNED_OUT, "reason": ""}


def test_signing_out_ends_it_in_every_tab_of_that_sign_in(instance: Runtime, browser: TestClient) -> None:
    """At once, and for nobody else."""
    other = TestClient(browser.app, base_url=HERE)
    tickets = demo.tickets(instance.settings.home)
    other.cookies.set(demo.COOKIE, tickets.issue("viewer"))
    mine = tickets.read(browser.cookies[demo.COOKIE])
    assert mine is not None
    with opened(browser) as first, opened(browser) as second, opened(other) as third:
        for socket in (first, second, third):
            assert socket.receive_json()["state"]
        ENDED.end(mine, hours=1, now=time.time())
        assert closed(first) == closed(second) == live.SIGNED_OUT
        assert third.receive_json()["state"]


def test_a_sign_in_that_runs_out_ends_it(instance: Runtime, browser: TestClient) -> None:
    with opened(browser) as socket:
        assert socket.receive_json()["state"]
        instance.settings = instance.settings.model_copy(update={"session_hours": 1e-6})
        assert closed(socket) == live.SIGNED_OUT


def test_what_a_page_says_is_not_listened_to(browser: TestClient) -> None:
    """Text or bytes: it neither ends the connection nor is it kept."""
    with opened(browser) as socket:
        socket.send_text("x" * 100_000)
        socket.send_bytes(b"\x00" * 100_000)
        for _ in range(3):
            assert socket.receive_json()["state"]
