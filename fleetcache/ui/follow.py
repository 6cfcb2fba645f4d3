"""Open pages follow the data: drawn again when anything changed since."""

from __future__ import annotations

import streamlit as st

from fleetcache import runtime
from fleetcache.ui.session import gone

LOOK_SECONDS = 0.5
_DRAWN = "drawn-of"


def drawn() -> None:
    """Note of which state of the database the page that begins now is drawn."""
    st.session_state[_DRAWN] = runtime.current().poller.state()


@st.fragment(run_every=LOOK_SECONDS)
def follow() -> None:
    """Draw the page again if that is no longer the state, or nobody can say any more which it is, or if whoever
    looks at it is no longer signed in."""
    if runtime.current().poller.state() != st.session_state.get(_DRAWN) or gone():
        st.rerun()
