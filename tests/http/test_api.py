"""The reading routes and the probe, asked over HTTP of the program as a person starts it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from http.client import HTTPConnection
from typing import Any

import msgspec
import pytest

from fleetcache.figures.dashboard import DashboardMetrics
from tests.conftest import TestDatabase
from tests.live import App, until
from tests.recount import recount

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

Rate = (float, type(None))
CATEGORY = dict.fromkeys(["total", "current", "expiring", "expired", "missing", "undated"], int) | {
    "complianceRate": Rate
}
DOCUMENT: dict[str, Any] = {
    "pilots": dict.fromkeys(
        ["total", "active", "captains", "firstOfficers", "trainingCaptains", "examiners"], int
    ),
    "certifications": {
        **CATEGORY,
        "compliantPilots": int,
        "unprovenPilots": int,
        "validityRate": Rate,
        "fullyCurrentRate": Rate,
    },
    "leave": dict.fromkeys(
        ["pending", "approved", "denied", "undecidedStarted", "onLeaveToday", "daysThisMonth"], int
    ),
    "alerts": dict.fromkeys(["criticalExpired", "expiringThisWeek", "missingCertifications"], int),
    "retirement": dict.fromkeys(["overdue", "years0to2", "years2to5", "years5to10", "unknown"], int),
    "categories": dict.fromkeys(
        ["Flight crew licence", "Medical", "Simulator", "Flight checks", "Ground courses", "Identity",
         "Work permits"],
        CATEGORY,
    ),
    "asOfDate": str,
    "dataVersion": str,
    "performance": {
        "queryTime": float,
        "cacheHit": bool,
        "cacheLayer": str,
        "ageSeconds": float,
        "lastUpdated": str,
        "stale": bool,
        "reason": (str, type(None)),
    },
}  # fmt: skip
HEALTH: dict[str, Any] = {
    "success": bool,
    "overall": str,
    "redis": {"healthy": bool, "connected": bool, "keyCount": int, "memory": int, "latencyMs": float},
    "materializedView": {"healthy": bool, "lastRefreshed": str, "ageSeconds": float, "asOfDate": str},
    "instances": list,
    "timestamp": str,
    "text": str,
    "warnings": list,
    "recommendation": str,
}
INSTANCE: dict[str, Any] = {
    "id": str,
    "version": str,
    "started": str,
    "seen": str,
    "schema": str,
    "silent": bool,
    "memoryHitRate": Rate,
    "memoryEntries": int,
    "memoryTrusted": bool,
    "breaker": str,
    "breakerOpened": int,
    "redisLatencyMs": Rate,
}


def check_shape(found: Any, wanted: Any, *, at: str = "", more: bool = False) -> None:
    """Exactly these keys (``more``: or others beside them), each of its exact type: JSON's
    ``true`` is not an integer, and a count is not a float."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict), at
        missing, extra = wanted.keys() - found.keys(), found.keys() - wanted.keys()
        assert not missing, f"{at}: without {missing}"
        assert more or not extra, f"{at}: unexpected {extra}"
        for key, value in wanted.items():
            check_shape(found[key], value, at=f"{at}.{key}", more=more)
        return
    types = wanted if isinstance(wanted, tuple) else (wanted,)
    assert type(found) in types or (float in types and type(found) is int), f"{at} is {found!r}"


def test_the_metrics_document_has_exactly_the_shape_of_the_contract(live: App) -> None:
    """Spec section 7: nothing renamed, nothing added, no count that became a string or null."""
    document = live.get("/api/dashboard/metrics")
    check_shape(document, DOCUMENT)
    performance = document["performance"]
    assert performance["cacheLayer"] in ("memory", "redis", "materialized_view", "database")
    assert performance["cacheHit"] == (performance["cacheLayer"] in ("memory", "redis"))
    assert performance["queryTime"] > 0
    assert MOMENT.fullmatch(performance["lastUpdated"])
    counted = datetime.fromisoformat(performance["lastUpdated"])
    age = (datetime.now(UTC) - counted).total_seconds()
    assert -1 < age - performance["ageSeconds"] < 10, "the age and the moment disagree"


def test_the_metrics_are_what_a_recount_of_the_tables_gives(live: App, live_database: TestDatabase) -> None:
    """A plain count of the rows, without any code of the program, gives the numbers people see."""
    found, _how = live.metrics()
    with live_database.owner() as connection:
        expected = recount(connection, date.fromisoformat(found["asOfDate"]))["dashboard:metrics"]
    document = msgspec.convert(expected, DashboardMetrics).document()
    assert {**document, "dataVersion": found["dataVersion"]} == found
    [(total, active)] = live_database.rows("SELECT count(*), count(*) FILTER (WHERE active) FROM pilots")
    assert (found["pilots"]["total"], found["pilots"]["active"]) == (total, active)


