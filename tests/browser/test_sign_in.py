"""Signing in, in a real browser: to the demo by one click, and with a real OpenID Connect provider."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator

import httpx
import oidc_provider_mock
import pytest
from playwright.sync_api import Browser, expect
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from fleetcache import embedded
from fleetcache.access.roles import RIGHTS, ROLES
from fleetcache.ui.pages import SECTIONS
from tests.browser.window import PHONE, Window
from tests.conftest import TestDatabase
from tests.live import TOKENS, App, until
from tests.pages.test_pages import shut

COOKIE_SECRET = secrets.token_urlsafe(48)
PASSWORD = secrets.token_hex(12)
AUTH = """
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{secret}"
client_id = "fleetcache"
client_secret = "{secret}"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


def allowed(role: str) -> list[str]:
    """The titles of the pages that a role may see."""
    return [
        page.title
        for pages in SECTIONS.values()
        for page in pages
        if page.listed and ROLES.index(role) >= ROLES.index(RIGHTS[page.right])  # type: ignore[arg-type]
    ]


@pytest.fixture
def window(chromium: Browser, live: App) -> Iterator[Window]:
    opened = Window(chromium, live)
    yield opened
    opened.context.close()


def test_one_click_leads_into_the_demo_and_one_out_of_it(window: Window) -> None:
    """Back to the page that was asked for; what is for others says so; a reload and a second tab are signed in
    as well, and both are so no longer after signing out."""
    page = window.page
    frames: list[str | bytes] = []
    page.on("websocket", lambda line: line.on("framereceived", lambda frame: frames.append(frame)))
    window.open("/fleet?fleet=A330-200")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is the crew complete, current and covered?")
    expect(page.get_by_test_id("stMetric")).to_have_count(0)
    window.keep("sign-in-light-1280")
    received = b"".join(frame.encode() if isinstance(frame, str) else frame for frame in frames)
    assert b"Enter as viewer" in received and not re.search(b"DHC-8|CM-00|Captains", received)
    window.enter("viewer")
    assert page.url == f"{window.app.url}/fleet?fleet=A330-200"
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    assert window.places() == allowed("viewer")

    window.open("/cache")
    expect(page.get_by_text("Not for your role")).to_be_visible()
    expect(page.get_by_text("This needs the role admin; Demo roster planner has the role viewer.")).to_be_visible()
    expect(page.get_by_test_id("stMetric")).to_have_count(0)
    second = window.context.new_page()
    second.goto(window.app.url + "/cache")
    expect(second.get_by_text("signed in as viewer")).to_be_visible()
    window.check()

    page.get_by_role("button", name="Sign out").click()
    for tab in (page, second):
        expect(tab.get_by_role("button", name="Enter as admin")).to_be_visible()
        expect(tab.get_by_text("signed in as")).to_have_count(0)
    assert "fleetcache_demo" not in {cookie["name"] for cookie in window.context.cookies()}


def test_a_manager_sees_what_a_manager_may_see(window: Window) -> None:
    window.open("/cache")
    window.enter("manager")
    expect(window.page.get_by_text("Not for your role")).to_be_visible()
    assert window.places() == allowed("manager")
    window.check()


