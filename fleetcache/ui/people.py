"""The list of pilots: the same table on every page that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from fleetcache.panels import pilots
from fleetcache.source.people import Row
from fleetcache.ui import tables, words
from fleetcache.ui.shown import Shown

COLUMNS: dict[str, Any] = {
    "Name": st.column_config.TextColumn(pinned=True),
    "State": tables.word_column(words.COMPLIANCE_NAMES, label="Compliance"),
    "Why": st.column_config.TextColumn("Reason", width=150),
    "Roles": st.column_config.TextColumn(width=190),
    **tables.date_columns("Next expiry", "On leave until", "Joined", "Age limit"),
    **tables.number_columns("Seniority"),
}


def shown(rows: Sequence[Row], contracts: Mapping[str, str]) -> list[Shown]:
    """One row per pilot, the state in words, ``contracts`` by name where they are known."""
    return [{**row, "State": words.COMPLIANCE_NAMES[row["State"]]} for row in pilots.listed(rows, contracts)]
