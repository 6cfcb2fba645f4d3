"""Rows: searched, shown, and given away as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st

from fleetcache import runtime
from fleetcache.errors import FleetcacheError
from fleetcache.glossary import GLOSSARY
from fleetcache.source.people import MOST, Row, rows
from fleetcache.ui import words
from fleetcache.ui.chips import STATE_CHIPS
from fleetcache.ui.kit import empty
from fleetcache.ui.session import person

ROW_PIXELS = 36
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""With which of these a cell begins, a spreadsheet works it out."""
INNER = re.compile(r"([;\t\r\n][\s\"]*)(?=[=+@-])")
"""Where a spreadsheet with another separator than ours would begin a cell, which quotation marks do not stop: to it a
cell of ours that is not the first of its row begins in the middle of one."""


def read(list_name: str, *, role: str | None = None, **filters: Any) -> list[Row]:
    """One list with names, for a panel to shape before it is shown. Raises SourceDown or NotMigrated.

    A file is filled after the page was drawn, where nobody knows who is signed in: whoever reads one gives
    the ``role`` for which its button was drawn.
    """
    return rows(runtime.current().database, list_name, role=role or person().role, **filters)


def listed(list_name: str, **filters: Any) -> list[Row] | None:
    """The same, or None where it cannot be read, which is then said in its place."""
    try:
        return read(list_name, **filters)
    except FleetcacheError as error:
        st.error(
            f"**The list is unavailable.** {error} {error.hint}", icon=":material/cloud_off:"
        )
        return None


def table(
    rows: pd.DataFrame,
    *,
    key: str,
    noun: str,
    columns: Mapping[str, Any] | None = None,
    search: bool = True,
    height: int | Literal["auto", "content"] = "auto",
    most: int = MOST,
    whole: Callable[[], pd.DataFrame] | None = None,
    ids: Sequence[int] = (),
    pick: Callable[[int], None] | None = None,
) -> None:
    """Rows with a search over every column and a CSV of exactly what is shown, or of the ``whole``
    where more rows match than a page can show. What ``whole`` raises fails the download: a file that
    could not be filled is never given as an empty one. With ``ids``, one for each row, a row can be
    selected, and ``pick`` is called with its id."""
    shown = rows
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if search:
            wanted = st.text_input(
                "Search",
                key=f"{key}-search",
                placeholder=f"Search {noun}",
                icon=":material/search:",
                label_visibility="collapsed",
                width=280,
                bind="query-params",
            )
            if wanted:
                shown = rows[matches(rows, wanted)]
        st.download_button(
            "CSV",
            data=lambda: csv(whole() if whole else shown),
            file_name=f"{key}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"{key}-csv",
            on_click="ignore",
        )
        count = f"{len(shown):,} of {len(rows):,} {noun}" if len(shown) != len(rows) else f"{len(rows):,} {noun}"
        cut = f"; only the first {most:,} are listed, narrow the filters" if len(rows) >= most else ""
        if cut and whole:
            cut += " (the CSV holds them all)"
        st.caption(count + cut, width="content")
    if shown.empty:
        empty(f"No {noun} here." if rows.empty else f"No {noun} match the search.")
        return
    fits = isinstance(height, int) and ROW_PIXELS * (len(shown) + 1) < height
    # Other rows, another table: a selection of before would be of whatever stands in its place now.
    listed = [ids[place] for place in shown.index] if pick else []
    table_key = f"{key}-table" if pick is None else f"{key}-table-{hash(tuple(listed)):x}"
    st.dataframe(
        shown,
        hide_index=True,
        column_config=columns,
        key=table_key,
        height="content" if fits else height,
        placeholder=words.NO_DATA,
        alt=noun,
        selection_mode="single-row",
        on_select=partial(_picked, table_key, listed, pick) if pick else "ignore",
    )


def _picked(key: str, listed: Sequence[int], pick: Callable[[int], None]) -> None:
    for place in st.session_state[key].selection.rows:
        pick(listed[place])


def csv(rows: pd.DataFrame) -> bytes:
    """Rows as a file for spreadsheets, in UTF-8 with its mark. What one would take for a formula, whichever
    separator it goes by, has a ' before it, which an import of ours takes off again."""

    def harmless(cell: object) -> object:
        if not isinstance(cell, str):
            return cell
        guarded = INNER.sub(r"\1'", cell)
        return f"'{guarded}" if guarded.startswith(FORMULAS) else guarded

    texts = {str(name): rows[name].map(harmless) for name in rows.select_dtypes(["object", "str"])}
    # With this end of lines a cell that holds a part of it is quoted, and cannot begin a row.
    return rows.assign(**texts).rename(columns=harmless).to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")


def matches(rows: pd.DataFrame, wanted: str) -> pd.Series[bool]:
    """Which rows hold every word of ``wanted`` in any column, letter case aside."""
    known = rows.astype(object).where(rows.notna(), "")
    text = pd.Series(
        [" ".join(map(str, row)).lower() for row in known.itertuples(index=False)],
        index=rows.index,
        dtype=str,
    )
    hit = pd.Series(True, index=rows.index)
    for word in wanted.lower().split():
        hit &= text.str.contains(word, regex=False)
    return hit


def figures(
    rows: pd.DataFrame, *, key: str, alt: str, columns: Mapping[str, Any] | None = None
) -> None:
    """A small table of figures, as high as its rows; what is unknown is a dash."""
    st.dataframe(
        rows,
        hide_index=True,
        column_config=columns,
        key=f"{key}-figures",
        height="content",
        placeholder=words.NO_DATA,
        alt=alt,
    )


def frame(found: Sequence[Mapping[str, Any]], *, whole: Sequence[str] = ()) -> pd.DataFrame:
    """Rows as a table whose ``whole`` columns stay whole numbers, also in the CSV, where some are
    unknown."""
    made = pd.DataFrame(found)
    return made.astype(dict.fromkeys(whole, "Int64")) if len(made) else made


def count_column(figure: str, *, label: str | None = None, format: str | None = None) -> Any:
    """A column of whole numbers, with its definition on the heading."""
    definition = GLOSSARY[figure]
    return st.column_config.NumberColumn(
        label or definition.label, help=definition.words, format=format or "localized"
    )


def word_column(
    names: Mapping[str, str], *, label: str | None = None, figure: str | None = None
) -> Any:
    """A column of states, each a symbol and a word on its colour."""
    return st.column_config.MultiselectColumn(
        label or (GLOSSARY[figure].label if figure else None),
        help=GLOSSARY[figure].words if figure else None,
        options=list(names.values()),
        color=[STATE_CHIPS.get(code, "gray") for code in names],
    )


def date_columns(*names: str) -> dict[str, Any]:
    """Column settings for dates."""
    return {name: st.column_config.DateColumn(format="D MMM YYYY") for name in names}


def number_columns(*names: str, form: str = "%d", figure: str | None = None) -> dict[str, Any]:
    """Column settings for numbers of one precision, right-aligned, also where some are unknown."""
    words = GLOSSARY[figure].words if figure else None
    return {name: st.column_config.NumberColumn(format=form, help=words) for name in names}
