"""The administrator's buttons: each shows what it will do before, and says what it did after."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from fleetcache.cache.warming import Progress
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError, Unrecorded
from fleetcache.ops.console import Console
from fleetcache.ops.preview import Preview
from fleetcache.runtime import Runtime
from fleetcache.ui import words
from fleetcache.ui.session import person
from fleetcache.ui.shown import arrow

FLUSH_WORD = "flush"
_EVERYWHERE = "In Redis, and in the memory of every instance."
_RESULT = "cache-action-result"


def actions(parts: Runtime) -> None:
    """Invalidate, refresh, warm and flush."""
    console = parts.console(person())
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
    with st.container(border=True):
        _flush(console)


def _keys(console: Console) -> None:
    keys = st.multiselect("Keys", list(CATALOGUE), key="invalidate-keys", placeholder="Choose keys")
    # Without keys there is nothing to show, and nothing that could be pressed.
    found, expect = _previewed("keys", lambda: console.preview(keys)) if keys else (None, None)
    if st.button(
        "Invalidate keys",
        icon=":material/backspace:",
        disabled=found is None,
        help=_EVERYWHERE,
        key="invalidate-keys-do",
    ):
        _do(lambda: _removed(console.invalidate(keys, expect=expect)), "Invalidating…")


def _pattern(console: Console) -> None:
    pattern = st.text_input("Pattern", "fleet:*", key="invalidate-pattern", live=True)
    found, expect = _previewed("pattern", lambda: console.preview(pattern=pattern))
    count = len(found.values) if found is not None else 0
    if st.button(
        f"Invalidate {words.plural(count, 'value')}" if found is not None else "Invalidate",
        icon=":material/filter_alt_off:",
        disabled=not count,
        help=_EVERYWHERE,
        key="invalidate-pattern-do",
    ):
        _do(lambda: _removed(console.invalidate(pattern=pattern, expect=expect)), "Invalidating…")


def _flush(console: Console) -> None:
    _found, expect = _previewed("flush", console.preview_flush)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(f"Type “{FLUSH_WORD}” to allow it", key="flush-word", width=200, live=True)
        if st.button(
            "Flush all our values",
            icon=":material/delete_sweep:",
            type="primary",
            disabled=typed != FLUSH_WORD,
            help="Refreshes the view first, then removes every cached value of fleetcache and nothing else.",
            key="flush-do",
        ):
            _do(
                lambda: f"Flushed {words.plural(console.flush(expect=expect), 'value')}; "
                "the view was refreshed first.",
                "Flushing…",
            )


def _previewed(kind: str, look: Callable[[], Preview]) -> tuple[Preview | None, str | None]:
    """Show what would be removed (None where it cannot be said, which is then shown), and the stamp of what
    was shown in the run before: it is that on which whoever now presses the button decided."""
    key = f"{kind}-stamp"
    before: str | None = st.session_state.get(key)
    try:
        found = look()
    except FleetcacheError as error:
        st.caption(f":red[{error}] {error.hint}")
        st.session_state.pop(key, None)
        return None, before
    _show(found, kind)
    st.session_state[key] = found.stamp
    return found, before


def _show(found: Preview, kind: str) -> None:
    count = words.plural(len(found.values), "value")
    if not found.values:
        st.caption("Nothing of this is held.")
        return
    oldest = "" if found.oldest is None else f", counted up to {words.age(found.oldest)} ago"
    known = [
        f"{words.milliseconds(seconds)} from {layer}"
        for layer, seconds in (("the view", found.from_view), ("raw queries", found.from_tables))
        if seconds is not None
    ]
    cost = f" To load again: {', '.join(known)} (p50 of the last hour)." if known else ""
    st.caption(f"Removes {count}, {words.size(found.memory)}{oldest}.{cost}")
    with st.expander(f"Which {count}", key=f"{kind}-values"):
        st.dataframe(
            arrow(
                [
                    {
                        "Key": value.name,
                        "Size": value.memory,
                        "Counted": words.ago(value.age) if value.current else "by another version",
                        "TTL left": value.ttl,
                    }
                    for value in found.values
                ]
            ),
            hide_index=True,
            placeholder=words.NO_DATA,
            height="content" if len(found.values) < 8 else 300,
            alt=f"Values that would be removed: {kind}",
            column_config={
                "Size": st.column_config.NumberColumn(format="%d B"),
                "TTL left": st.column_config.NumberColumn(format="%.0f s"),
            },
        )


def _removed(count: int) -> str:
    return f"Removed {words.plural(count, 'value')}."


def _refreshed(console: Console) -> str:
    return console.refresh().message


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
