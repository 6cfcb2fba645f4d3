"""What every page says in every state: nobody on file, Redis away, the last known figures, nothing left, not allowed.
None is blank, none invents a number, and each says in words how it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from fleetcache import runtime as current
from fleetcache.access import signin
from fleetcache.access.roles import RIGHTS, ROLES
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import BadSetting
from fleetcache.runtime import Runtime
from fleetcache.ui.pages import SECTIONS
from tests.conftest import TestDatabase
from tests.live import until
from tests.pages.test_pages import NAMES, NOBODY, cards, opened, said, shut

ASKED = {"figure": {"of": "certifications.expired"}}
"""What the address of a page has to say, where it shows nothing otherwise."""
# What the words are in each state; of a page that is not named, what "*" says.
WORDS = {
    "empty": {
        "*": "on file",
        "figure": "No checks",
        "imports": "Nothing is written before",
        "cache": "All cache layers healthy",
        "audit": "Nobody has done anything yet",
        "settings": "There is no fleet on file",
    },
    "without redis": {"*": "Redis does not answer · same figures, from the database"},
    "old": {
        "*": "The database does not answer: these are old figures",
        "imports": "The database does not answer",
        "cache": "degraded for",
        "audit": "The audit log is unavailable",
        "settings": "The settings are unavailable",
    },
    "down": {
        "*": "All figures of this page are unavailable",
        "imports": "The database does not answer",
        "cache": "No source: neither the database nor a held value",
        "audit": "The audit log is unavailable",
        "settings": "The settings are unavailable",
    },
}
LISTING = ("fleet", "compliance", "retirement", "pilots", "leave", "figure")
PLACES = {page.name: page for pages in SECTIONS.values() for page in pages}


@pytest.fixture
def installed(make_runtime: Callable[..., Runtime]) -> Iterator[Callable[..., Runtime]]:
    """Makes an instance that the pages of this process use; a prepared one unless there is no database."""

    def make(database: TestDatabase | None, *, redis: bool = True) -> Runtime:
        nowhere = f"postgresql://nobody@{NOBODY}/none"
        made = make_runtime(
            database or TestDatabase(nowhere, nowhere), redis_url=None if redis else f"redis://{NOBODY}"
        )
        if database is not None:
            made.prepare(progress=lambda step: None)
        current.install(made)
        return made

    yield make
    current.install(None)


def look(state: str) -> dict[str, AppTest]:
    """Every page in a state, each of which says the words of it."""
    pages = {name: opened(name, **ASKED.get(name, {})) for name in NAMES}
    silent = {
        name: said(page)
        for name, page in pages.items()
        if (WORDS[state].get(name) or WORDS[state]["*"]) not in said(page)
    }
    assert not silent
    return pages


def invented(page: AppTest) -> list[str]:
    """Numbers that nobody can have counted: any card, and whatever is nothing or all."""
    known = [f"{label}: {value}" for label, value in cards(page).items() if value != "–"]
    return known + re.findall(r".*\b(?:100(?:\.0)? ?%|0(?:\.0)? ?%|[Nn]obody (?:is|to)|0 pilots).*", said(page))


def test_nobody_is_on_file(installed: Callable[..., Runtime], database: TestDatabase) -> None:
    """Each page says so, and what to do; none of them shows a rate of nothing."""
    installed(database)
    for name, page in look("empty").items():
        assert not page.error, (name, said(page))
        assert name == "cache" or not [value for value in cards(page).values() if "0" in value], (name, said(page))


def test_redis_is_away(installed: Callable[..., Runtime], demo: TestDatabase) -> None:
    """Said quietly, for the figures are the same; a hiccup is not worth a word."""
    made = installed(demo, redis=False)
    made.cache.read_many(CATALOGUE)
    until(lambda: made.engine.link.breaker.lasting)
    for name, page in look("without redis").items():
        assert not page.error and not page.warning, (name, said(page))
    made.engine.link.breaker.succeeded()
    assert "Redis does not answer" not in said(opened("overview"))


def test_the_database_is_away_and_figures_are_held(installed: Callable[..., Runtime], demo: TestDatabase) -> None:
    """They are called old; every list with names says that it is unavailable, and no page is cut short."""
    made = installed(demo)
    made.cache.read_many(CATALOGUE)
    made.store.flush()
    for entry in made.cache.memory.entries.values():
        entry.value = msgspec.structs.replace(entry.value, computed_at=made.clock.now() - 14 * 60)
    shut(demo)
    until(lambda: made.cache.read("fleet:stats", counted=False).stale, within=5)
    for name, page in look("old").items():
        assert not page.success, (name, said(page))
        if name not in WORDS["old"]:
            assert "counted 14 min ago" in said(page), (name, said(page))
        if name in LISTING:
            assert any("The list is unavailable" in each.value for each in page.error), (name, said(page))


def test_nothing_is_left(installed: Callable[..., Runtime]) -> None:
    """Neither the database nor Redis nor anything held: no card, no chart, no “all is well”, and it will pass."""
    installed(None, redis=False)
    for name, page in look("down").items():
        assert not invented(page), name
        assert not page.success and not page.get("plotly_chart"), name
        assert name == "cache" or "by itself" in said(page), (name, said(page))
        assert "from the database" not in said(page), (name, "which is away as well")


def test_who_may_not_see_a_page_is_told_which_role_it_needs(installed: Callable[..., Runtime]) -> None:
    """And sees nothing of it; who has no role at all is told so on every page. No database is asked for that."""
    installed(None)
    for name in NAMES:
        needed = RIGHTS[PLACES[name].right]
        for role in ROLES[: ROLES.index(needed)]:
            page = opened(name, role=role)
            assert f"This needs the role {needed}; somebody has the role {role}." in said(page), name
            assert [each.value for each in page.title] == [f"{PLACES[name].icon} {PLACES[name].title}"]
            assert not page.metric and not page.dataframe, name
            assert [each.label for each in page.button] == ["Sign out"], name
    for name in NAMES:
        page = opened(name, role="passenger", **ASKED.get(name, {}))
        assert "You have no role here yet" in said(page) and "Ask an administrator" in said(page), name
        assert not page.metric and not page.dataframe, name


def test_a_demo_that_is_none_any_more_says_why_nobody_comes_in(installed: Callable[..., Runtime]) -> None:
    """Not that the database does not answer: it does. What happened, what it means, what to do."""
    made = installed(None)
    with pytest.raises(BadSetting) as why:
        signin.mode("demo", marked=False)
    made.auth, made.shut = None, why.value
    page = opened("overview", role=None)
    assert "Nobody can come in" in said(page) and "is not a demo that fleetcache made" in said(page)
    assert "Remove FLEETCACHE_AUTH" in said(page) and "does not answer" not in said(page)
    made.shut = None
    assert "The database does not answer" in said(opened("overview", role=None))
