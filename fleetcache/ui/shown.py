"""Rows as they are shown, before a table or a file is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

Shown = dict[str, Any]
"""A row: heading -> what stands below it. All rows of a table have the same headings."""


def columns_of(rows: Sequence[Shown]) -> list[str]:
    """The columns of a table, which all its rows have; none where there is no row."""
    return list(rows[0]) if rows else []


def arrow(rows: Sequence[Shown]) -> pa.Table:
    """Rows in the form in which the browser gets them; made by way of a DataFrame it takes several times as long."""
    return pa.Table.from_pylist(rows)


def searched(rows: Sequence[Shown], wanted: str) -> list[Shown]:
    """Those of the rows that match a search, all of them where nothing is searched for."""
    return [rows[place] for place in matches(rows, wanted)]


def matches(rows: Sequence[Shown], wanted: str) -> Sequence[int]:
    """The places of the rows that hold every word of ``wanted`` in any column, letter case aside."""
    parts = wanted.lower().split()
    if not parts:
        return range(len(rows))
    texts = (" ".join(str(value) for value in row.values() if value is not None).lower() for row in rows)
    return [place for place, text in enumerate(texts) if all(part in text for part in parts)]