def test_a_second_read_comes_from_the_cache_with_the_same_numbers(live: App) -> None:
    """The cache is really used, and says so."""
    first, _how = live.metrics()

    def hit() -> bool:
        again, how = live.metrics()
        assert again == first
        assert how["cacheHit"] is (how["cacheLayer"] in ("memory", "redis"))
        assert (how["reason"] is None) is how["cacheHit"], "why no higher layer served it"
        return bool(how["cacheLayer"] == "memory")

    until(hit, within=5, what="a read from memory")


def test_the_health_document_has_the_shape_of_the_contract(live: App) -> None:
    """Spec section 10; it may say more, never less."""
    document = until(
        lambda: (found := live.get("/api/cache/health"))["instances"] and found, what="announced"
    )
    check_shape(document, HEALTH, more=True)
    assert document["success"] is True
    assert document["overall"] == "healthy"
    assert document["redis"]["healthy"] and document["materializedView"]["healthy"]
    assert MOMENT.fullmatch(document["timestamp"])
    assert document["materializedView"]["asOfDate"] == live.get("/api/dashboard/metrics")["asOfDate"]
    [instance] = document["instances"]
    check_shape(instance, INSTANCE)
    assert instance["breaker"] == "closed"


def test_the_probe_says_alive_and_nothing_else(live: App) -> None:
    answer = live.http.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"alive": True}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/nothing/here", 404),
        ("GET", "/api/nothing%0Ahere", 404),
        ("GET", "/api/dashboard/metrics/", 404),
        ("POST", "/api/nothing", 404),
        ("GET", "/api/docs/", 404),
        ("GET", "/api/openapi", 404),
        ("POST", "/api/dashboard/metrics", 405),
        ("DELETE", "/api/cache/health", 405),
    ],
)
def test_what_does_not_exist_under_api_is_refused_in_json(
    live: App, method: str, path: str, status: int
) -> None:
    """Never the page's HTML with a 200, which a program would take for success."""
    answer = live.http.request(method, path)
    assert answer.status_code == status
    error = answer.json()
    assert error.keys() == {"success", "error"}
    assert error["success"] is False
    assert error["error"]


def test_every_answer_says_which_instance_gave_it(live: App) -> None:
    """Also a refusal and a page: how else would one find the one sick instance?"""
    names = {
        live.http.get(path, headers=headers).headers.get("x-fleetcache-instance")
        for path, headers in (
            ("/healthz", {}),
            ("/", {}),
            ("/api/cache/health", {}),
            ("/api/nothing", {}),
            ("/healthz", {"Host": "evil.example"}),
        )
    }
    assert len(names) == 1 and None not in names, names
    assert names == {one["id"] for one in live.get("/api/cache/health")["instances"]}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "192.0.2.7"},
        {"Host": "[bad"},
        {"Host": ""},
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Host": "localhost"},
        {"Forwarded": "for=203.0.113.9"},
        {"X-Real-IP": "203.0.113.9"},
    ],
    ids=lambda headers: ": ".join(*headers.items()),
)
@pytest.mark.parametrize("path", ["/api/dashboard/metrics", "/", "/healthz"])
def test_only_this_machine_is_served(live: App, path: str, headers: dict[str, str]) -> None:
    """A name that a stranger points at 127.0.0.1, and anything a proxy passed on, get no data."""
    answer = live.http.get(path, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["success"] is False


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:8501", "[::1]:8501", "localhost:1"])
def test_this_machine_is_served_under_all_its_names(live: App, host: str) -> None:
    assert live.http.get("/healthz", headers={"Host": host}).status_code == 200


def websocket(app: App, **headers: str) -> int:
    """The status with which the socket of the pages answers."""
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        **headers,
    }
    connection = HTTPConnection("127.0.0.1", app.port, timeout=10)
    try:
        connection.request("GET", "/_stcore/stream", headers=asked)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_page_of_somebody_else_cannot_open_our_socket(live: App) -> None:
    """There is no sign-in: any site in the visitor's browser could otherwise read names through it.
    And it is refused by us, not by Streamlit, which first asks the internet for its own address."""
    assert websocket(live, Origin=live.url) == 101
    for stranger in ("http://evil.example", "null", f"http://127.0.0.1.evil.example:{live.port}"):
        assert websocket(live, Origin=stranger) == 403
    assert websocket(live, Host="evil.example", Origin="http://evil.example") == 403
    assert websocket(live, Origin=live.url, **{"X-Forwarded-For": "127.0.0.1"}) == 403
    assert "external IP" not in live.said
