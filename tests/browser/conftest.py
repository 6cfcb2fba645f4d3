"""A real browser, started once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-software-rasterizer", "--in-process-gpu", "--disable-component-update", "--disable-default-apps",
]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        reason = "no browser is installed (apt-get install chromium)"
        if os.environ.get("FLEETCACHE_REQUIRE_BROWSER"):
            pytest.fail(f"FLEETCACHE_REQUIRE_BROWSER is set, and {reason}")
        pytest.skip(reason)
    expect.set_options(timeout=40_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield started
        started.close()
