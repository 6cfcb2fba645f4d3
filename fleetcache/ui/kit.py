"""The pieces every page is made of."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fleetcache import runtime
from fleetcache.cache.reading import Reading
from fleetcache.errors import Unavailable
from fleetcache.glossary import GLOSSARY
from fleetcache.panels.advice import Advice
from fleetcache.panels.behind import Behind, Opens
from fleetcache.panels.panel import Panel, read
from fleetcache.ui import charts, exports, states, words
from fleetcache.ui.chips import Color
from fleetcache.ui.follow import follow
from fleetcache.ui.pages import page
from fleetcache.ui.provenance import freshness
from fleetcache.ui.session import AFTER

CHART_CONFIG = {"displayModeBar": False, "scrollZoom": False}
PAINT_SECONDS = 0.4
"""What a browser is given before the first chart, to paint the numbers above it: while it reads plotly's 4.7 MB it paints
nothing."""
_CHARTED = "charted"


@dataclass(frozen=True)
class Card:
    """One figure. ``figure`` names its definition in the glossary, ``note`` stands below, ``trend`` is drawn when
    there are at least two past values. ``count`` rows stand ``behind`` it, each a ``noun``."""

    figure: str
    value: str
    note: str | None = None
    trend: Sequence[float] = ()
    label: str | None = None
    behind: Behind | None = None
    count: int | None = None
    noun: str = "pilot"


GRAVITY: dict[str, tuple[Color, str]] = {
    "act": ("red", ":material/error:"),
    "plan": ("orange", ":material/warning:"),
    "know": ("blue", ":material/info:"),
    "fine": ("green", ":material/check_circle:"),
}


def open_page(title: str, keys: Sequence[str], *, icon: str) -> Panel:
    """Read a page's figures and draw its head: title, day, freshness mark, and what is wrong."""
    with head(title, icon=icon):
        cache = runtime.current().cache
        # A spinner costs a thread, which is more than a read from memory does.
        with contextlib.nullcontext() if cache.at_hand(keys) else st.spinner(states.READING):
            panel = read(cache, keys, after=st.session_state.get(AFTER))
        freshness(panel)
    states.of_figures(panel)
    exports.of_page(panel)
    return panel


def head(title: str, *, icon: str) -> DeltaGenerator:
    """Draw a page's title and the mark that it is told of changes; the container is for what else stands there."""
    line = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    # Not one inside of the other's “with”: each such costs the fragment that follows a copy of all that are around it.
    with line.container(horizontal=True, vertical_alignment="center", width="content"):
        st.title(f"{icon} {title}", anchor=False, width="content")
        follow()
        states.without_redis()
    return line.container(horizontal=True, vertical_alignment="center", width="content", gap="small")


def cards(items: Sequence[Card], *, key: str) -> None:
    """A row of figures that wraps on a narrow screen; six are two rows, for one would cut off their words."""
    with st.grid(3 if len(items) == 6 else max(1, len(items)), min_column_width=132, gap="small", key=f"cards-{key}"):
        for card in items:
            definition = GLOSSARY[card.figure]
            with st.container(border=True, height="stretch", gap="xsmall", vertical_alignment="distribute"):
                st.metric(
                    card.label or definition.label,
                    card.value,
                    delta=card.note,
                    delta_color="off",
                    delta_arrow="off",
                    help=definition.words,
                    chart_data=list(card.trend) if len(card.trend) > 1 else None,
                )
                if card.behind is not None and card.count is not None:
                    link(words.plural(card.count, card.noun), card.behind)


def link(label: str, behind: Behind) -> None:
    """A way to the rows behind a number."""
    st.page_link(
        page("figure"),
        label=label,
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params=behind.query,
    )


def go(place: Behind | None) -> None:
    """Go to the rows behind a number that was chosen."""
    if place is not None:
        st.switch_page(page("figure"), query_params=place.query)


def sentences(items: Sequence[Advice]) -> None:
    """What to act on, gravest first, each with a way to its rows."""
    with st.container(border=True, gap="xsmall"):
        for item in items:
            color, icon = GRAVITY[item.gravity]
            there, query = (item.page, item.query) if item.behind is None else ("figure", item.behind.query)
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                st.markdown(f":{color}[{icon}] {item.text}", width="content")
                st.page_link(
                    page(there),
                    label=item.link,
                    icon=":material/arrow_forward:",
                    icon_position="right",
                    query_params=query,
                )


def section(title: str, *, figure: str | None = None) -> None:
    """A heading, with the definition of what is below it on demand."""
    st.subheader(title, anchor=False, help=GLOSSARY[figure].words if figure else None)


def chart(figure: dict[str, Any], *, key: str, alt: str, opens: Opens | None = None) -> None:
    """A plotly figure as a plain dict. With ``opens``, by the names of its lines, a point that is chosen leads to the
    rows behind it."""
    if _CHARTED not in st.session_state:
        time.sleep(PAINT_SECONDS)
    if not opens:
        st.plotly_chart(charts.Plain(figure), key=key, config=CHART_CONFIG, alt=alt)
        st.session_state[_CHARTED] = True
        return
    charts.selectable(figure, opens)
    event = st.plotly_chart(
        charts.Plain(figure), key=key, config=CHART_CONFIG, alt=alt, on_select="rerun", selection_mode="points"
    )
    st.session_state[_CHARTED] = True
    for point in event.selection.points:
        name = figure["data"][point["curve_number"]].get("name")
        if name in opens:
            go(opens[name](point["point_index"]))


def empty(text: str) -> None:
    """There is nothing to show, and why."""
    st.info(text, icon=":material/inbox:")


def unavailable(answer: Reading | Unavailable) -> None:
    """In place of a figure that no layer could give."""
    if isinstance(answer, Unavailable):
        st.error(f"Unavailable: {answer} {answer.hint}", icon=":material/cloud_off:")


def remarks(items: Sequence[tuple[str, str]]) -> None:
    """Sentences about the figures above, each with the symbol of its gravity."""
    for gravity, text in items:
        color, icon = GRAVITY[gravity]
        st.markdown(f":{color}[{icon}] {text}")
