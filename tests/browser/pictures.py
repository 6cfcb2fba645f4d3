"""The pictures of README.md and docs/: `python -m tests.browser pictures` takes them anew, of the demo airline as of today."""

from __future__ import annotations

import io
import random
import re
import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest
import redis
from PIL import Image
from playwright.sync_api import Browser, expect

from fleetcache.cache.counters import HitCounters
from fleetcache.cache.link import Link
from fleetcache.cache.marks import Mark, Marks
from fleetcache.cache.names import Names
from fleetcache.catalogue import CATALOGUE
from fleetcache.clock import Clock
from tests.browser.window import LARGE, PHONE, Window
from tests.conftest import TestDatabase
from tests.live import REPO, App, Redis, bearer
from tests.pages.test_pages import shut

PICTURES = REPO / "docs" / "pictures"
COLORS = 256  # a page has few, and a palette makes its file a third


class Picture(NamedTuple):
    """One picture: whose page, in which look, at which address; from which heading on, after which button."""

    name: str
    role: str
    look: str
    address: str
    height: int = 860
    heading: str = ""
    press: str = ""


TAKEN = [
    Picture("overview", "manager", "light", "/", 1020),
    Picture("phone", "manager", "phone", "/", 844),
    Picture("mark", "manager", "light", "/", 620, press="Current"),
    Picture("figure", "manager", "light", "/figure?of=certifications.nonCompliantPilots", 760),
    Picture("compliance", "manager", "light", "/compliance"),
    Picture("matrix", "manager", "dark", "/compliance", 700, heading="Crew by check"),
    Picture("as-of", "manager", "light", "/compliance?asof={then}", 620),
    Picture("leave", "manager", "light", "/leave?request={request}", 1150),
    Picture("retirement", "manager", "light", "/retirement"),
    Picture("cache", "admin", "dark", "/cache", 1060),
    Picture("actions", "admin", "light", "/cache", 720, heading="Actions"),
    Picture("settings", "admin", "light", "/settings", 760),
    Picture("audit", "admin", "light", "/audit", 560),
]
LOST = Picture("old", "manager", "light", "/fleet", 620)


def an_hour(redis_url: str, prefix: str) -> None:
    """Reads of the last hour as some people at the pages make them, with a flush in between: what the cache page draws
    of a program that has just been started is a single minute."""
    at = 0.0
    dice, client = random.Random(7), redis.Redis.from_url(redis_url)
    link, names = Link(client), Names(prefix, "0")
    counters = HitCounters(link, names, instance="yesterday", clock=Clock(now=lambda: at))
    keys, started = list(CATALOGUE), time.time() - 62 * 60
    for minute in range(60):
        at = started + 60 * minute
        for _read in range(dice.randint(40, 90)):
            layer = "memory" if dice.random() < 0.93 else "redis"
            counters.served(layer, dice.choice(keys))
            counters.timed(layer, "hit", dice.uniform(2e-6, 6e-6) if layer == "memory" else dice.uniform(2e-4, 9e-4))
        if minute in (0, 37):
            for key in keys:
                counters.served("materialized_view", key)
                counters.missed("redis", "absent", key)
            counters.timed("materialized_view", "hit", 0.003)
        counters.flush()
    Marks(link, names).add(Mark(started + 37 * 60, "flush", "yesterday", "20 values"))
    client.close()


def something_to_audit(app: App, database: TestDatabase) -> None:
    """One action of each kind that the audit tells apart."""
    leave = {"pattern": "fleet:leave:*"}
    app.http.post("/api/cache/invalidate", json=leave).raise_for_status()
    app.http.post("/api/dashboard/refresh").raise_for_status()
    assert app.http.post("/api/cache/invalidate", json=leave, headers=bearer("viewer")).status_code == 403
    database.sql("UPDATE settings SET value = value WHERE name = 'retirement_age'")


def take(window: Window, picture: Picture, address: str) -> None:
    """Open the page, and keep what is to be seen of it."""
    page = window.page
    page.set_viewport_size({"width": window.width, "height": picture.height})
    window.open(address)
    if picture is LOST:
        expect(page.get_by_test_id("stMain")).to_contain_text("are old figures")
    if picture.heading:
        page.get_by_role("heading", name=picture.heading, exact=True).evaluate("heading => heading.scrollIntoView()")
    if picture.press:
        page.get_by_role("button", name=re.compile(picture.press)).click()
        expect(page.get_by_test_id("stPopoverBody")).to_be_visible()
    window.settle()
    window.check(errors=picture is LOST)
    page.wait_for_timeout(500)  # what fades in has done so
    seen = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    seen.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(PICTURES / f"{picture.name}.png", optimize=True)
    print(f"{picture.name}.png  {seen.width} x {seen.height}  {(PICTURES / f'{picture.name}.png').stat().st_size // 1024} KB")


@pytest.fixture
def database(make_database: Callable[..., TestDatabase], seeded: str) -> TestDatabase:
    return make_database(seeded)


def test_pictures(chromium: Browser, database: TestDatabase) -> None:
    """All of them on one instance; at the end it loses its database."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    prefix, held = f"pictures-{secrets.token_hex(4)}", Redis()
    ((request, then),) = database.rows(
        "SELECT l.id, today() - 163 FROM leave_requests l JOIN pilots p ON p.id = l.pilot_id WHERE p.active"
        " AND l.status = 'SUBMITTED' AND l.leave_type = 'ANNUAL' AND l.first_day > today() + 20 AND NOT EXISTS"
        " (SELECT FROM leave_facts s WHERE s.pending AND s.fleet = p.fleet AND s.rank = p.rank AND s.seniority < p.seniority"
        "  AND s.first_day <= coalesce(l.last_day, l.first_day) AND s.last_day >= l.first_day) ORDER BY l.first_day, l.id LIMIT 1"
    )
    an_hour(held.url, prefix)
    app = App(DATABASE_URL=database.owner_url, REDIS_URL=held.url, FLEETCACHE_PREFIX=prefix)
    windows: dict[tuple[str, str], Window] = {}
    try:
        app.ready()
        something_to_audit(app, database)
        for picture in (*TAKEN, LOST):
            who = picture.role, picture.look
            if who not in windows:
                phone = picture.look == "phone"
                windows[who] = Window(chromium, app, width=PHONE if phone else LARGE, dark=picture.look == "dark")
                windows[who].open()
                windows[who].enter(picture.role)
            if picture is LOST:
                shut(database)
            take(windows[who], picture, picture.address.format(request=request, then=then))
    finally:
        for window in windows.values():
            window.context.close()
        app.close()
        held.close()
