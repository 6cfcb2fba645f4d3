"""Filters that live in the URL."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fleetcache.definitions import RANKS


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
