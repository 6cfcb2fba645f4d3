"""Every route for everybody with everything: the status of the contract, and JSON in its one shape."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fleetcache.access.roles import ROLES
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError
from tests.conftest import TestDatabase
from tests.http.tokens import token
from tests.live import App, bearer

KEYS = b'{"keys": ["fleet:stats"]}'
FLEET = (
    b'{"value": {"hulls": 6, "captains_per_hull": 9, "first_officers_per_hull": 10, "minimum_captains": 40,'
    b' "minimum_first_officers": 45}, "dryRun": true}'
)
# Method, path, the least role that may, a good body and what the answer then has beside "success".
ROUTES: list[tuple[str, str, str, bytes, set[str]]] = [
    ("GET", "/api/cache/health", "viewer", b"", {"overall", "redis", "materializedView", "instances"}),
    ("GET", "/api/dashboard/metrics", "viewer", b"", {"pilots", "performance", "asOfDate"}),
    ("POST", "/api/cache/invalidate", "admin", KEYS, {"invalidatedCount", "message"}),
    ("DELETE", "/api/cache/invalidate", "admin", b"", {"invalidatedCount", "message"}),
    ("POST", "/api/cache/warm", "admin", b"", {"loaded", "message"}),
    ("POST", "/api/dashboard/refresh", "manager", b"", {"lastRefreshed", "durationMs"}),
    ("GET", "/api/audit", "admin", b"", {"actions"}),
    ("GET", "/api/settings", "admin", b"", {"settings", "fleets"}),
    ("PUT", "/api/settings/retirement_age", "admin", b'{"value": 64, "dryRun": true}', {"stamp", "moved"}),
    ("PUT", "/api/fleets/A330-200", "admin", FLEET, {"stamp", "moved"}),
]
JSON = "application/json"
KINDS: dict[str, tuple[bytes | None, str, str]] = {
    # Name of the kind: body (None: the good one), content type, query.
    "good": (None, JSON, ""),
    "malformed": (b'{"keys": [', JSON, ""),
    "unknown parameter": (None, JSON, "?dryrun=true"),
    "too large": (b" " * (64 * 1024 + 1), JSON, ""),
    "wrong type": (KEYS, "text/plain", ""),
}


@pytest.fixture(scope="module")
def people(live_database: TestDatabase) -> dict[str | None, dict[str, str]]:
    """The headers of everybody; nobody has none."""
    return {None: {}, **{role: token(live_database, role) for role in ROLES}}


def expected(method: str, role: str | None, least: str, kind: str) -> int:
    """Who asks comes first, then what they may, then what they send."""
    if role is None:
        return 401
    if ROLES.index(role) < ROLES.index(least):  # type: ignore[arg-type]
        return 403
    if kind == "too large":
        return 413
    bad = kind == "unknown parameter" or (kind in ("malformed", "wrong type") and method != "GET")
    return 400 if bad else 200


def refusal(answer: httpx.Response) -> str:
    """What an answer says that is a refusal, in the one shape of all."""
    found = answer.json()
    assert found.keys() == {"success", "error"} and found["success"] is False
    assert isinstance(found["error"], str) and found["error"]
    return str(found["error"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
def test_every_route_for_everybody(
    live: App,
    people: dict[str | None, dict[str, str]],
    route: tuple[str, str, str, bytes, set[str]],
    kind: str,
) -> None:
    """A2, A3."""
    method, path, least, good, fields = route
    body, content_type, query = KINDS[kind]
    for role, headers in people.items():
        with httpx.Client(base_url=live.url, timeout=10) as http:
            answer = http.request(
                method,
                path + query,
                content=good if body is None else body,
                headers={**headers, "Content-Type": content_type},
            )
        assert answer.status_code == expected(method, role, least, kind), (role, answer.text)
        assert answer.headers["content-type"] == JSON
        assert answer.headers["x-fleetcache-instance"]
        if answer.status_code == 200:
            assert fields <= answer.json().keys()
            assert answer.json().get("success", True) is True
        else:
            refusal(answer)
        assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 30_000, "not JSON"),
        (b'{"keys": ["\\ud800"]}', "not JSON"),
        (b'{"keys": ["fleet:stats"], "dryRun": true, "dryRun": false}', "more than once"),
        (b"[]", ""),
        (b"null", ""),
        (b"{}", "keys, a pattern, or both"),
        (b'{"keys": null}', "keys, a pattern, or both"),
        (b'{"dryRun": true}', "keys, a pattern, or both"),
        (b'{"key": ["fleet:stats"]}', "key"),
        (b'{"keys": ["fleet:stats"], "dry_run": true}', "dry_run"),
        (b'{"keys": "fleet:stats"}', "keys"),
        (b'{"keys": [1]}', "keys"),
        (b'{"keys": ["fleet:stats"], "dryRun": "yes"}', "dryRun"),
        (b'{"keys": ["fleet:stats\\u0000"]}', "keys"),
        (b'{"keys": ["fleet:stats", "fleet:nonsense"]}', "fleet:nonsense"),
        (b'{"keys": ["session:42"]}', "session:42"),
        (b'{"pattern": "*"}', "fleet:, ref: or dashboard:"),
        (b'{"pattern": ""}', "fleet:, ref: or dashboard:"),
        (b'{"pattern": "session:*"}', "fleet:, ref: or dashboard:"),
        (b'{"pattern": "fleet:*", "keys": ["fleet:nonsense"]}', "fleet:nonsense"),
    ],
)
def test_what_cannot_be_used_removes_nothing(live: App, sent: bytes, fault: str) -> None:
    """Spec section 10: 400, the reason, and every value still there; none of these uses up the limit."""
    live.get("/api/dashboard/metrics")
    before = live.get("/api/cache/health")["redis"]["keyCount"]
    answer = live.http.post("/api/cache/invalidate", content=sent, headers={"Content-Type": JSON})
    assert answer.status_code == 400, answer.text
    assert fault in refusal(answer)
    assert live.get("/api/cache/health")["redis"]["keyCount"] >= before


def invalidated(live: App, headers: dict[str, str], **wanted: Any) -> dict[str, Any]:
    """What a request to invalidate that must be done says."""
    answer = live.http.post("/api/cache/invalidate", json=wanted, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_counts_are_exact(live: App, live_database: TestDatabase) -> None:
    """“Shows it works” 2: each value once, whichever way it was named, and what a dry run said."""
    me = token(live_database, "admin")
    assert live.http.post("/api/cache/warm", headers=me).json()["loaded"] == len(CATALOGUE)
    assert invalidated(live, me, keys=[])["invalidatedCount"] == 0
    both = {
        "keys": ["fleet:leave:stats", "dashboard:metrics:v3", "dashboard:metrics"],
        "pattern": "fleet:leave:*",
    }
    shown = invalidated(live, me, **both, dryRun=True)
    assert (shown["dryRun"], shown["invalidatedCount"], shown["wouldInvalidate"]) == (True, 0, 4)
    assert [value["key"] for value in shown["values"]] == [
        "dashboard:metrics", "fleet:leave:approved", "fleet:leave:pending", "fleet:leave:stats",
    ]  # fmt: skip
    assert shown["bytes"] == sum(value["bytes"] for value in shown["values"]) > 0
    done = invalidated(live, me, **both, expect=shown["stamp"])
    assert (done["invalidatedCount"], done["message"]) == (4, "Removed 4 values.")
    again = live.http.post("/api/cache/invalidate", json={**both, "expect": shown["stamp"]}, headers=me)
    assert again.status_code == 409 and "changed since" in refusal(again)
    assert invalidated(live, me, keys=["fleet:leave:stats"])["invalidatedCount"] in (0, 1)

    left = live.http.delete("/api/cache/invalidate?dryRun=true", headers=me).json()
    assert left["wouldInvalidate"] == live.get("/api/cache/health")["redis"]["keyCount"]
    flushed = live.http.delete(f"/api/cache/invalidate?expect={left['stamp']}", headers=me)
    assert flushed.status_code == 200, flushed.text
    assert flushed.json() == {
        "success": True,
        "message": "All cache flushed and materialized view refreshed",
        "invalidatedCount": left["wouldInvalidate"],
    }


def test_a_flush_that_is_sent_something_is_not_taken_for_one(live: App, live_database: TestDatabase) -> None:
    """A body that says “only these”, a parameter that is misspelt or given twice: everything would go."""
    name = f"hasty-{secrets.token_hex(3)}"
    me = token(live_database, "admin", name)
    for path, body in (
        ("", b'{"pattern": "fleet:leave:*"}'),
        ("?dryrun=true", b""),
        ("?dryRun=true&dryRun=false", b""),
        ("?dryRun=perhaps", b""),
    ):
        answer = live.http.request("DELETE", f"/api/cache/invalidate{path}", content=body, headers=me)
        assert answer.status_code == 400, path
        refusal(answer)
    assert live.http.post("/api/cache/invalidate", content=b"{}", headers=me).status_code == 400
    rows = live.get(f"/api/audit?actor=token+{name}&outcome=refused")["actions"]
    assert [row["action"] for row in rows] == ["cache.invalidate", *["cache.flush"] * 4]


def test_a_body_without_an_end_is_cut_off(live: App) -> None:
    """In chunks, without saying how long it is: 413 when it is a little too large, and not read for ever."""
    sent = 0

    def chunks(most: int) -> Iterator[bytes]:
        nonlocal sent
        for sent in range(most):  # noqa: B007
            yield b" " * 16_384

    for most in (5, 40, 4000):
        try:
            answer = live.http.post(
                "/api/cache/invalidate", content=chunks(most), headers={"Content-Type": JSON}
            )
        except httpx.TransportError:
            assert most == 4000  # it was closed while we were still sending
        else:
            assert answer.status_code == 413
            refusal(answer)
    assert sent < 2000, "read to its end"
    exact = live.http.post(
        "/api/cache/invalidate", content=b'{"keys": []}'.ljust(64 * 1024), headers={"Content-Type": JSON}
    )
    assert exact.status_code == 200


def test_eleven_in_a_minute_are_one_too_many(live: App, live_database: TestDatabase) -> None:
    """A6: the eleventh is refused with when to come back, and audited; dry runs and others do not count."""
    name = f"busy-{secrets.token_hex(3)}"
    me = token(live_database, "admin", name)
    for _ in range(5):
        invalidated(live, me, keys=[])
        invalidated(live, me, keys=[], dryRun=True)
    for _ in range(5):
        invalidated(live, me, pattern="fleet:nothing*")
    for method in ("POST", "DELETE"):
        body = b'{"keys": []}' if method == "POST" else b""
        answer = live.http.request(
            method, "/api/cache/invalidate", content=body, headers={**me, "Content-Type": JSON}
        )
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert "More than 10 times" in refusal(answer)
    invalidated(live, me, keys=[], dryRun=True)
    invalidated(live, token(live_database, "admin"), keys=[])
    rows = live_database.rows(
        f"SELECT action, outcome, count(*) FROM audit_log WHERE actor = 'token {name}' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert rows == [
        ("cache.flush", "refused", 1),
        ("cache.invalidate", "done", 10),
        ("cache.invalidate", "refused", 1),
    ]


def test_what_is_refused_leaves_a_row(live: App, live_database: TestDatabase) -> None:
    """A4: who tried what, from where; and the API itself gives the rows, also as CSV that no spreadsheet runs."""
    name = f"curious-{secrets.token_hex(3)}"
    me = token(live_database, "viewer", name)
    for method, path in (
        ("DELETE", "/api/cache/invalidate"),
        ("POST", "/api/cache/warm"),
        ("POST", "/api/dashboard/refresh"),
    ):
        assert live.http.request(method, path, headers=me).status_code == 403
    found = live.get(f"/api/audit?actor=token+{name}")["actions"]
    assert [(row["action"], row["subject"], row["outcome"]) for row in found] == [
        ("cache.refresh", "POST /api/dashboard/refresh", "refused"),
        ("cache.warm", "POST /api/cache/warm", "refused"),
        ("cache.flush", "DELETE /api/cache/invalidate", "refused"),
    ]
    assert found[0]["origin"] == f"API token {name}, 127.0.0.1"
    assert "needs the role manager" in found[0]["error"]
    assert (
        live.get(f"/api/audit?actor=token+{name}&action=cache.warm&outcome=refused&search=warm&most=1")[
            "actions"
        ]
        == found[1:2]
    )
    assert live.get(f"/api/audit?actor=token+{name}&until=2001-01-01")["actions"] == []
    with live_database.owner() as connection:
        connection.execute(
            "INSERT INTO audit_log (actor, action, subject, instance, outcome) VALUES (%s, 'x', '=1+1', '', 'done')",
            (f"token {name}",),
        )
    answer = live.http.get(f"/api/audit?actor=token+{name}&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0].startswith("at,actor,origin,action,subject,affected,instance,outcome,error,detail")
    assert len(lines) == 5 and ",'=1+1," in lines[1]


def cookie(live: App, role: str) -> str:
    """What the browser of somebody keeps who signed in to the demo."""
    with httpx.Client(base_url=live.url) as http:
        answer = http.post(f"/sign-in/{role}", headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 303, answer.text
        return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


def test_the_cookie_of_the_pages_reads_and_only_our_own_page_writes_with_it(
    live: App, live_database: TestDatabase
) -> None:
    """A3: any page in the same browser has the cookie sent along."""
    with httpx.Client(base_url=live.url, headers={"Cookie": cookie(live, "admin")}) as http:
        assert http.get("/api/cache/health").status_code == 200
        for strange in (
            {},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
            {"Origin": f"http://127.0.0.1:{live.port + 1}"},
            {"Origin": "http://localhost"},
            {"Sec-Fetch-Site": "cross-site", "Origin": live.url},
        ):
            for method, path in (("POST", "/api/cache/warm"), ("DELETE", "/api/cache/invalidate")):
                answer = http.request(method, path, headers=strange)
                assert answer.status_code == 403, strange
                refusal(answer)
        for own in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": live.url}):
            assert http.post("/api/cache/invalidate", json={"keys": []}, headers=own).status_code == 200
        # A token that is no good is not made good by a cookie.
        assert http.get("/api/cache/health", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    with httpx.Client(base_url=live.url, headers={"Cookie": cookie(live, "viewer")}) as http:
        assert (
            http.delete("/api/cache/invalidate", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 403
        )
    rows = live_database.rows(
        "SELECT DISTINCT action, outcome FROM audit_log WHERE actor LIKE 'Demo %' AND origin = 'API, 127.0.0.1' ORDER BY 1, 2"
    )
    assert rows == [("cache.flush", "refused"), ("cache.invalidate", "done"), ("cache.warm", "refused")]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer x",
        "Basic YTpi",
        f"Bearer fc_{'x' * 43}",
        f"Token fc_{'admin':_<43}",
        "Bearer " + "y" * 9000,
    ],
)
def test_what_is_no_token_lets_nobody_in(live: App, header: str) -> None:
    with httpx.Client(base_url=live.url, headers={"Authorization": header}) as http:
        assert http.get("/api/dashboard/metrics").status_code == 401


def test_who_has_a_token_may_write_the_word_bearer_as_they_like(live: App) -> None:
    """Its letter case does not count (RFC 9110)."""
    header = bearer("viewer")["Authorization"].replace("Bearer", "bEARER")
    assert httpx.get(f"{live.url}/api/cache/health", headers={"Authorization": header}).status_code == 200


def test_an_error_says_what_to_do_and_nothing_of_the_database(live: App) -> None:
    """The sentence of the glossary and its hint."""
    answer = live.http.get("/api/audit?search=a%00b")
    assert answer.status_code == 400
    assert "psycopg" not in answer.text and "NUL" not in answer.text
    assert FleetcacheError.hint not in answer.text
