"""What a hostile review of sign-in and the API found; each would come back unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.routing import Route

from fleetcache import runtime as running
from fleetcache.access.roles import Person
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import Invalid, TooSlow
from fleetcache.runtime import Runtime
from fleetcache.settings import Settings
from fleetcache.source import audit, view
from fleetcache.source.database import Database
from fleetcache.web import identity, loopback
from fleetcache.web.door import door
from fleetcache.web.headers import HEADERS, Headers
from fleetcache.web.routes import Explained
from tests.conftest import TestDatabase
from tests.http.test_cli import Cli, cli, said  # noqa: F401
from tests.http.tokens import token
from tests.live import App, finished, until

ME = Person("somebody", "admin", "tests")


async def asked(app: Starlette, method: str, path: str) -> httpx.Response:
    """What routes within this process answer to a page of their own."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return await http.request(method, path, headers={"Sec-Fetch-Site": "same-origin"})


@pytest.fixture
def installed(runtime: Runtime) -> Iterator[Runtime]:
    """An instance that routes within this process find."""
    running.install(runtime)
    yield runtime
    running.install(None)


def test_a_demo_that_is_none_any_more_lets_nobody_in(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """Its mark was asked for once, at the start; the database may be given other data while it runs."""
    app = Starlette(routes=door)
    for auth, gone in ((None, "DELETE FROM demo"), ("demo", "ALTER TABLE demo RENAME TO other"), ("demo", "DELETE FROM demo")):
        demo.sql(
            "ALTER TABLE IF EXISTS other RENAME TO demo",
            "INSERT INTO demo (profile, seed, as_of, fingerprint) VALUES ('tiny', 1, today(), '') ON CONFLICT DO NOTHING",
        )
        parts = Runtime(Settings.model_validate({"FLEETCACHE_AUTH": auth}), make_runtime(demo).urls)
        running.install(parts)
        try:
            parts.judge()
            assert finished(asked(app, "POST", "/sign-in/admin")).status_code == 303
            demo.sql(gone)
            assert finished(asked(app, "POST", "/sign-in/admin")).status_code in (404, 500, 503)
            assert parts.auth == ("oidc" if auth is None else None)
        finally:
            running.install(None)
            parts.close()


def test_a_running_demo_sees_by_itself_that_it_is_none_any_more(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """Whoever came in before has a cookie."""
    parts = Runtime(Settings.model_validate({"FLEETCACHE_PREFIX": "unmarked"}), make_runtime(demo).urls)
    try:
        parts.prepare(progress=lambda step: None)
        assert parts.auth == "demo"
        demo.sql("DELETE FROM demo")
        parts.start()
        until(lambda: parts.auth == "oidc", within=10)
    finally:
        parts.close()


def test_a_websocket_of_another_site_is_refused_in_every_mode(installed: Runtime) -> None:
    """Streamlit would ask the internet whether it knows the Origin, while everybody else waits."""
    assert installed.auth == "oidc"
    for origin, fine in [(b"https://crew.example.com", True), (b"https://evil.example.com", False), (b"null", False)]:
        headers = [(b"host", b"crew.example.com"), (b"origin", origin)]
        asked = HTTPConnection({"type": "websocket", "headers": headers, "client": ("203.0.113.5", 1)})
        assert (loopback._fault(asked) is None) == fine


def test_what_fails_beside_the_api_is_said_like_every_error(installed: Runtime) -> None:
    async def broken(_request: Request) -> None:
        raise ZeroDivisionError

    around = [Middleware(Headers), Middleware(Explained)]
    app = Starlette(routes=[Route("/x", broken)], middleware=around)
    answer = finished(asked(app, "GET", "/x"))
    assert answer.status_code == 500 and answer.json()["success"] is False
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["x-fleetcache-instance"] == installed.id


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "PATIENCE_SECONDS", 0.05)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(60)
        raise AssertionError

    asked = Request({"type": "http", "method": "POST", "headers": [(b"content-length", b"9")]}, receive)
    with pytest.raises(TooSlow):
        finished(identity._body(asked))


def test_a_parameter_that_cannot_be_is_a_refusal_that_says_what_to_do(live: App, live_database: TestDatabase) -> None:
    name = "unsure-1"
    answer = live.http.delete("/api/cache/invalidate?dryRun=maybe", headers=token(live_database, "admin", name))
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(f". {Invalid.hint}")
    [row] = live.get(f"/api/audit?actor=token+{name}")["actions"]
    assert (row["action"], row["outcome"], row["subject"]) == ("cache.flush", "refused", "DELETE /api/cache/invalidate")


def test_a_wrong_method_is_told_every_right_one(live: App) -> None:
    answer = httpx.put(f"{live.url}/api/cache/invalidate")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, POST")


def test_what_the_command_line_is_refused_leaves_a_row(cli: Cli, demo: TestDatabase) -> None:  # noqa: F811
    """And only what was to be applied: looking at what a change would do is no change."""
    for arguments in (
        ("setting", "retirement_age", "999"),
        ("setting", "retirement_age", "999", "--dry-run"),
        ("setting", "retirement_age", "64", "--expect", "something else"),
        ("token", "revoke", "a\n\x1b[31mx"),
        ("token", "create", "--role", "viewer", "--name", "\x1b[31m" + "x" * 600),
    ):
        assert cli(*arguments, database=demo).exit_code == 1, arguments
    rows = demo.rows("SELECT action, subject, outcome, detail->>'error' FROM audit_log ORDER BY id")
    assert [row[:3] for row in rows] == [
        ("settings.change", "setting retirement_age", "refused"),
        ("settings.change", "setting retirement_age", "refused"),
        ("token.revoke", "a �[31mx", "refused"),
        ("token.create", "�[31m" + "x" * 495 + "…", "refused"),
    ]
    assert all(str(row[3]).isprintable() for row in rows)


def test_bytes_that_are_no_text_get_a_sentence(cli: Cli, demo: TestDatabase) -> None:  # noqa: F811
    for arguments in (
        ("token", "create", "--role", "viewer", "--name", "\udcff"),
        ("token", "revoke", "\udcff"),
        ("invalidate", "--pattern", "fleet:\udcff*"),
    ):
        ended = cli(*arguments, database=demo)
        assert ended.exit_code == 2 and "is not text in UTF-8" in said(ended)
    assert cli("refresh", database=demo, USER="\udcff").exit_code == 0
    assert demo.rows("SELECT actor FROM audit_log") == [("command line (�)",)]


def test_a_refusal_does_not_show_what_the_database_said(runtime: Runtime) -> None:
    """Its row is read over the API."""
    refused = Invalid("Not so.", detail="Key (digest)=(secret) already exists")
    runtime.console(ME).refuse("x", "y", refused)
    assert audit.found(runtime.database, most=1)[0].error == "Not so."


def test_what_comes_while_a_flush_runs_counts_once_and_outlives_one_that_was_looked_at(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.cache.warm(CATALOGUE)
    console = runtime.console(ME)
    real = view.refresh

    def meanwhile(database: Database) -> view.Refreshed:
        runtime.cache.read("fleet:stats")
        return real(database)

    monkeypatch.setattr(view, "refresh", meanwhile)
    assert console.flush() == len(CATALOGUE)
    runtime.cache.warm(["ref:settings"])
    shown, late = console.preview_flush(), f"{runtime.settings.prefix}:c:s0:{{fleet:old}}"
    admitted = lambda: runtime.engine.link.client.set(late, "of before", ex=60)  # noqa: E731
    assert console.flush(expect=shown.stamp, admit=admitted) == 1  # type: ignore[arg-type]
    assert [row.name for row in runtime.store.held() if row.name != "fleet:stats"] == ["fleet:old"]
    shown = console.preview(pattern="fleet:o*")
    assert console.invalidate(pattern="fleet:o*", expect=shown.stamp) == 1


def test_a_refresh_that_could_not_drop_says_so(make_runtime: Callable[..., Runtime], demo: TestDatabase) -> None:
    parts = make_runtime(demo, redis_url="unix:///nowhere/valkey.sock")
    done = parts.console(ME).refresh()
    assert "could not be dropped" in done.message
    assert "not dropped" in str(audit.found(parts.database, most=1)[0].detail)