def test_the_sign_in_page_on_a_phone(chromium: Browser, live: App) -> None:
    window = Window(chromium, live, width=PHONE)
    window.page.emulate_media(color_scheme="dark")
    window.open("/")
    window.keep("sign-in-dark-390")
    window.check()
    window.context.close()


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """An OpenID Connect provider that knows some people."""
    people = [
        oidc_provider_mock.User(sub=sub, claims={"email": f"{sub}@example.com", "email_verified": True, "roles": roles})
        for sub, roles in [("vera", "viewer"), ("mara", ["staff", "manager"]), ("ada", ["viewer", "admin"]), ("nobody", ["Admin"])]
    ]
    with oidc_provider_mock.run_server_in_thread(user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def company_database(make_database: Callable[..., TestDatabase], seeded: str) -> TestDatabase:
    return make_database(seeded)


@pytest.fixture(scope="module")
def company(servers: embedded.Servers, company_database: TestDatabase, provider: str) -> Iterator[App]:
    """The program where people sign in with their company's provider."""
    app = App(
        secrets=AUTH.format(secret=COOKIE_SECRET, provider=provider),
        # The server asks for no password, and so takes any.
        DATABASE_URL=f"{company_database.owner_url}&password={PASSWORD}",
        REDIS_URL=servers.redis_url or "",
        FLEETCACHE_PREFIX=f"live-{secrets.token_hex(4)}",
        FLEETCACHE_AUTH="oidc",
    )
    try:
        yield app.ready()
    finally:
        app.close()


def arrive(window: Window, sub: str) -> None:
    """Sign in with the provider."""
    # What the provider's own pages would fetch is no business of ours.
    window.context.route("https://**", lambda route: route.abort())
    window.open("/cache")
    window.page.get_by_role("button", name="Sign in").click()
    window.page.locator("input[name=sub]").fill(sub)
    window.page.get_by_role("button", name=re.compile("authorize", re.I)).click()
    window.page.wait_for_url(f"{window.app.url}/**")
    window.troubles.clear()


@pytest.mark.parametrize(("sub", "role"), [pytest.param("vera", "viewer", marks=pytest.mark.slow), ("mara", "manager")])
def test_the_claim_gives_the_role(chromium: Browser, company: App, sub: str, role: str) -> None:
    """The highest of those that the provider names; the cookie is good for the API too."""
    window = Window(chromium, company)
    arrive(window, sub)
    expect(window.page.get_by_text(f"signed in as {role}")).to_be_visible()
    assert window.places() == allowed(role)
    assert window.context.request.get(f"{company.url}/api/dashboard/metrics").status == 200
    window.context.close()


def test_an_administrator_comes_and_goes(chromium: Browser, company: App) -> None:
    """Signing out is also signing out of the provider, and a copy of the cookie does not outlive it."""
    window = Window(chromium, company)
    arrive(window, "ada")
    expect(window.page.get_by_text("signed in as admin")).to_be_visible()
    assert window.places() == allowed("admin")
    window.check()
    copied = {cookie["name"]: cookie["value"] for cookie in window.context.cookies(company.url)}
    window.page.get_by_role("button", name="Sign out").click()
    window.page.get_by_role("button", name="End session").click()
    expect(window.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert window.context.request.get(f"{company.url}/api/dashboard/metrics").status == 401
    asked = httpx.get(f"{company.url}/api/dashboard/metrics", cookies=copied)
    assert asked.status_code == 401
    window.context.close()


def test_whoever_has_no_role_is_told_what_to_ask_for(chromium: Browser, company: App) -> None:
    """“Admin” is not “admin”: nothing is guessed."""
    window = Window(chromium, company)
    arrive(window, "nobody")
    expect(window.page.get_by_text("You have no role here yet")).to_be_visible()
    expect(window.page.get_by_text("read from the claim")).to_contain_text("Admin")
    expect(window.page.get_by_test_id("stMetric")).to_have_count(0)
    assert window.context.request.get(f"{company.url}/api/dashboard/metrics").status == 403
    window.context.close()


def test_a_cookie_is_good_for_some_hours(chromium: Browser, company: App) -> None:
    """On the pages and on the API alike, however long the browser keeps it, and only if we signed it."""

    def cookie(hours: int, secret: str = COOKIE_SECRET, origin: str = company.url) -> dict[str, str]:
        claims = {
            "sub": "ada", "roles": "admin", "iat": int(time.time()) - hours * 3600, "origin": origin,
            "is_logged_in": True, "provider": "default",
        }  # fmt: skip
        return {"_streamlit_user": create_signed_value(secret, "_streamlit_user", json.dumps(claims)).decode()}

    def asked(cookies: dict[str, str]) -> int:
        return httpx.get(f"{company.url}/api/dashboard/metrics", cookies=cookies).status_code

    assert asked(cookie(1)) == asked(cookie(11)) == 200
    assert asked(cookie(13)) == asked(cookie(1, "x" * 48)) == asked(cookie(1, origin="http://other")) == 401
    window = Window(chromium, company)
    [(name, value)] = cookie(13).items()
    window.context.add_cookies([{"name": name, "value": value, "url": company.url}])
    window.open("/settings")
    expect(window.page.get_by_text("A sign-in is good for 12 hours, and yours is older.")).to_be_visible()
    expect(window.page.get_by_role("button", name="Sign in")).to_be_visible()
    window.context.close()


def test_the_log_holds_no_secret(company: App, company_database: TestDatabase) -> None:
    """After people signed in and failed to, and after everything that can go wrong with a token, a cookie or
    the database: no token, cookie, code or password is in what the program wrote."""
    made_up = {name: f"{name}-{secrets.token_hex(12)}" for name in ("code", "state", "bearer", "cookie", "session")}
    cookies = {"_streamlit_user": made_up["cookie"], "_streamlit_session": made_up["session"]}
    for path in (
        f"/oauth2callback?code={made_up['code']}&state={made_up['state']}",
        f"/oauth2callback?error=access_denied&state={made_up['state']}",
        f"/auth/login?provider={made_up['state']}",
        "/auth/logout",
        "/api/dashboard/metrics",
        "/api/nothing",
    ):
        httpx.get(company.url + path, cookies=cookies, headers={"Authorization": f"Bearer fc_{made_up['bearer']}"})
    before = company.said.count("\n")
    shut(company_database)
    until(lambda: company.said.count("\n") > before, what=company.said)
    company.http.get("/api/dashboard/metrics")
    said = company.said
    for secret in (COOKIE_SECRET, PASSWORD, *made_up.values(), *TOKENS.values()):
        assert secret not in said
    assert not re.search(r"eyJ[A-Za-z0-9_-]{20,}", said), "an ID token"
