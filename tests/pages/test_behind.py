"""Every number on every page equals the count of the rows that it opens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from fleetcache import runtime as current
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import Invalid
from fleetcache.glossary import GLOSSARY
from fleetcache.panels.advice import Advice
from fleetcache.panels.behind import FIGURES, NAMED_DAYS, Behind, Opens, asked, behind
from fleetcache.runtime import Runtime
from fleetcache.source.people import MOST, rows
from fleetcache.ui import kit, tables
from fleetcache.ui.behind import SHAPES
from fleetcache.ui.shown import Shown, columns_of
from tests.conftest import TestDatabase
from tests.pages.test_pages import opened, said

EVERY = 1_000_000
SAMPLED = 12
NO_ROWS = {"Required", "Minimum", "Margin", "Validity", "Cover"}
"""Columns of numbers that count no rows: what is set, and what is made of two counts."""
DRAWN = [
    ("overview", {}), ("fleet", {"fleet": "A330-200", "base": "POM"}), ("compliance", {}), ("retirement", {}),
    ("leave", {"fleet": "A330-200", "rank": "captain"}),
]
SLOWLY = [
    ("fleet", {}), ("compliance", {"fleet": "B737-800", "rank": "first_officer"}),
    ("retirement", {"fleet": "DHC-8-400", "rank": "captain", "split": "rank"}), ("leave", {}),
]  # fmt: skip


class Seen:
    """The numbers that a page shows with what stands behind each, and those with nothing behind them."""

    def __init__(self, step: int) -> None:
        self.numbers: dict[Behind, int] = {}
        self.bare: list[str] = []
        self._step = step

    def note(self, number: int, place: Behind | None) -> None:
        if place is not None:
            assert self.numbers.setdefault(place, number) == number, (place, "two numbers on one page")

    def link(self, label: str, place: Behind) -> None:
        if found := re.findall(r"(?:^|: )(\d[\d,]*)", re.sub(r":small\[|\*", "", label)):
            self.note(int(found[-1].replace(",", "")), place)

    def sentences(self, items: Sequence[Advice]) -> None:
        for item in items:
            if item.behind is not None:
                assert item.count is not None and f"{item.count:,}" in item.text, item
                self.note(item.count, item.behind)

    def figures(self, shown: Sequence[Shown], *, opens: Opens | None = None, **_more: Any) -> None:
        for name in columns_of(shown):
            numbers = [row[name] for row in shown]
            if not any(isinstance(number, int | float) for number in numbers):
                continue
            if opens is None or name not in opens:
                self.bare.append(name)
                continue
            for place, number in enumerate(numbers):
                self.note(int(number), opens[name](place))

    def chart(self, figure: dict[str, Any], *, key: str, opens: Opens | None = None, **_more: Any) -> None:
        assert opens, f"the chart {key} opens nothing"
        lines = [trace for trace in figure["data"] if trace.get("name") in opens]
        assert lines, f"nothing of the chart {key} can be chosen"
        for trace in lines:
            values = trace.get("customdata") or trace["x" if trace.get("orientation") == "h" else "y"]
            wanted = {*range(0, len(values), self._step if len(values) > SAMPLED else 1), len(values) - 1}
            for place in sorted(wanted):
                self.note(int(values[place] or 0), opens[trace["name"]](place))


@pytest.fixture
def instance(runtime: Runtime, demo: TestDatabase) -> Iterator[Runtime]:
    """Of an airline where some names have not been entered: who has none is counted, and so listed."""
    demo.sql("DELETE FROM pilot_identity WHERE pilot_id % 7 = 0")
    current.install(runtime)
    yield runtime
    current.install(None)


def looked_at(monkeypatch: pytest.MonkeyPatch, page: str, query: dict[str, str], step: int) -> Seen:
    """Open a page and listen to what is drawn on it."""
    seen = Seen(step)
    for module, name in ((kit, "link"), (kit, "sentences"), (kit, "chart"), (tables, "figures")):
        drawn, note = getattr(module, name), getattr(seen, name)

        def both(*values: Any, drawn: Any = drawn, note: Any = note, **more: Any) -> None:
            note(*values, **more)
            drawn(*values, **more)

        monkeypatch.setattr(module, name, both)
    opened(page, **query)
    return seen


@pytest.mark.parametrize(
    ("page", "query", "step"),
    [
        *((*drawn, 41) for drawn in DRAWN),
        *(pytest.param(*drawn, 1, marks=pytest.mark.slow) for drawn in DRAWN + SLOWLY),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else str(value),
)
def test_a_number_counts_the_rows_it_opens(
    instance: Runtime, monkeypatch: pytest.MonkeyPatch, page: str, query: dict[str, str], step: int
) -> None:
    seen = looked_at(monkeypatch, page, query, step)
    assert set(seen.bare) <= NO_ROWS
    assert len(seen.numbers) > 15
    wrong = {
        place.query: (number, found)
        for place, number in seen.numbers.items()
        if (found := count(instance, asked(place.query))) != number
    }
    assert not wrong


def count(instance: Runtime, place: Behind) -> int:
    return len(rows(instance.database, place.rows.list, role="viewer", most=EVERY, **place.arguments))


def test_every_figure_has_its_words_and_its_rows(instance: Runtime) -> None:
    """All of them, also those that no page shows today."""
    today = instance.cache.read("fleet:stats").day
    for name, found in FIGURES.items():
        assert name in GLOSSARY and found.list in SHAPES and found.key in CATALOGUE, name
        count(instance, behind(name, **dict.fromkeys(NAMED_DAYS.intersection(found.by), today)))


@pytest.mark.parametrize("list_name", SHAPES)
def test_the_page_of_a_figure_lists_the_rows(instance: Runtime, list_name: str) -> None:
    """Its name, what it counts, and the table, for one figure of each list."""
    today = instance.cache.read("fleet:stats").day
    name, found = next((name, found) for name, found in FIGURES.items() if found.list == list_name)
    place = behind(name, **dict.fromkeys(NAMED_DAYS.intersection(found.by), today))
    page = opened("figure", **place.query)
    assert GLOSSARY[name].label in page.title[0].value and GLOSSARY[name].words in said(page)
    n = min(count(instance, place), MOST)
    assert f"{n:,} {SHAPES[found.list].noun}" in said(page)
    assert not n or n in [len(table.value) for table in page.dataframe]


def test_a_figure_says_how_it_came(instance: Runtime, demo: TestDatabase) -> None:
    """The query, and every layer by itself: all agree, until one cannot answer."""
    page = opened("figure", of="pilots.active", how="true")
    [shown] = [one.value for one in page.dataframe if "Same numbers" in one.value]
    assert list(shown["Layer"]) == ["Memory", "Redis", "Materialized view", "Raw queries"]
    assert set(shown["Same numbers"]) == {"✓ the same"}
    assert "jsonb_build_object" in page.code[0].value
    demo.sql("ALTER MATERIALIZED VIEW figures RENAME TO elsewhere")
    [shown] = [one.value for one in opened("figure", of="fleet:stats").dataframe if "Same numbers" in one.value]
    assert [isinstance(why, str) for why in shown["Why not"]] == [False, False, True, False]


@pytest.mark.parametrize(
    "query",
    [
        {"of": "nonsense"},
        {"of": "pilots.active", "by-colour": "red"},
        {"of": "pilots.captains", "by-rank": "captain"},
        {"of": "pilots.active", "by-rank": "steward"},
        {"of": "availability.onPaper", "by-fleet": "A330-200"},
        {"of": "availability.onPaper", "by-day": "the day after tomorrow"},
    ],
)
def test_an_address_that_means_nothing_is_said_and_shows_no_number(instance: Runtime, query: dict[str, str]) -> None:
    """A filter that was not understood must not show everybody."""
    with pytest.raises(Invalid):
        asked(query)
    page = opened("figure", **query)
    assert "This address leads to no figure" in said(page) and not page.dataframe
