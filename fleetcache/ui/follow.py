"""Open pages follow the data: drawn again when anything changed since."""

from __future__ import annotations

import streamlit as st

from fleetcache import runtime

LOOK_SECONDS = 0.5
_DRAWN = "drawn-of"


def drawn() -> None:
    """Note of which state of the database the page that begins now is drawn."""
    st.session_state[_DRAWN] = runtime.current().state()


@st.fragment(run_every=LOOK_SECONDS)
def follow() -> None:
    """Draw the page again if that is no longer the state, or if nobody can say any more which it is."""
    if runtime.current().state() != st.session_state.get(_DRAWN):
        st.rerun()
