"""Changes made on a page: done, said, and seen at once by whoever made them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from fleetcache import runtime
from fleetcache.changes.door import Door, Made
from fleetcache.errors import FleetcacheError, Invalid
from fleetcache.ui import exports
from fleetcache.ui.session import AFTER, person

_SAID, _REFUSED, _PLACE = "edit-said", "edit-refused", "edit-place"


def change(work: Callable[[Door], Made[Any]], done: str | Callable[[Any], str], *, key: str = "edit") -> Made[Any] | None:
    """Make a change; None when it was refused. ``say`` then says so, and ``fault`` what was wrong with a
    field. What was typed stays. ``done`` is what to say, or says it of what the change gave."""
    st.session_state.pop(f"{key}-faults", None)
    st.session_state.pop(_REFUSED, None)
    try:
        made = work(runtime.current().door(person()))
    except FleetcacheError as error:
        found = error.faults if isinstance(error, Invalid) else {}
        st.session_state[f"{key}-faults"] = dict(found)
        if not found:
            # Kept until it is dismissed: what is in conflict has just changed, so the page is drawn again at once.
            st.session_state[_REFUSED] = f"Not done. {error} {error.hint}"
        return None
    if made.label is not None:
        st.session_state[AFTER] = made.label
    st.session_state[_SAID] = done if isinstance(done, str) else done(made.value)
    return made


def say() -> None:
    """Say what was done in the run before, once; or what was not, until it is dismissed."""
    if said := st.session_state.pop(_SAID, None):
        st.toast(said, icon=":material/check_circle:")
    if refused := st.session_state.get(_REFUSED):
        with st.container(horizontal=True, vertical_alignment="center", key="refused"):
            st.error(refused, icon=":material/error:")
            st.button("Dismiss", type="tertiary", on_click=st.session_state.pop, args=(_REFUSED, None))


def arrive(place: str) -> None:
    """Somebody is at this page: what was refused or offered on another one is not said here, and the files of its
    lists say nothing of the figures of that one."""
    exports.of_page(None)
    if st.session_state.get(_PLACE) != place:
        st.session_state[_PLACE] = place
        for key in [key for key in st.session_state if str(key).endswith(("-faults", "-refused", "-offer"))]:
            del st.session_state[key]


def faults(key: str = "edit") -> Mapping[str, str]:
    """What was wrong with which field, of the last change that was refused."""
    found: Mapping[str, str] = st.session_state.get(f"{key}-faults", {})
    return found


def fault(field: str, *, key: str = "edit") -> None:
    """Below a field: what was wrong with it."""
    if field in faults(key):
        st.markdown(f":red[:material/error: {faults(key)[field]}]")
