"""What a page costs: the server to draw it again, a browser to show it, a hundred people who look at once."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from playwright.sync_api import Browser, sync_playwright

from benchmarks.crowd import ARRIVE_SECONDS, THINK_SECONDS, Crowd, crowd
from benchmarks.measure import Table, median, ms, percentile, times, turns
from benchmarks.served import Apps, Served, apps
from fleetcache.access.roles import Role
from fleetcache.demo.visitor import Visitor

MATRIX = "crew matrix alone, as after a click on its filter"
PAGES = ("", "fleet", "compliance", "retirement", "pilots", "leave", "imports", "cache", "audit", "settings")
EMPTY = "an empty page: one number"
EXPRESS = "overview, charts by plotly express"
KEPT_SECONDS = 120.0
"""For so long Streamlit keeps the session of somebody who left, in case they come back."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SEEN = """
(() => {
  const wanted = {
    number: "[data-testid=stMetricValue], [data-testid=stMain] [data-testid=stMarkdown] strong",
    card: "[data-testid=stMetricValue]",
  }
  window.seen = {}
  const look = () => {
    for (const [name, where] of Object.entries(wanted)) {
      if (name in window.seen || !document.querySelector(where)?.getBoundingClientRect().height) continue
      window.seen[name] = null
      requestAnimationFrame(() => setTimeout(() => {
        window.seen[name] = performance.now() / 1000
        if (Object.keys(wanted).every((each) => window.seen[each])) document.documentElement.dataset.seen = ""
      }))
    }
    requestAnimationFrame(look)
  }
  look()
})()
"""
"""Notes in the browser when the first number, and the first card, had been painted: seconds since the navigation."""
DRAWN = """
() => document.querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning"
    && !document.querySelector("[data-testid=stSkeleton]")
    && [...document.querySelectorAll("[data-testid=stPlotlyChart]")].every((chart) => chart.querySelector("svg.main-svg"))
