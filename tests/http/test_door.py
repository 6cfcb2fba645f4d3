"""Who is let in: by peer, Host, Origin and forwarding headers, by the cookie, and to what beside the pages."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer

from fleetcache.access import demo
from fleetcache.web.headers import HEADERS
from tests.live import App, bearer

FIGURES = "/api/dashboard/metrics"
PROXIED = [
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": "127.0.0.1:4711"},
    {"X-Forwarded-For": "::1"},
    {"X-Forwarded-For": "203.0.113.5"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"X-Real-IP": "127.0.0.1"},
    {"X-Forwarded-Host": "localhost"},
]
ELSEWHERE = [
    {"Host": "crew.example.com"},
    {"Host": "10.0.0.1"},
    {"Host": "127.0.0.1.example.com"},
    {"Host": "[::ffff:10.0.0.1]"},
    {"Host": "127.0.0.1@example.com"},
    {"Origin": "http://crew.example.com"},
    {"Origin": "null"},
]


@pytest.fixture
def visitor(live: App) -> Iterator[httpx.Client]:
    """Somebody with a browser who is not signed in."""
    with live.visitor() as client:
        yield client


@pytest.mark.parametrize("headers", [*PROXIED, *ELSEWHERE], ids=lambda headers: " ".join(*headers.items()))
def test_the_demo_is_for_this_machine_only(live: App, headers: dict[str, str]) -> None:
    """A1: not for whoever a proxy forwards - whatever it says of them, the web server believes it and puts it
    in the place of the peer - and not for a name that somebody else controls. Not even a token helps."""
    for path in ("/", FIGURES, "/_stcore/health", "/healthz"):
        answer = live.http.get(path, headers=headers)
        assert answer.status_code == 403, path
        assert "this machine only" in answer.json()["error"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_has_many_names(live: App, host: str) -> None:
    assert live.http.get("/healthz", headers={"Host": f"{host}:{live.port}"}).status_code == 200


def handshake(app: App, **headers: str) -> int:
    """The status with which the websocket of the pages answers; a refusal carries what every answer does."""
    lines = {
        "Host": f"127.0.0.1:{app.port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as line:
        asked = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        line.sendall(f"GET /_stcore/stream HTTP/1.1\r\n{asked}\r\n".encode())
        answer = line.recv(10_000)
    status = int(answer.split()[1])
    if status != 101:
        assert b"\r\nx-fleetcache-instance: " in answer.lower() and b"\r\nx-frame-options: " in answer.lower()
    return status


def test_the_websocket_is_for_our_own_pages(live: App) -> None:
    """Cookies do not tell ports apart: a page of another server on this machine would have ours sent along."""
    assert handshake(live, Origin=live.url) == 101
    assert handshake(live, Origin="http://127.0.0.1:9") == 403
    assert handshake(live, Origin=f"http://localhost:{live.port}") == 403
    assert handshake(live, Origin="http://crew.example.com") == 403
    assert handshake(live, X_Forwarded_For="127.0.0.1") == 403


@pytest.mark.parametrize("role", demo.PEOPLE)
def test_the_cookie_is_good_for_routes(live: App, visitor: httpx.Client, role: str) -> None:
    """It is set so that no script can read it and no other site can have it sent."""
    assert visitor.get(FIGURES).status_code == 401
    answer = visitor.post(f"/sign-in/{role}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "max-age=43200" in cookie
    assert visitor.get(FIGURES).status_code == 200
    copied = dict(visitor.cookies)
    assert visitor.post("/sign-out").status_code == 303
    assert not visitor.cookies
    assert httpx.get(live.url + FIGURES, cookies=copied).status_code == 401, "a copy outlived the sign-out"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": ""}, {"Origin": "http://127.0.0.1:9"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
    ids=str,
)
def test_no_other_site_signs_anybody_in_or_out(live: App, headers: dict[str, str]) -> None:
    with live.visitor("viewer") as client:
        for path in ("/sign-in/admin", "/sign-out"):
            assert client.post(path, headers=headers).status_code == 403
        assert client.get(FIGURES).status_code == 200
    assert demo.COOKIE not in httpx.get(f"{live.url}/sign-in/admin", headers={"Origin": live.url}).cookies
    assert live.http.post("/sign-in/owner", headers={"Origin": live.url}).status_code == 404


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ("{}/leave?fleet=A330-200", "/leave?fleet=A330-200"),
        ("{}//example.com/x", "/example.com/x"),
        ("{}/\\example.com", "/example.com"),
        ("http://example.com/leave", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_back_and_nowhere_else(live: App, visitor: httpx.Client, came: str, goes: str) -> None:
    answer = visitor.post("/sign-in/viewer", headers={"Referer": came.format(live.url)})
    assert answer.headers["location"] == goes


def forged() -> dict[str, str]:
    foreign = URLSafeTimedSerializer("x" * 40, salt=demo.COOKIE)
    return {
        "unsigned": "admin",
        "signed by somebody else": foreign.dumps(["admin", "0"]),
        "empty": "",
        "long": "x" * 5000,
    }


@pytest.mark.parametrize("value", forged().values(), ids=forged())
@pytest.mark.parametrize("name", [demo.COOKIE, "_streamlit_user"])
def test_a_cookie_that_is_not_ours_is_nobodys(live: App, name: str, value: str) -> None:
    """Nor is one of the other way to sign in."""
    assert httpx.get(live.url + FIGURES, cookies={name: value}).status_code == 401


GUARDED = [
    "/media/0.csv", "/%6dedia/0.csv", "/base/media/0.csv", "/_stcore/upload_file/a/b", "/_stcore/metrics",
    "/_stcore/agent/interact", "/_stcore/agent/mcp",
]  # fmt: skip
OPEN = [
    "/", "/cache", "/pages/cache.py", "/pages/cache", "/app.py", "/app/static/app.py", "/static/../app.py",
    "/fleetcache/ui/shell.py", "/.streamlit/secrets.toml", "/component/x/app.py", "/_stcore/host-config",
    "/_stcore/script-health-check", "//pages/overview.py", "/%2e%2e/app.py",
]  # fmt: skip


@pytest.mark.parametrize("path", GUARDED)
def test_what_streamlit_serves_beside_the_pages_is_for_those_who_are_signed_in(live: App, path: str) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "POST"):
        assert httpx.request(method, live.url + path).status_code == 401, method
    with live.visitor("viewer") as client:
        assert client.get(path).status_code != 401


@pytest.mark.parametrize("path", OPEN)
def test_no_address_gives_data_or_source_without_signing_in(live: App, path: str) -> None:
    """What is not refused is Streamlit's own page, in which there is nothing yet."""
    answer = httpx.get(live.url + path)
    assert not re.search("CM-00|A330|import streamlit|cookie_secret", answer.text)
    page = httpx.get(live.url).text
    assert answer.status_code in (400, 404) or answer.text == page or path == "/_stcore/host-config"


@pytest.mark.parametrize("path", ["/", "/healthz", FIGURES, "/api/nothing", "/static/nothing.js", "/media/0.csv"])
def test_every_answer_carries_the_headers(live: App, path: str) -> None:
    for headers in ({}, {"Host": "example.com"}, bearer("viewer")):
        answer = httpx.get(live.url + path, headers=headers)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert answer.headers["x-fleetcache-instance"]


@pytest.mark.parametrize("path", [FIGURES, "/api/nothing", "/media/0.csv", "/_stcore/upload_file/a/b"])
def test_what_only_some_may_see_is_kept_by_nobody(live: App, visitor: httpx.Client, path: str) -> None:
    """Neither by a browser that the next one sits at, nor by a proxy."""
    visitor.post("/sign-in/viewer")
    for answer in (visitor.get(path), httpx.get(live.url + path)):
        assert answer.headers["cache-control"] in ("no-store", "no-cache")


def test_the_policy_allows_no_script_but_ours() -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert "unsafe" not in policy["script-src"]
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
