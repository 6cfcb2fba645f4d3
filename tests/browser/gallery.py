"""The full gallery: `python -m tests.browser gallery`, then open ``artefacts/gallery/index.html``."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import groupby

from playwright.sync_api import Browser
from playwright.sync_api import Error as BrowserError

from tests.browser.axe import grave
from tests.browser.cases import Case, every
from tests.browser.judge import judge
from tests.browser.stage import Stage, stage
from tests.browser.window import ARTEFACTS
from tests.conftest import TestDatabase

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>fleetcache, every page in every state</title>
<style>
body { font: 15px system-ui, sans-serif; margin: 2rem; }
section { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; width: 15rem; }
img { width: 100%; height: 12rem; object-fit: cover; object-position: top; border: 1px solid #ccc; }
figure.bad img { border: 3px solid #b3261e; }
</style>
<h1>Every page in every state</h1>
"""


def look(program: Stage, case: Case) -> list[str]:
    """Take the picture of a case; what is wrong with it."""
    try:
        window = program.open(case)
        window.keep(f"gallery/{case.name}")
        judge(window, case)
        return grave(window.page)
    except (AssertionError, BrowserError) as error:
        return [str(error)]


def index(found: dict[Case, list[str]]) -> str:
    """The gallery as one page: a row for each page and state."""
    parts = [PAGE]
    for (page, state), cases in groupby(sorted(found), lambda case: (case.page, case.state)):
        parts.append(f"<h2>{escape(page)}, {escape(state)}</h2><section>")
        for case in cases:
            wrong = escape("\n".join(found[case]))
            parts.append(
                f'<figure{" class=bad" * bool(wrong)} title="{wrong}"><a href="{case.name}.png">'
                f'<img src="{case.name}.png" loading="lazy" alt="{case.name}"></a>'
                f"<figcaption>{case.role}, {case.look}</figcaption></figure>"
            )
        parts.append("</section>")
    return "\n".join(parts)


def test_gallery(
    chromium: Browser, make_database: Callable[..., TestDatabase], seeded: str, migrated: str
) -> None:
    """All pictures are taken before anything is complained of."""
    found: dict[Case, list[str]] = {}
    cases = every()
    with stage(chromium, make_database, seeded, migrated) as program:
        for number, case in enumerate(cases, start=1):
            found[case] = look(program, case)
            print(f"\r{number} of {len(cases)}  {case.name:<60}", end="", flush=True)
    page = ARTEFACTS / "gallery" / "index.html"
    page.write_text(index(found), encoding="utf-8")
    print(f"\n{page}")
    wrong = {case.name: troubles for case, troubles in found.items() if troubles}
    assert not wrong, "\n".join(f"{name}: {troubles}" for name, troubles in wrong.items())
