"""The program in every state, and windows on it that change hands without being opened anew."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Iterator

import psycopg
from playwright.sync_api import Browser
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from tests.browser.cases import FORBIDDEN, Case
from tests.browser.window import LARGE, PHONE, Window
from tests.conftest import TestDatabase
from tests.live import App, Redis
from tests.pages.test_pages import shut

NOWHERE = "127.0.0.1:1"
COOKIE = "_streamlit_user"
COOKIE_SECRET = secrets.token_urlsafe(48)
AUTH = f"""
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{COOKIE_SECRET}"
client_id = "fleetcache"
client_secret = "{COOKIE_SECRET}"
server_metadata_url = "http://{NOWHERE}/.well-known/openid-configuration"
"""


def reopen(database: TestDatabase) -> None:
    """Let people reach a database again that was ``shut``."""
    name = database.url.partition("?")[0].rpartition("/")[2]
    admin = database.owner_url.replace("fleetcache_owner", "postgres").replace(f"/{name}?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


class Stage:
    """Three instances: on the demo airline, which loses its servers and gets them back; on a database without
    anybody; and one that never had a server. All of them start at once, as nothing else waits so long."""

    def __init__(self, browser: Browser, airline: TestDatabase, deserted: TestDatabase) -> None:
        airline.sql("UPDATE settings SET value = value WHERE name = 'retirement_age'")  # something to be audited
        self._browser = browser
        self.airline = airline
        self._redis = Redis()
        nowhere = f"postgresql://nobody@{NOWHERE}/none"
        self._apps = {
            "full": self._app(airline.owner_url, self._redis.url),
            "empty": self._app(deserted.owner_url, self._redis.url),
            "down": self._app(nowhere, f"redis://{NOWHERE}"),
        }
        self._state = "healthy"
        self._windows: dict[str, Window] = {}
        self._at: dict[str, tuple[App, str]] = {}

    @staticmethod
    def _app(database_url: str, redis_url: str) -> App:
        return App(
            secrets=AUTH,
            DATABASE_URL=database_url,
            REDIS_URL=redis_url,
            FLEETCACHE_PREFIX=f"looks-{secrets.token_hex(4)}",
            FLEETCACHE_REDIS_COMMAND_MS="1000",
            FLEETCACHE_AUTH="oidc",
        )

    def close(self) -> None:
        """End everything."""
        for window in self._windows.values():
            window.context.close()
        for app in self._apps.values():
            app.close()
        self._redis.close()

    def app(self, state: str) -> App:
        """The instance that is in this state from now on."""
        wanted = "healthy" if state == FORBIDDEN else state
        if wanted in ("empty", "down"):
            return self._apps[wanted].ready()
        if wanted != self._state:
            # Stale comes before: what is held then is held by Redis.
            assert (self._state, wanted) in (("healthy", "stale"), ("stale", "no redis"))
            if wanted == "stale":
                shut(self.airline)
            else:
                reopen(self.airline)
                self._redis.stop()
            self._state = wanted
        return self._apps["full"].ready()

    def open(self, case: Case) -> Window:
        """The page of a case, as drawn to its end."""
        app = self.app(case.state)
        window = self._windows.get(case.look)
        if window is None:
            window = Window(
                self._browser, app, width=PHONE if case.look == "phone" else LARGE, dark=case.look == "dark"
            )
            self._windows[case.look] = window
        window.app = app
        window.troubles.clear()
        here = app, case.role
        if self._at.get(case.look) == here and case.state != FORBIDDEN and case.address == f"/{case.page}":
            window.go(case.page)
        else:
            window.context.add_cookies([{"name": COOKIE, "value": signed(app, case.role), "url": app.url}])
            window.open(case.address.replace("/overview", "/"))
            self._at[case.look] = here
        return window


def signed(app: App, role: str) -> str:
    """The cookie of somebody whom a provider gave this role."""
    claims = {
        "sub": f"a {role}", "roles": role, "iat": int(time.time()), "origin": app.url,
        "is_logged_in": True, "provider": "default",
    }  # fmt: skip
    return create_signed_value(COOKIE_SECRET, COOKIE, json.dumps(claims)).decode()


@contextlib.contextmanager
def stage(browser: Browser, make_database: Callable[..., TestDatabase], seeded: str, migrated: str) -> Iterator[Stage]:
    """A stage on databases of its own."""
    made = Stage(browser, make_database(seeded), make_database(migrated))
    try:
        yield made
    finally:
        made.close()
