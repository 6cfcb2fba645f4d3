"""Every page in every state: all is well, nobody on file, Redis gone, the view gone, the database gone,
everything gone. None is blank, none shows a zero or 100 % that nobody counted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from fleetcache import runtime as current
from fleetcache.catalogue import CATALOGUE
from fleetcache.figures.dashboard import DashboardMetrics
from fleetcache.glossary import GLOSSARY
from fleetcache.runtime import Runtime
from fleetcache.source import raw
from fleetcache.source.database import Database
from fleetcache.ui import kit
from fleetcache.ui.pages import PAGES, SECTIONS
from tests.conftest import TestDatabase
from tests.live import REPO, until

NAMES = [page.name for pages in SECTIONS.values() for page in pages]
NOBODY = "127.0.0.1:1"

# Which number of the document each card of a page repeats.
CARDS = {
    "overview": [
        "certifications.complianceRate", "pilots.active", "leave.onLeaveToday", "certifications.expiring",
        "certifications.expired", "leave.pending",
    ],
    "fleet": [
        "pilots.active", "pilots.captains", "pilots.firstOfficers", "pilots.trainingCaptains",
        "pilots.examiners",
    ],
    "compliance": [
        "certifications.complianceRate", "certifications.unprovenPilots", "certifications.validityRate",
        "certifications.fullyCurrentRate",
    ],
    "retirement": [
        "retirement.overdue", "retirement.years0to2", "retirement.years2to5", "retirement.years5to10",
        "retirement.unknown",
    ],
    "leave": [
        "leave.pending", "leave.undecidedStarted", "leave.approved", "leave.denied", "leave.onLeaveToday",
        "leave.daysThisMonth",
    ],
}  # fmt: skip
READING = list(CARDS)
LABELS = {"leave.undecidedStarted": "Already begun", "leave.daysThisMonth": "Days this month"}


def shut(database: TestDatabase) -> None:
    """Nobody can reach the database any more, and who was there is thrown out."""
    name = database.url.partition("?")[0].rpartition("/")[2]
    admin = database.owner_url.replace("fleetcache_owner", "postgres").replace(f"/{name}?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def opened(name: str, *, role: str | None = "admin", **query: str) -> AppTest:
    """A page as somebody with this role (None: nobody) who follows a link to it sees it."""
    page = AppTest.from_file(str(REPO / "fleetcache" / "ui" / "shell.py"), default_timeout=30)
    page.user = {"is_logged_in": role is not None, "sub": "somebody", "roles": [role], "iat": int(time.time())}
    page.switch_page(str(PAGES / f"{name}.py"))
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception, [each.value for each in page.exception]
    return page


def said(page: AppTest) -> str:
    """Every word on it that is not inside a table or a chart."""
    kinds = (page.title, page.subheader, page.markdown, page.text, page.caption, page.info, page.warning, page.error)
    words = [str(each.value) for kind in (*kinds, page.success) for each in kind]
    return "\n".join([*words, *(f"{each.label}: {each.value}" for each in page.metric)])


def explanation(page: AppTest) -> list[dict[str, str]]:
    """What stands behind the freshness mark, a line for each figure."""
    [table] = [part for each in page.markdown for part in each.value.split("\n\n") if part.startswith("Figure | ")]
    heads, _, *lines = (line.split(" | ") for line in table.splitlines())
    return [dict(zip(heads, line, strict=True)) for line in lines]


def cards(page: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in page.metric}


def shown(value: float) -> str:
    return f"{value:.1f} %" if isinstance(value, float) else f"{value:,}"


def cards_of(name: str, page: AppTest) -> dict[str, str]:
    """The cards that repeat a number of the document, by its place there."""
    found = cards(page)
    return {path: found[LABELS.get(path, GLOSSARY[path].label)] for path in CARDS[name]}


def expected(name: str, numbers: dict[str, Any]) -> dict[str, str]:
    """What they must say."""
    return {path: shown(numbers[path.split(".")[0]][path.split(".")[1]]) for path in CARDS[name]}


@pytest.fixture(scope="module")
def airline(make_database: Callable[..., TestDatabase], seeded: str) -> TestDatabase:
    return make_database(seeded)


@pytest.fixture(scope="module")
def viewless(make_database: Callable[..., TestDatabase], seeded: str) -> TestDatabase:
    made = make_database(seeded)
    made.sql("DROP MATERIALIZED VIEW figures")
    return made


@pytest.fixture(scope="module")
def deserted(make_database: Callable[..., TestDatabase], migrated: str) -> TestDatabase:
    return make_database(migrated)


@pytest.fixture
def state(
    request: pytest.FixtureRequest,
    make_runtime: Callable[..., Runtime],
    airline: TestDatabase,
    viewless: TestDatabase,
    deserted: TestDatabase,
) -> Iterator[Runtime]:
    """An instance in the state that the test names, installed for the pages of this process."""
    nowhere = f"postgresql://nobody@{NOBODY}/none"
    name = request.param
    database = {"no view": viewless, "empty": deserted}.get(name, airline)
    made = make_runtime(
        TestDatabase(nowhere, nowhere) if name == "down" else database,
        redis_url=f"redis://{NOBODY}" if name in ("no redis", "down") else None,
    )
    if name in ("up", "no redis", "empty", "no database"):
        made.prepare(progress=lambda step: None)
    if name == "no database":
        made.cache.warm(made.cache.slots)
        gone = make_runtime(TestDatabase(nowhere, nowhere))
        made = gone
    current.install(made)
    yield made
    current.install(None)


@pytest.fixture(scope="module")
def numbers(airline: TestDatabase) -> dict[str, Any]:
    """The document's numbers, from the raw queries."""
    database = Database(airline.url)
    try:
        value = raw.count(database, CATALOGUE["dashboard:metrics"])["dashboard:metrics"].value
    finally:
        database.close()
    assert isinstance(value, DashboardMetrics)
    return value.document()


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("state", ["up", "no redis", "no view"], indirect=True)
def test_a_lost_layer_changes_no_number_and_shows_no_error(
    request: pytest.FixtureRequest, state: Runtime, numbers: dict[str, Any], name: str
) -> None:
    """C13, D2: every card equals the document, whichever layer it came from."""
    page = opened(name)
    assert not page.error, said(page)
    assert cards_of(name, page) == expected(name, numbers)
    assert page.dataframe or name == "overview", "no table"
    assert page.get("plotly_chart"), "no chart"


