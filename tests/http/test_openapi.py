"""The OpenAPI document: it says what is, a machine finds no breach of it, and its page needs nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fleetcache.web.api import api
from tests.conftest import TestDatabase
from tests.http.tokens import token
from tests.live import App

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ROUTES = {
    "/cache/health": {"get"},
    "/cache/invalidate": {"post", "delete"},
    "/cache/warm": {"post"},
    "/dashboard/metrics": {"get"},
    "/dashboard/refresh": {"post"},
    "/audit": {"get"},
    "/settings": {"get"},
    "/settings/{name}": {"put"},
    "/fleets/{code}": {"put"},
}
BESIDE = {"/healthz": {"get"}, "/readyz": {"get"}, "/metrics": {"get"}}
schema = schemathesis.openapi.from_dict(api.openapi())


@pytest.fixture(scope="module")
def admin(live_database: TestDatabase) -> Iterator[dict[str, str]]:
    yield token(live_database, "admin")


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_breach_is_found(case: schemathesis.Case, live: App, admin: dict[str, str]) -> None:
    """“Shows it works” 1: whatever fits the document, or almost does, gets an answer that the document has."""
    base = live.url if case.path in BESIDE else f"{live.url}/api"
    case.call_and_validate(base_url=base, headers=admin, checks=CHECKS)


def test_the_document_has_every_route_and_the_statuses_of_the_contract(live: App) -> None:
    """And it is to be had without signing in: nothing is in it that would need it."""
    document = httpx.get(f"{live.url}/api/openapi.json").json()
    for path, methods in BESIDE.items():
        found = document["paths"].pop(path)
        assert found.pop("servers") == [{"url": "/"}] and found.keys() == methods
    assert {path: set(found) for path, found in document["paths"].items()} == ROUTES
    assert document["servers"] == [{"url": "/api"}]
    assert document["components"]["securitySchemes"].keys() == {"token", "cookie", "demo"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            statuses = {"200", "400", "401", "403", "404", "405", "408", "413", "503"}
            statuses |= {"409"} if method == "put" or ("cache/" in path and method != "get") else set()
            statuses |= {"429"} if path == "/cache/invalidate" else set()
            assert operation["responses"].keys() == statuses, (path, method)
            assert operation["security"] == [{"token": []}, {"cookie": []}, {"demo": []}]
            assert all("X-Fleetcache-Instance" in answer["headers"] for answer in operation["responses"].values())
    [body] = document["paths"]["/cache/invalidate"]["post"]["requestBody"]["content"].values()
    assert body["schema"]["properties"].keys() == {"keys", "pattern", "dryRun", "expect"}
    assert body["schema"]["additionalProperties"] is False


def test_the_page_of_the_document_takes_nothing_from_elsewhere(live: App) -> None:
    """A closed network shows it as well, and nobody else is told who reads it."""
    page = httpx.get(f"{live.url}/api/docs")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(parts) == 3
    for part in parts:
        assert part.startswith("/api/docs/")
        assert httpx.get(live.url + part).status_code == 200
    assert httpx.get(f"{live.url}/api/docs/assets/nothing.js").json()["success"] is False
