"""Rows: searched, shown, and given away as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import streamlit as st

from fleetcache import runtime
from fleetcache.errors import FleetcacheError
from fleetcache.glossary import GLOSSARY
from fleetcache.panels.behind import Opens
from fleetcache.source.people import MOST, Row, rows
from fleetcache.ui import exports, states, words
from fleetcache.ui.chips import STATE_CHIPS
from fleetcache.ui.kit import empty, go
from fleetcache.ui.session import person
from fleetcache.ui.shown import Shown, arrow, columns_of, matches, searched

ROW_PIXELS = 36
EVERY = 1_000_000
"""Rows of a file at the most: as many as a sheet of Excel takes."""


def read(list_name: str, *, role: str | None = None, **filters: Any) -> list[Row]:
    """One list with names, for a panel to shape before it is shown. Raises SourceDown or NotMigrated.

    A file is filled after the page was drawn, where nobody knows who is signed in: whoever reads one gives
    the ``role`` for which its button was drawn.
    """
    return rows(runtime.current().database, list_name, role=role or person().role, **filters)


def beyond(
    found: Sequence[Row], list_name: str, shown: Callable[[list[Row]], Sequence[Shown]], *, most: int = MOST, **filters: Any
) -> Callable[[], Sequence[Shown]] | None:
    """What reads the whole of a list for its files, where as many rows were ``found`` as a page shows at the ``most``;
    None where those are all."""
    if len(found) < most:
        return None
    role = person().role
    return lambda: shown(read(list_name, role=role, most=EVERY, **filters))


def listed(list_name: str, **filters: Any) -> list[Row] | None:
    """One list with names, or None where it cannot be read, which is then said in its place."""
    try:
        with st.spinner(states.LISTING):
            return read(list_name, **filters)
    except FleetcacheError as error:
        st.error(
            f"**The list is unavailable.** {error} {error.hint}", icon=":material/cloud_off:"
        )
        if runtime.current().poller.fault is None:  # the database answers, and will not be heard to have come back
            asked = sorted(f"{name} {value}" for name, value in filters.items())
            st.button("Try again", icon=":material/refresh:", type="tertiary", key=f"again-{list_name}-{asked}")
        return None


def table(
    rows: Sequence[Shown],
    *,
    key: str,
    noun: str,
    columns: Mapping[str, Any] | None = None,
    search: bool = True,
    height: int | Literal["auto", "content"] = "auto",
    most: int = MOST,
    whole: Callable[[], Sequence[Shown]] | None = None,
    asked: Mapping[str, object] | None = None,
    ids: Sequence[int] = (),
    pick: Callable[[int], None] | None = None,
) -> None:
    """Rows with a search over every column, and as files exactly those that are shown, or those of the ``whole`` that
    match the search, where more were found than a page can show. What ``whole`` raises fails the download. ``asked``
    says by which filters the rows were chosen. With ``ids``, one for each row, a row can be selected, and ``pick`` is
    called with its id."""
    places: Sequence[int] = range(len(rows))
    wanted, cut = "", len(rows) >= most
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
            places = matches(rows, wanted)
        shown = [rows[place] for place in places]
        exports.buttons(
            (lambda: searched(whole(), wanted)) if whole else lambda: shown,
            columns_of(rows),
            exports.about(noun, asked or {}, search=wanted, cut=cut and not whole, later=whole is not None),
            key=key,
            columns=columns,
            disabled=not shown and whole is None,
        )
        count = f"{len(shown):,} of {len(rows):,} {noun}" if len(shown) != len(rows) else f"{len(rows):,} {noun}"
        part = f"; only the first {most:,} are listed, narrow the filters" if cut else ""
        st.caption(f"{count}{part}{' (the files hold them all)' if whole else ''}", width="content")
    if not shown:
        of = f" of the first {most:,}" if cut else ""
        empty(f"No {noun} here." if not rows else f"No {noun}{of} match the search.")
        return
    fits = isinstance(height, int) and ROW_PIXELS * (len(shown) + 1) < height
    # Other rows, another table: a selection of before would be of whatever stands in its place now.
    listed = [ids[place] for place in places] if pick else []
    table_key = f"{key}-table" if pick is None else f"{key}-table-{hash(tuple(listed)):x}"
    st.dataframe(
        arrow(shown),
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


def figures(
    rows: Sequence[Shown],
    *,
    key: str,
    alt: str,
    columns: Mapping[str, Any] | None = None,
    asked: Mapping[str, object] | None = None,
    opens: Opens | None = None,
) -> None:
    """A small table of figures, as high as its rows; what is unknown is a dash. Where it is said by which filters it
    was ``asked`` for, it is given as files too. With ``opens``, by column, a number that is chosen leads to the rows
    behind it."""
    event: Any = st.dataframe(
        arrow(rows),
        hide_index=True,
        column_config=columns,
        key=f"{key}-figures",
        height="content",
        placeholder=words.NO_DATA,
        alt=alt,
        selection_mode="single-cell",
        on_select="rerun" if opens else "ignore",
    )
    if opens:
        for row, column in event.selection.cells:
            if column in opens:
                go(opens[column](row))
    if opens or asked is not None:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right", gap="small"):
            if opens:
                st.caption("Choose a number to see the rows behind it.")
            if asked is not None:
                exports.buttons(lambda: rows, columns_of(rows), exports.about(alt, asked), key=key, columns=columns, quiet=True)


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