"""
REST_SECONDS = 1.0
"""After a page is there to its end, before the same browser opens it again."""


@dataclass
class Page:
    """One page of one app, or the ``fragment`` of it with this heading, and what drawing it again took: processor seconds of the server
    in each turn, seconds until it was there, and its size in bytes."""

    name: str
    served: Served
    path: str
    role: Role | None = "admin"
    fragment: str = ""
    cpu: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    size: int = 0


def run(quick: bool, *, people: int = 100, seconds: float = 60.0) -> list[Table]:
    """All four tables: the cost of drawing a page again, the first content in a browser, people at once, memory."""
    rounds, each, visits = (1, 12, 1) if quick else (6, 12, 7)
    people, seconds = (min(people, 5), min(seconds, 3.0)) if quick else (people, seconds)
    with apps() as found:
        again = asyncio.run(_again(found, rounds, each))
        print("People at once…", flush=True)
        there = crowd(found.ours, people=people, seconds=seconds)
        left, at = found.ours.memory(), time.monotonic()
        first = _first(found, visits)
        if not quick:
            time.sleep(max(0.0, KEPT_SECONDS + 5 - (time.monotonic() - at)))
            _look(found.ours)
        return [again, first, *_tables(there, people, seconds, left, found.ours.memory(), quick)]


async def _again(found: Apps, rounds: int, each: int) -> Table:
    """The same session draws the same page again and again, all pages in turn."""
    empty, express = Page(EMPTY, found.empty, "", None), Page(EXPRESS, found.express, "")
    pages = [empty, express, *(Page(path or "overview", found.ours, path) for path in PAGES)]
    pages.append(Page(MATRIX, found.ours, "compliance", fragment="Crew by check"))
    async with AsyncExitStack() as leaving:
        at, part = {}, dict.fromkeys((page.name for page in pages), "")
        for page in pages:
            at[page.name] = await leaving.enter_async_context(Visitor(page.served.url, page.role))
            opened = await at[page.name].open(page.path)
            if page.fragment:
                part[page.name] = opened.fragments[page.fragment]
            for _ in range(3):
                await at[page.name].again(fragment=part[page.name])
        for page in turns(pages, rounds, "Pages"):
            began = page.served.cpu()
            drawn = [await at[page.name].again(fragment=part[page.name]) for _ in range(each)]
            page.cpu.append((page.served.cpu() - began) / each)
            page.seconds += [one.seconds for one in drawn]
            page.size = drawn[-1].size
            if fault := next((one.fault for one in drawn if one.fault), ""):
                raise RuntimeError(f"{page.name}: {fault}")
    rows = [
        (
            page.name, ms(median(page.cpu)), times(median(page.cpu) / median(empty.cpu)), times(median(page.cpu) / median(express.cpu)),
            ms(median(page.seconds)), ms(percentile(page.seconds, 0.95)), f"{page.size / 1000:.0f}",
        )
        for page in pages
    ]  # fmt: skip
    text = (
        f"One warm session per page, demo airline, draws its page again {rounds * each} times, the pages in turn in slices of "
        f"{each}. CPU ms is processor time of the whole server process, its background work included, for each drawing, the median of the slices; the "
        "empty page and the one by plotly express run in servers of their own with the same settings, the latter is our overview "
        "with as many charts of the same data. ms is from asking to the end of the script, over a websocket without a browser. "
        "Targets: overview 25 CPU ms, the crew matrix 40."
    )
    columns = ("page", "CPU ms", "to the empty page", "to plotly express", "p50 ms", "p95 ms", "KB")
    return Table("Pages: drawn again", text, columns, rows)


def _first(found: Apps, visits: int) -> Table:
    """From the navigation to the first number on the page, and to the first card."""
    pages = [Page(EMPTY, found.empty, "", None), Page(EXPRESS, found.express, ""), Page("overview", found.ours, "")]
    seen: dict[tuple[str, str, str], list[float]] = {}
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright, playwright.chromium.launch(
        executable_path=program, args=["--no-sandbox", "--disable-gpu"]
    ) as browser:  # fmt: skip
        for page in turns(pages, visits, "In a browser"):
            for visit, taken in zip(("first", "again"), _visit(browser, page), strict=True):
                for what, seconds in taken.items():
                    seen.setdefault((page.name, visit, what), []).append(seconds)
    figures = [(visit, what) for visit in ("first", "again") for what in ("number", "card")]
    rows = []
    for page in pages:
        took = [(median(seen[page.name, *each]), median(seen[EMPTY, *each])) for each in figures]
        rows.append((page.name, *(cell for one, empty in took for cell in (ms(one), times(one / empty)))))
    text = (
        f"Chromium on the same machine, from the navigation until the first number (of the overview: in the first sentence) and the "
        f"first card had been painted; {visits} visits each in turn, medians. First visit: nothing in the browser's cache. Again: the "
        "same address once more, when the page had been there to its end for a second."
    )
    heads = [head for visit, what in figures for head in (f"{visit}: {what} ms", "ratio")]
    return Table("Pages: first content", text, ("page", *heads), rows)


def _visit(browser: Browser, page: Page) -> list[dict[str, float]]:
    context = browser.new_context()
    try:
        if page.role:
            context.request.post(f"{page.served.url}/sign-in/{page.role}", headers={"Origin": page.served.url})
        tab = context.new_page()
        tab.add_init_script(SEEN)
        taken = []
        for _ in range(2):
            tab.goto(page.served.url, wait_until="commit")
            tab.locator("html[data-seen]").wait_for(state="attached", timeout=60_000)
            taken.append(tab.evaluate("window.seen"))
            tab.wait_for_function(DRAWN)
            tab.wait_for_timeout(1000 * REST_SECONDS)
        return taken
    finally:
        context.close()


def _look(served: Served) -> None:
    """Somebody comes by: what has run out is let go when the next one arrives and leaves."""

    async def visit() -> None:
        async with Visitor(served.url, "viewer") as visitor:
            await visitor.open()

    asyncio.run(visit())


def _tables(there: Crowd, people: int, seconds: float, left: float, later: float, quick: bool) -> list[Table]:
    named: Sequence[tuple[str, list[float]]] = [("all", there.all), *there.drawn.items()]
    rows = [
        (
            name, f"{len(taken):,}", *(ms(percentile(taken, share)) for share in (0.5, 0.95, 0.99)), ms(max(taken)),
            str(len(there.faults) if name == "all" else sum(fault.startswith(name) for fault in there.faults)),
        )
        for name, taken in named if taken
    ]  # fmt: skip
    low, high = THINK_SECONDS
    text = (
        f"{people} people, signed in, each with a page open: they open one of six, look at it for {low:.0f} to {high:.0f} s, open the "
        f"next, for {seconds:.0f} s after all had come. Server, databases and all people share the machine; the server took "
        f"{100 * there.cpu:.0f} % of one core. Seconds run from asking to the end of the script."
    )
    first = Table(f"Pages: {people} people", text, ("page", "drawn", "p50 ms", "p95 ms", "p99 ms", "worst ms", "faults"), rows)
    after = "the same (too short to tell)" if quick else f"{KEPT_SECONDS + 5:.0f} s later, when Streamlit has let go of them"
    grown = (there.with_all - there.before) / people
    memory = [
        ("before", f"{there.before:.0f}", "-"),
        (f"{people} people there", f"{there.with_all:.0f}", f"{grown:.2f}"),
        ("they have left", f"{left:.0f}", f"{(left - there.before) / people:.2f}"),
        (after, f"{later:.0f}", f"{(later - there.before) / people:.2f}"),
    ]
    text = f"Resident memory of the server process, all pages drawn before; the people arrive over {ARRIVE_SECONDS:.0f} s."
    return [first, Table("Pages: memory", text, ("moment", "MB", "MB a person"), memory)]
