"""From an UPDATE in the database to the changed number on a page that is open in a browser."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.fleet import Fleet, owner
from benchmarks.measure import Table, median, ms, percentile
from benchmarks.server import free_port
from fleetcache.servers import Urls

REPO = Path(__file__).parents[1]
TRIALS, QUICK = 50, 5
CARD = "Active pilots"
TEXT = (
    "The overview is open in Chromium; another connection updates one pilot, {trials} times with pauses of 0.8 to 1.4 s, and "
    "nobody touches the page. All times are from before the UPDATE is sent: until the page's websocket is told that the data is "
    "in another state (checks come every 50 ms), and until the frame in which the card “{card}” shows another number. "
    "Wanted: a median below 500 ms, the worst below 1 s. On the machine in question PostgreSQL, Valkey, the app and the "
    "browser share {cores} cores."
)
SCRIPT = """
window.heard = []
window.shown = []
const now = () => performance.timeOrigin + performance.now()
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given)
    if (this.url.endsWith("/live")) this.addEventListener("message", () => window.heard.push(now()))
  }
}
let last
new MutationObserver(() => {
  const card = [...document.querySelectorAll("[data-testid=stMetric]")].find((one) => one.innerText.includes("CARD"))
  const text = card?.querySelector("[data-testid=stMetricValue]").innerText
  if (text === undefined || text === last) return
  last = text
  requestAnimationFrame(() => setTimeout(() => window.shown.push(now())))
}).observe(document, { subtree: true, childList: true, characterData: true })
""".replace("CARD", CARD)
CHANGE = """
UPDATE pilots SET active = NOT active, examiner = false, training_captain = false
WHERE id = (SELECT max(id) FROM pilots WHERE rank = 'first_officer' AND left_on IS NULL)
"""


def run(quick: bool) -> list[Table]:
    """One table."""
    trials = QUICK if quick else TRIALS
    with Fleet() as fleet:
        urls = fleet.database("push")
        with _app(urls) as address, _browser() as browser:
            told, shown = _trials(_opened(browser, address), urls, trials)
    text = TEXT.format(trials=trials, card=CARD, cores=len(os.sched_getaffinity(0)))
    columns = ("from the UPDATE until", "median ms", "p95 ms", "worst ms")
    return [Table("Push: an open page", text, columns, [_row("the page is told", told), _row("the number is seen", shown)])]


def _row(what: str, seconds: Sequence[float]) -> tuple[str, ...]:
    return (what, ms(median(seconds)), ms(percentile(seconds, 0.95)), ms(max(seconds)))


def _trials(page: Page, urls: Urls, trials: int) -> tuple[list[float], list[float]]:
    told, shown = [], []
    with owner(urls) as connection:
        for trial in range(trials):
            time.sleep(random.uniform(0.8, 1.4))  # or the trials would keep step with the checks
            page.evaluate("() => { window.heard = []; window.shown = [] }")
            sent = time.time()
            connection.execute(CHANGE)
            page.wait_for_function("() => window.shown.length > 0", timeout=30_000)
            heard, seen = page.evaluate("() => [window.heard[0], window.shown[0]]")
            told.append(heard / 1e3 - sent)
            shown.append(seen / 1e3 - sent)
            if (trial + 1) % 10 == 0:
                print(f"push: {trial + 1} of {trials}", file=sys.stderr, flush=True)
    return told, shown


def _opened(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(SCRIPT)
    page.goto(address)
    page.get_by_role("button", name="Enter as manager").click()
    page.locator("[data-testid=stMetric]").filter(has_text=CARD).wait_for()
    page.wait_for_function("() => window.heard.length > 0")
    time.sleep(3)  # what comes with a first visit
    return page


@contextmanager
def _browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        raise SystemExit("push: no browser is installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@contextmanager
def _app(urls: Urls) -> Iterator[str]:
    """``streamlit run app.py`` on this database, until the end; its address."""
    home, port = tempfile.mkdtemp(prefix="fleetcache-bench-"), free_port()
    ours = {"DATABASE_URL": urls.owner, "REDIS_URL": urls.redis, "FLEETCACHE_HOME": home, "FLEETCACHE_PREFIX": "push"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLEETCACHE_", "STREAMLIT_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
        cwd=REPO, env={**kept, **ours}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 60
            while True:
                try:
                    if httpx.get(f"{address}/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise
                time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(home, ignore_errors=True)
