"""Where figures came from: the freshness mark of a page, and the way of one key through the layers."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from fleetcache import runtime
from fleetcache.cache.reading import MEMORY, Reading
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import Unavailable
from fleetcache.ops.trace import Step, Trace, trace
from fleetcache.panels.panel import Panel
from fleetcache.ui import words
from fleetcache.ui.shown import arrow

_TRACED = "traced"
_HEADS = ("Figure", "State", "Layer", "Counted", "Kept for", "Why not higher, or why old")


def freshness(panel: Panel) -> None:
    """The one freshness mark of a page, and behind it where each of its figures came from."""
    if panel.layer is None:
        st.badge("No source", icon=":material/cloud_off:", color="red")
        return
    said = f":gray-badge[:material/today: As of {words.day(panel.as_of)}] "
    mark = "Current"
    if old := [reading for reading in panel.readings if reading.stale]:
        which = "Old" if len(old) == len(panel.readings) else f"{len(old)} of {len(panel.readings)} figures old"
        age = max(reading.age(panel.at) for reading in old)
        said += f":orange-badge[:material/history: {which} · counted {words.ago(age)}]"
        mark = "Why"
    else:
        said += f":gray[:small[counted {words.ago(panel.age)}]]"
    st.markdown(said, width="content")
    # It stays open while the mark stays the same. That it is opened must be no event: closing it by a click on a link
    # would ask for this page and for another at once.
    with st.popover(mark, icon=":material/verified:", type="tertiary", width="content"):
        explain(panel)


def explain(panel: Panel) -> None:
    """Layer, age and reason of each figure of a page."""
    said = [f"**Where these figures come from** — read together in {words.milliseconds(panel.took)}"]
    if not panel.stale:
        said.append(
            ":gray[:small[However long ago they were counted: the database was asked at most "
            f"{words.milliseconds(runtime.current().cache.ledger.bound)} before they were read, and nothing "
            "they depend on had changed since.]]"
        )
    lines = [" | ".join(_HEADS), " | ".join("---" for _ in _HEADS)]
    lines += [" | ".join(_explained(key, answer, panel.at)) for key, answer in panel.answers.items()]
    # One text costs a tenth of a table, on every run of every page.
    said += ["\n".join(lines), ":gray[:small[Each leads to its query and to what every layer holds of it.]]"]
    st.markdown("\n\n".join(said))


def _explained(key: str, answer: Reading | Unavailable, at: float) -> tuple[str, ...]:
    name = f"[{key}](figure?{urlencode({'of': key})})"
    if not isinstance(answer, Reading):
        return name, "✕ unavailable", words.NO_DATA, words.NO_DATA, words.NO_DATA, _line(str(answer))
    left = None if answer.expires_at is None or answer.stale else answer.expires_at - at
    return (
        name,
        "▲ old" if answer.stale else "✓ current",
        words.LAYER_NAMES[answer.layer],
        f"{words.ago(answer.age(at))}, as of {words.day(answer.day)}",
        words.NO_DATA if left is None else f"{max(0.0, left):.0f} s",
        _line(answer.reason or words.NO_DATA),
    )


def _line(text: str) -> str:
    """What may stand in a cell of a table in Markdown."""
    return words.plain(" ".join(text.split()))


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
        arrow([_step(step, at) for step in found.steps]),
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