@pytest.mark.parametrize("state", ["up"], indirect=True)
def test_the_first_chart_of_a_session_waits_for_the_numbers(state: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, on the first page that has a chart; later ones come at once."""
    waits: list[float] = []
    monkeypatch.setattr(kit, "time", SimpleNamespace(sleep=waits.append))
    page = opened("pilots")
    assert not page.get("plotly_chart") and not waits
    page.switch_page(str(PAGES / "leave.py")).run()
    assert page.get("plotly_chart") and waits == [kit.PAINT_SECONDS]
    page.run()
    page.switch_page(str(PAGES / "overview.py")).run()
    assert page.get("plotly_chart") and len(waits) == 1


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("state", ["empty"], indirect=True)
def test_nobody_on_file_is_said_and_is_not_100_percent(state: Runtime, name: str) -> None:
    """An empty denominator is “no data”."""
    page = opened(name)
    assert not page.error, said(page)
    assert any("on file" in each.value for each in page.info), said(page)
    assert "100" not in said(page)
    assert not [card for card in page.metric if card.value in ("0", "0.0 %")], said(page)


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("state", ["down"], indirect=True)
def test_with_everything_down_nothing_is_invented(state: Runtime, name: str) -> None:
    """An error in words with a way out; no card, no chart, no “all is well”."""
    page = opened(name)
    errors = [each.value for each in page.error]
    assert errors and all("navailable" in each for each in errors), said(page)
    assert "PostgreSQL" in " ".join(errors)
    assert not page.success, [each.value for each in page.success]
    known = {label: value for label, value in cards(page).items() if value != "–"}
    assert not known, "numbers from nowhere"
    assert not page.get("plotly_chart"), "a chart of nothing"
    assert "qualified on paper" not in said(page).lower().replace("not qualified on paper", "")


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("state", ["no database"], indirect=True)
def test_without_the_database_the_held_numbers_stay_and_the_lists_say_why_not(
    state: Runtime, numbers: dict[str, Any], name: str
) -> None:
    """What Redis holds is served; lists with names are never cached, so each says that it is
    unavailable and none looks like “nobody”."""
    page = opened(name)
    found, wanted = cards_of(name, page), expected(name, numbers)
    assert {path: value for path, value in found.items() if value != "–"}.items() <= wanted.items()
    assert any(value != "–" for value in found.values()), said(page)
    if name != "overview":
        assert any("unavailable" in each.value for each in page.error), said(page)
    assert not page.success, [each.value for each in page.success]


def untimed(text: str) -> str:
    """Without the seconds, which go on between two looks."""
    return re.sub(r"\d+ s ago", "… s ago", text)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("up", "healthy"),
        ("empty", "healthy"),
        ("no redis", "degraded"),
        ("no view", "degraded"),
        ("no database", "degraded"),
        ("down", "down"),
    ],
    indirect=["state"],
)
def test_the_cache_page_says_how_it_stands_in_every_state(state: Runtime, verdict: str) -> None:
    """P6: the verdict in a sentence, also when there is nothing left to ask."""
    page = opened("cache")
    sentence = page.markdown[0].value
    assert f"{verdict} for" in sentence, sentence
    health, _since = state.health()
    assert untimed(health.text) in untimed(sentence)
    if not health.redis.connected:
        assert cards(page)["Keys held"] == "–", "unknown is not zero"
        assert cards(page)["Hit rate"] == "–"
    if verdict != "healthy":
        assert health.recommendation in said(page)


NONSENSE = {
    "fleet": "NOPE", "rank": "';--", "base": "\x00", "category": "[", "window": "1 y", "split": "age",
    "day": "never", "band": "-1", "status": "1", "queue-search": "\\", "pilots-search": "(", "period": "RP99/1",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("state", ["up"], indirect=True)
def test_nonsense_in_the_address_is_ignored(state: Runtime, numbers: dict[str, Any], name: str) -> None:
    """An old bookmark or a mistyped filter opens the page, with everything on it."""
    page = opened(name, **NONSENSE)
    assert not page.error, said(page)
    if name in CARDS:
        assert cards_of(name, page) == expected(name, numbers)


@pytest.mark.parametrize("name", ["fleet", "compliance", "retirement", "leave"])
@pytest.mark.parametrize("state", ["up"], indirect=True)
def test_filters_of_all_fleets_add_up_to_the_whole(
    state: Runtime, airline: TestDatabase, numbers: dict[str, Any], name: str
) -> None:
    """P9: a filter from the address really filters, and no pilot gets lost between the fleets."""
    fleets = [str(code) for (code,) in airline.rows("SELECT code FROM fleets")]
    pages = [cards_of(name, opened(name, fleet=code)) for code in fleets]
    added = 0
    for path, whole in expected(name, numbers).items():
        parts = [page[path] for page in pages]
        if "%" not in whole and "–" not in parts:
            assert sum(int(part.replace(",", "")) for part in parts) == int(whole.replace(",", "")), path
            assert parts.count(whole) < len(parts), f"{path} is not filtered"
            added += 1
    assert added, (pages, "nothing could be added")


@pytest.mark.parametrize("state", ["up"], indirect=True)
def test_what_people_must_know_stands_on_the_page(state: Runtime) -> None:
    """A demo that somebody edited, a profile that is not the data's."""
    state.warnings = ("The data is of another profile.",)
    assert [each.value for each in opened("cache").warning] == list(state.warnings)


@pytest.mark.parametrize("state", ["up"], indirect=True)
def test_the_card_of_expired_checks_does_not_confuse_rows_and_pilots(state: Runtime, airline: TestDatabase) -> None:
    """`criticalExpired` counts pilots with a REQUIRED item expired; the expired rows lie on more."""
    [(rows, pilots)] = airline.rows(
        "SELECT count(*), count(DISTINCT pilot_id) FROM check_facts WHERE state = 'expired'"
    )
    [card] = [each for each in opened("overview").metric if each.label == GLOSSARY["certifications.expired"].label]
    assert card.value == f"{rows:,}"
    said = [int(number) for number in re.findall(r"on (\d+) pilots?$", card.delta)]
    assert said in ([], [pilots]), f"{card.delta}, but they are on {pilots}"


def outdated(page: AppTest) -> list[str]:
    """What the marks of a page say of old figures."""
    return [each.value for each in page.markdown if "history" in each.value and "-badge[" in each.value]


@pytest.fixture
def worn(make_runtime: Callable[..., Runtime], demo: TestDatabase) -> Iterator[Runtime]:
    """An instance whose memory holds every figure, 14 minutes old; Redis holds none."""
    made = make_runtime(demo)
    made.prepare(progress=lambda step: None)
    made.cache.read_many(CATALOGUE)
    made.store.flush()
    for entry in made.cache.memory.entries.values():
        entry.value = msgspec.structs.replace(entry.value, computed_at=made.clock.now() - 14 * 60)
    current.install(made)
    yield made
    current.install(None)


@pytest.mark.parametrize("name", READING)
def test_the_last_known_figures_are_marked_old(
    worn: Runtime, demo: TestDatabase, numbers: dict[str, Any], name: str
) -> None:
    """P8, C7: every layer fails, so memory gives what it last knew; nobody can take it for current."""
    shut(demo)
    until(lambda: worn.cache.read("fleet:stats", counted=False).stale, within=1)
    page = opened(name)
    found = {path: value for path, value in cards_of(name, page).items() if value != "–"}
    assert found and found.items() <= expected(name, numbers).items()
    [mark] = outdated(page)
    assert "Old · counted 14 min ago" in mark and "orange" in mark
    assert any("old figures" in each.value for each in page.warning), said(page)
    assert any("As of" in each.value for each in page.markdown), "no day"
    explained = explanation(page)
    for line in explained:
        assert (line["State"], line["Kept for"]) == ("▲ old", "–"), line
        assert line["Counted"].startswith("14 min ago, as of ")
        # On a busy machine some may still be on their way to failing.
        assert re.search("PostgreSQL|a newer one is being loaded", line["Why not higher, or why old"]), line


def test_figures_that_have_only_lived_too_long_are_not_marked_old(worn: Runtime, demo: TestDatabase) -> None:
    """Their time to live is over and counting takes longer than a reader waits; but nothing has changed."""
    for entry in worn.cache.memory.entries.values():
        entry.soft = entry.hard = worn.clock.monotonic()
    with demo.owner() as connection:
        connection.execute("REFRESH MATERIALIZED VIEW figures")
        page = opened("overview")
        assert outdated(page) == [] and "counted 14 min ago" in said(page)
        assert {line["State"] for line in explanation(page)} == {"✓ current"}
        connection.rollback()


def test_one_old_figure_among_current_ones_is_said_to_be_one(
    worn: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is not called old as a whole, and not current either."""
    real = worn.cache.read_many

    def one_old(names: Any, **how: Any) -> Any:
        found = real(names, **how)
        first = next(iter(found))
        return found | {first: msgspec.structs.replace(worn.cache.memory.entries[first].value, stale=True)}

    monkeypatch.setattr(worn.cache, "read_many", one_old)
    page = opened("leave")
    assert re.search(r"1 of \d figures old", outdated(page)[0])


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("state", ["up", "no redis", "no view"], indirect=True)
def test_current_figures_are_not_called_old(state: Runtime, name: str) -> None:
    page = opened(name)
    assert not outdated(page)
    assert not page.warning
