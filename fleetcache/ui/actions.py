"""The administrator's buttons: each says what it will do before, and what it did after."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from fleetcache.cache.warming import Progress
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError, Unrecorded
from fleetcache.ops.console import Console
from fleetcache.runtime import Runtime
from fleetcache.ui import words

FLUSH_WORD = "flush"
_EVERYWHERE = "In Redis, and in the memory of every instance."
_RESULT = "cache-action-result"


def actions(parts: Runtime) -> None:
    """Invalidate, refresh, warm and flush."""
    console = parts.console("console")
    if _say_result():
        # Done or not, the next flush has to be typed again.
        st.session_state["flush-word"] = ""
    by_key, by_pattern = st.columns(2)
    with by_key, st.container(border=True):
        _keys(console)
    with by_pattern, st.container(border=True):
        _pattern(console)
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="bottom"):
        if st.button("Refresh view", icon=":material/sync:", help="Refresh the materialized view, then drop cached values."):
            _do(lambda: _refreshed(console), "Refreshing the view…")
        if st.button("Warm", icon=":material/local_fire_department:", help="Load every key, dearest first."):
            _warm(console)
        typed = st.text_input(
            f"Type “{FLUSH_WORD}” to allow it",
            key="flush-word",
            width=200,
            live=True,
        )
        if st.button(
            "Flush all our values",
            icon=":material/delete_sweep:",
            type="primary",
            disabled=typed != FLUSH_WORD,
            help="Refreshes the view first, then removes every cached value of fleetcache and nothing else.",
        ):
            _do(lambda: f"Flushed {words.plural(console.flush(), 'value')}; the view was refreshed first.", "Flushing…")


def _keys(console: Console) -> None:
    keys = st.multiselect("Keys", list(CATALOGUE), key="invalidate-keys", placeholder="Choose keys")
    if st.button("Invalidate keys", icon=":material/backspace:", disabled=not keys, help=_EVERYWHERE):
        _do(lambda: f"Removed {words.plural(console.invalidate(keys), 'value')}.", "Invalidating…")


def _pattern(console: Console) -> None:
    pattern = st.text_input("Pattern", "fleet:*", key="invalidate-pattern", live=True)
    try:
        found = console.preview(pattern=pattern)
    except FleetcacheError as error:
        st.caption(f":red[{error}] {error.hint}")
        found, label = [], "Invalidate"  # how many is not known
    else:
        label = f"Invalidate {words.plural(len(found), 'value')}"
        names = ", ".join(row.name for row in found[:6]) + (" …" if len(found) > 6 else "")
        st.caption(f"Matches {words.plural(len(found), 'value')}{': ' + names if found else ''}")
    if st.button(
        label,
        icon=":material/filter_alt_off:",
        disabled=not found,
        help=_EVERYWHERE,
    ):
        _do(
            lambda: f"Removed {words.plural(console.invalidate(pattern=pattern), 'value')}.",
            "Invalidating…",
        )


def _refreshed(console: Console) -> str:
    done = console.refresh()
    return f"Refreshed the view in {done.seconds:.2f} s; {words.plural(done.dropped, 'value')} dropped."


def _warm(console: Console) -> None:
    bar = st.progress(0.0, "Warming…")

    def show(step: Progress) -> None:
        bar.progress(step.done / step.total, f"{step.done} of {step.total}: {step.key}")

    def do() -> str:
        warmed = console.warm(progress=show)
        failed = "".join(f" {failure}" for failure in warmed.failures)
        return f"Warmed {words.plural(warmed.loaded, 'key')}.{failed}"

    _do(do, "Warming…")


def _do(action: Callable[[], str], doing: str) -> None:
    """Run an action, then draw the page again so that every figure on it is of after."""
    try:
        with st.spinner(doing):
            text, good = action(), True
    except FleetcacheError as error:
        said = "" if isinstance(error, Unrecorded) else "Not done. "
        text, good = f"{said}{error} {error.hint}", False
    st.session_state[_RESULT] = (text, good)
    st.rerun()


def _say_result() -> bool:
    result = st.session_state.pop(_RESULT, None)
    if result is not None:
        text, good = result
        if good:
            st.success(text, icon=":material/check_circle:")
        else:
            st.error(text, icon=":material/error:")
    return result is not None
