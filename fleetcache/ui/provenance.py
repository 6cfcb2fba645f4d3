"""Where figures came from: the freshness mark of a page, and the way of one key through the layers."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from fleetcache import runtime
from fleetcache.cache.reading import MEMORY, Reading
from fleetcache.catalogue import CATALOGUE
from fleetcache.ops.trace import Step, Trace, trace
from fleetcache.panels.panel import Panel
from fleetcache.ui import words
from fleetcache.ui.pages import page_path

_TRACED = "traced"


def freshness(panel: Panel) -> None:
    """The one freshness mark of a page, and behind it where each of its figures came from."""
    if panel.layer is None:
        st.badge("No source", icon=":material/cloud_off:", color="red")
        return
    if panel.as_of is not None:
        st.badge(f"As of {words.day(panel.as_of)}", icon=":material/today:", color="gray")
    mark = "Current"
    if old := [reading for reading in panel.readings if reading.stale]:
        which = "Old" if len(old) == len(panel.readings) else f"{len(old)} of {len(panel.readings)} figures old"
        age = max(reading.age(panel.at) for reading in old)
        st.badge(f"{which} · counted {words.ago(age)}", icon=":material/history:", color="orange")
        mark = "Why"
    else:
        st.caption(f"counted {words.ago(panel.age)}", width="content")
    _behind(mark, panel)


@st.fragment
def _behind(mark: str, panel: Panel) -> None:
    """What stands behind the mark, made when somebody opens it. It stays open while the mark stays the same."""
    opened = st.popover(
        mark, icon=":material/verified:", type="tertiary", width="content", key="provenance", on_change="rerun"
    )
    if opened.open:
        with opened:
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
    event: Any = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        placeholder=words.NO_DATA,
        column_config={
            "Counted": st.column_config.TextColumn(help="When the numbers were counted, and of which day they are"),
            "Why": st.column_config.TextColumn(help="Why no higher layer gave it, or why it is old"),
        },
        alt="State, layer, age and reason of each figure",
        key=f"explain-{'-'.join(panel.answers)}",  # of the same name on the page it leads to, it would be chosen there too
        selection_mode="single-row",
        on_select="rerun",
    )
    st.caption("Choose a row for its query and its way through the layers.")
    for key in [list(panel.answers)[place] for place in event.selection.rows]:
        if key != st.query_params.get("of"):
            st.switch_page(page_path("figure"), query_params={"of": key})


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


def way(key: str) -> None:
    """How a key comes to a page: every layer asked for it once, or again when somebody wants to, and the query that
    counts it."""
    parts, entry = runtime.current(), CATALOGUE[key]
    again = st.button("Ask every layer again", icon=":material/refresh:", type="tertiary")
    if again or st.session_state.get(_TRACED, (None,))[0] != key:
        st.session_state[_TRACED] = (key, parts.cache.now(), trace(parts.cache, parts.database, key))
    _key, at, found = st.session_state[_TRACED]
    st.markdown(_answer(found))
    st.dataframe(
        pd.DataFrame([_step(step, at) for step in found.steps]),
        hide_index=True,
        placeholder=words.NO_DATA,
        column_config={
            "Took": st.column_config.TextColumn(help="Asking this layer alone, on this instance"),
            "Same numbers": st.column_config.TextColumn(help="Whether it holds what the page is given, number by number"),
        },
        alt=f"What each layer holds of {key}",
    )
    st.caption(
        f"Asked {words.ago(max(0.0, parts.cache.now() - at))}. Kept for at most {parts.cache.ttl(key):,.0f} s, and given up at once when anything it depends on changes: "
        f"{', '.join(sorted(entry.topics))}."
    )
    with st.expander("The query, as it runs on the tables and in the materialized view", icon=":material/code:"):
        st.code(found.query, language="sql", wrap_lines=True)


def _answer(found: Trace) -> str:
    served = found.served
    if not isinstance(served, Reading):
        return f":red[:material/cloud_off: **No layer can give it.**] {words.plain(str(served))}"
    layer = words.LAYER_NAMES[served.layer].lower() if served.layer == MEMORY else words.LAYER_NAMES[served.layer]
    state = "old" if served.stale else "current"
    why = f" {words.plain(served.reason[:1].upper() + served.reason[1:])}." if served.reason else ""
    return f"`{found.key}` came from **{layer}**, and was {state}: state {served.version or '?'}.{why}"


def _step(step: Step, at: float) -> dict[str, str | None]:
    same = None if step.same is None else "✓ the same" if step.same else "✕ other numbers"
    return {
        "Layer": words.LAYER_NAMES[step.layer],
        "Took": words.milliseconds(step.took),
        "Counted before": None if step.computed_at is None else words.age(max(0.0, at - step.computed_at)),
        "Same numbers": same,
        "Why not": step.fault,
    }
