"""Filters that live in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from fleetcache.definitions import RANKS
from fleetcache.ui import words


def choose_fleet(fleets: Sequence[str]) -> str | None:
    """The fleet filter, kept in the URL."""
    return st.pills("Fleet", fleets, key="fleet", bind="query-params")


def choose_rank() -> str | None:
    """The rank filter, kept in the URL, where its code is understood as well as its label."""
    wanted = st.query_params.get("rank")
    if wanted in RANKS:
        st.query_params["rank"] = RANKS[wanted]
        st.rerun()
    return st.pills(
        "Rank", list(RANKS), format_func=RANKS.__getitem__, key="rank", bind="query-params"
    )


def choose_base(bases: Sequence[str]) -> str | None:
    """The base filter, kept in the URL."""
    return st.pills("Base", bases, key="base", bind="query-params")


def choose_day(today: date | None) -> date | None:
    """The day as of which lists are asked, kept in the URL; None for today."""
    chosen = st.date_input(
        "As of",
        value=today,
        min_value=date(1970, 1, 1),
        max_value=today,
        format="YYYY-MM-DD",
        key="asof",
        bind="query-params",
        width=150,
    )
    return chosen if chosen != today else None


def as_of(day: date | None) -> None:
    """The mark of lists that speak of a past day."""
    if day is not None:
        st.info(
            f"**As of {words.day(day)}, from the records as they are known today**: fleets, ranks, bases and checks of "
            "that day, with every later correction. Names and rules are today's.",
            icon=":material/history:",
        )
