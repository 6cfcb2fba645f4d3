"""The pieces every page is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from fleetcache import runtime
from fleetcache.cache.reading import Reading
from fleetcache.errors import Unavailable
from fleetcache.glossary import GLOSSARY
from fleetcache.panels.advice import Advice
from fleetcache.panels.panel import Panel, read
from fleetcache.ui import words
from fleetcache.ui.chips import Color
from fleetcache.ui.pages import PAGES
from fleetcache.ui.session import AFTER

CHART_CONFIG = {"displayModeBar": False, "scrollZoom": False}


@dataclass(frozen=True)
class Card:
    """One figure. ``figure`` names its definition in the glossary, ``note`` stands below,
    ``trend`` is drawn when there are at least two past values."""

    figure: str
    value: str
    note: str | None = None
    trend: Sequence[float] = ()
    label: str | None = None


GRAVITY: dict[str, tuple[Color, str]] = {
    "act": ("red", ":material/error:"),
    "plan": ("orange", ":material/warning:"),
    "know": ("blue", ":material/info:"),
    "fine": ("green", ":material/check_circle:"),
}


def open_page(title: str, keys: Sequence[str], *, icon: str) -> Panel:
    """Read a page's figures and draw its head: title, day, freshness mark, and what is wrong."""
    panel = read(runtime.current().cache, keys, after=st.session_state.get(AFTER))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(f"{icon} {title}", anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            freshness(panel)
    if panel.stale:
        st.warning(
            "**These are old figures**, the last known: whether anything has changed since cannot be said "
            "now, or newer ones could not be had in time. The mark at the top says how old they are, and why.",
            icon=":material/history:",
        )
    for failure in panel.failures[:1]:
        st.error(
            f"**Some figures are unavailable.** {failure} {failure.hint}",
            icon=":material/cloud_off:",
        )
    return panel


def freshness(panel: Panel) -> None:
    """The one freshness mark of a page, and behind it where each of its figures came from."""
    if panel.layer is None:
        st.badge("No source", icon=":material/cloud_off:", color="red")
        return
    if panel.as_of is not None:
        st.badge(f"As of {words.day(panel.as_of)}", icon=":material/today:", color="gray")
    mark = f"Current · counted {words.ago(panel.age)}"
    if old := [reading for reading in panel.readings if reading.stale]:
        which = "Old" if len(old) == len(panel.readings) else f"{len(old)} of {len(panel.readings)} figures old"
        age = max(reading.age(panel.at) for reading in old)
        st.badge(f"{which} · counted {words.ago(age)}", icon=":material/history:", color="orange")
        mark = "Why"
    with st.popover(mark, icon=":material/verified:", type="tertiary", width="content"):
        explain(panel)


def explain(panel: Panel) -> None:
    """Layer, age and reason of each figure of a page."""
    st.markdown(f"**Where these figures come from** — read together in {words.milliseconds(panel.took)}")
    if not panel.stale:
        st.caption(
            "However long ago they were counted: the database was asked at most "
            f"{words.milliseconds(runtime.current().cache.ledger.bound)} before they were read, and nothing "
            "they depend on had changed since."
        )
    rows = [
        _explained(key, answer, panel.at)
        if isinstance(answer, Reading)
        else {"Figure": key, "State": "✕ unavailable", "Why": str(answer)}
        for key, answer in panel.answers.items()
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        placeholder=words.NO_DATA,
        column_config={
            "Counted": st.column_config.TextColumn(help="When the numbers were counted, and of which day they are"),
            "Why": st.column_config.TextColumn(help="Why no higher layer gave it, or why it is old"),
        },
        alt="State, layer, age and reason of each figure",
    )


def _explained(key: str, reading: Reading, at: float) -> dict[str, str | None]:
    left = None if reading.expires_at is None or reading.stale else reading.expires_at - at
    return {
        "Figure": key,
        "State": "▲ old" if reading.stale else "✓ current",
        "Layer": words.LAYER_NAMES[reading.layer],
        "Counted": f"{words.ago(reading.age(at))}, as of {words.day(reading.day)}",
        "Kept for": None if left is None else f"{max(0.0, left):.0f} s",
        "Why": reading.reason,
    }


def cards(items: Sequence[Card], *, key: str) -> None:
    """A row of figures that wraps on a narrow screen."""
    with st.grid(max(1, len(items)), min_column_width=132, gap="small", key=f"cards-{key}"):
        for card in items:
            definition = GLOSSARY[card.figure]
            st.metric(
                card.label or definition.label,
                card.value,
                delta=card.note,
                delta_color="off",
                delta_arrow="off",
                help=definition.words,
                border=True,
                chart_data=list(card.trend) if len(card.trend) > 1 else None,
                height="stretch",
            )


def sentences(items: Sequence[Advice]) -> None:
    """What to act on, gravest first, each with a way to its rows."""
    with st.container(border=True, gap="xsmall"):
        for item in items:
            color, icon = GRAVITY[item.gravity]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f":{color}[{icon}] {item.text}", width="content")
                st.page_link(
                    page_path(item.page),
                    label=item.link,
                    icon=":material/arrow_forward:",
                    icon_position="right",
                    query_params=dict(item.query) if item.query else None,
                )


def page_path(name: str) -> str:
    """The absolute path of a page, as ``st.Page`` got it."""
    return str(PAGES / f"{name}.py")


def section(title: str, *, figure: str | None = None) -> None:
    """A heading, with the definition of what is below it on demand."""
    st.subheader(title, anchor=False, help=GLOSSARY[figure].words if figure else None)


def chart(figure: dict[str, Any], *, key: str, alt: str) -> None:
    """A plotly figure given as a plain dict, so that no figure objects are built on every rerun."""
    st.plotly_chart(figure, key=key, config=CHART_CONFIG, alt=alt)


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
