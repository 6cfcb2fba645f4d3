"""The rows behind a number, as a table, and the words that say by what they were narrowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import streamlit as st

from fleetcache.definitions import RANKS
from fleetcache.figures.reference import ContractTypes
from fleetcache.glossary import GLOSSARY
from fleetcache.panels import compliance_lists, leave, retirement
from fleetcache.panels.behind import (
    CHECKS,
    DAYS,
    FIGURES,
    FOLLOWERS,
    GROUNDED,
    NAMED_DAYS,
    PEOPLE,
    RENEWED,
    REQUESTS,
    Behind,
    behind,
)
from fleetcache.source.people import Row
from fleetcache.ui import decision, people, tables, words
from fleetcache.ui.kit import go
from fleetcache.ui.pages import place
from fleetcache.ui.shown import Shown, arrow

FILTER_NAMES = {
    "leave_type": "Type",
    "month": "In",
    "first": "From",
    "last": "To",
    "day": "On",
    "expires_on": "Expire on",
}
"""What a filter is called; the others by their own name."""


@dataclass(frozen=True)
class Shape:
    """How the rows of a list are shown: what each is, the table of them, and its columns."""

    noun: str
    table: Callable[[Sequence[Row]], Sequence[Shown]]
    columns: Mapping[str, Any] = field(default_factory=dict)


_NAME = {"Name": st.column_config.TextColumn(pinned=True)}


def _followers(rows: Sequence[Row]) -> list[Shown]:
    """Without what cannot be counted where no day is known."""
    return [
        {
            **{name: value for name, value in row.items() if name not in ("Service", "Age")},
            "Readiness": words.READINESS_NAMES[row["Readiness"]],
            "State": words.COMPLIANCE_NAMES[row["State"]],
        }
        for row in retirement.candidates(rows, None)
    ]


SHAPES: dict[str, Shape] = {
    PEOPLE: Shape("pilots", lambda rows: people.shown(rows, {}), people.COLUMNS),
    GROUNDED: Shape(
        "pilots",
        compliance_lists.not_qualified,
        {**_NAME, "Why": st.column_config.TextColumn(width=430), **tables.date_columns("Lapsed since")},
    ),
    CHECKS: Shape(
        "checks",
        compliance_lists.held,
        {**_NAME, **tables.date_columns("Expires", "Completed"), **tables.number_columns("Days left")},
    ),
    RENEWED: Shape(
        "checks",
        compliance_lists.renewed,
        {**_NAME, **tables.date_columns("Expires", "Completed"), **tables.number_columns("Days left")},
    ),
    REQUESTS: Shape(
        "requests",
        lambda rows: leave.requests(rows, words.LEAVE_NAMES, words.STATUS_NAMES),
        {**_NAME, **tables.date_columns("From", "To"), **tables.number_columns("Days", "Seniority")},
    ),
    DAYS: Shape(
        "pilot-days", lambda rows: leave.days(rows, words.LEAVE_NAMES), {**tables.date_columns("Day")}
    ),
    FOLLOWERS: Shape(
        "first officers",
        _followers,
        {
            **_NAME,
            "Readiness": tables.word_column(words.READINESS_NAMES),
            "State": tables.word_column(words.COMPLIANCE_NAMES, label="Compliance"),
            **tables.date_columns("Joined"),
            **tables.number_columns("Seniority"),
        },
    ),
}


def narrowed(asked: Behind) -> dict[str, str]:
    """By what a number was narrowed: name of the filter -> its value, both in words."""
    return {FILTER_NAMES.get(name, name.capitalize()): _said(name, text) for name, text in asked.filters}


def _said(name: str, text: str) -> str:
    if name == "rank":
        return RANKS[text]
    if name == "leave_type":
        return words.LEAVE_NAMES.get(text, text)
    if name == "month":
        return f"{date.fromisoformat(text):%B %Y}"
    if name in NAMED_DAYS:
        return words.day(date.fromisoformat(text))
    return text


def show(asked: Behind, contracts: ContractTypes | None) -> None:
    """The rows themselves, with ``contracts`` by name where they are known; an undecided request among them can be
    decided here."""
    rows = tables.listed(asked.rows.list, **asked.arguments)
    if rows is None:
        return
    shape = SHAPES[asked.rows.list]
    names = {one.code: one.name for one in contracts.contract_types} if contracts is not None else {}

    def shown(rows: Sequence[Row]) -> list[Shown]:
        return [
            {**row, "Contract": names.get(row["Contract"], row["Contract"])} if "Contract" in row else row
            for row in shape.table(rows)
        ]

    requests = asked.rows.list == REQUESTS
    tables.table(
        shown(rows),
        key="rows",
        noun=shape.noun,
        columns=shape.columns,
        whole=tables.beyond(rows, asked.rows.list, shown, **asked.arguments),
        asked={"Figure": GLOSSARY[asked.figure].label, **narrowed(asked)},
        ids=[row["request_id"] for row in rows] if requests else (),
        pick=decision.choose if requests else None,
    )


def index() -> None:
    """Every figure with what it counts; one that is chosen is opened."""
    st.markdown("What each number counts. Choose one to see its rows.")
    figures = [name for name, rows in FIGURES.items() if not NAMED_DAYS.intersection(rows.by)]
    event: Any = st.dataframe(
        arrow(
            [
                {"Figure": GLOSSARY[name].label, "Counts": GLOSSARY[name].words, "Page": place(FIGURES[name].page).title}
                for name in figures
            ]
        ),
        hide_index=True,
        height="content",
        alt="Figures and what they count",
        key="index",
        selection_mode="single-row",
        on_select="rerun",
    )
    for chosen in event.selection.rows:
        go(behind(figures[chosen]))
