"""Who may see what: pages by role, and no person's data where figures are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis
from starlette.applications import Starlette

from fleetcache import runtime as current
from fleetcache.access.roles import RIGHTS, ROLES
from fleetcache.catalogue import CATALOGUE
from fleetcache.runtime import Runtime
from fleetcache.ui.pages import PAGES, SECTIONS
from fleetcache.web.routes import routes
from tests.conftest import TestDatabase
from tests.live import bearer, finished
from tests.pages.test_pages import opened, said

PLACES = [page for pages in SECTIONS.values() for page in pages]


@pytest.fixture
def instance(runtime: Runtime) -> Iterator[Runtime]:
    current.install(runtime)
    yield runtime
    current.install(None)


def test_a_page_is_for_those_who_have_its_right(instance: Runtime) -> None:
    """A2: each page, opened by its address as nobody and as everybody; who may not see it gets no figure and
    no name, but the reason."""
    for place in PLACES:
        for role in (None, *ROLES):
            if role is not None and ROLES.index(role) >= ROLES.index(RIGHTS[place.right]):
                continue
            page = opened(place.name, role=role)
            words = said(page)
            assert not page.metric and not page.dataframe, (place.name, role)
            if role is None:
                assert "Is the crew complete" in words, place.name
                assert "Sign-in is not set up yet" in words
            else:
                assert f"This needs the role {RIGHTS[place.right]}" in words, (place.name, role)


def test_every_page_checks_by_itself() -> None:
    """And not only the script that leads to it."""
    for file in PAGES.glob("*.py"):
        [place] = [place for place in PLACES if place.name == file.stem]
        assert f'must("{place.right}")' in file.read_text(encoding="utf-8"), file.name


@pytest.mark.parametrize("hours", [13, -1])
def test_a_page_is_not_for_whoever_signed_in_too_long_ago(instance: Runtime, hours: int) -> None:
    page = opened("overview")
    page.user["iat"] -= hours * 3600
    page.run()
    assert "Sign in again" in said(page) and not page.metric


@pytest.mark.parametrize(
    ("auth", "words"),
    [(None, "The database does not answer"), ("demo", "Demo crew manager"), ("oidc", "There is no section [auth].")],
)
def test_nobody_comes_in_uninvited(
    instance: Runtime, monkeypatch: pytest.MonkeyPatch, auth: Any, words: str
) -> None:
    """P8: each way in has its page; what a provider says of somebody counts only where people sign in by one."""
    monkeypatch.setattr(instance, "auth", auth)
    page = opened("overview", role=None if auth == "oidc" else "admin")
    assert words in said(page) and not page.metric


def everything(client: redis.Redis) -> Iterator[str]:
    """All that is kept under any name, names included."""
    reads = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
        b"none": lambda key: b"gone meanwhile",
    }
    for key in client.scan_iter(count=1000):
        yield f"{key!r} {reads[client.type(key)](key)!r}"  # type: ignore[operator, index]


async def read_routes() -> None:
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for path in ("/api/dashboard/metrics", "/api/cache/health", "/metrics", "/readyz"):
            assert (await client.get(path, headers=bearer("admin"))).status_code == 200, path


def test_redis_holds_no_person(instance: Runtime, demo: TestDatabase, prefix: str) -> None:
    """A5: after every page and every reading route was opened, no name, number, e-mail address or telephone of
    anybody on file is in Redis, under whatever key."""
    instance.cache.warm(CATALOGUE)
    for place in PLACES:
        opened(place.name)
    finished(read_routes())
    instance.beat()
    with redis.Redis.from_url(instance.urls.redis) as server:
        kept = [text for text in everything(server) if prefix in text]
    assert len(kept) > len(CATALOGUE)
    text = "\n".join(kept)
    people = demo.rows("SELECT given_name, family_name, employee_number, email, phone FROM pilot_identity")
    assert len(people) > 300
    for given, family, *contact in people:
        for secret in (f"{given} {family}", f"{family}, {given}", f"{family} {given}", *contact):
            assert secret is None or str(secret) not in text, secret
