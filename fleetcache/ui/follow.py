"""Open pages follow the data: the browser is told of changes, and has the page drawn again."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fleetcache import runtime
from fleetcache.ui.session import gone

_MARK = '<div id="live" role="status"><i aria-hidden="true"></i><span>Live</span></div>'
_LOOK = """
#live { display: flex; align-items: center; gap: 0.4rem; white-space: nowrap;
        font: 400 0.875rem var(--st-font); color: var(--st-gray-text-color); }
#live i { box-sizing: border-box; width: 0.55rem; height: 0.55rem; border-radius: 50%;
          border: 2px solid var(--st-gray-color); }
#live[data-state="live"] i { border-color: var(--st-green-color); background: var(--st-green-color); }
#live[data-state="lost"] i { border-color: var(--st-orange-color); }
"""
_SCRIPT = (Path(__file__).parent / "follow.js").read_text(encoding="utf-8")
_follower = st.components.v2.component("fleetcache_follow", html=_MARK, css=_LOOK, js=_SCRIPT)
# Fragments are known to the session that has drawn them; one that begins after a restart has drawn nothing yet.
_ANEW = """
let trigger
document.addEventListener("fleetcache-anew", () => trigger?.("anew", Date.now()))
export default function ({ setTriggerValue }) {
  trigger = setTriggerValue
}
"""
_anew = st.components.v2.component("fleetcache_anew", js=_ANEW)
_DRAWN = "drawn-of"


def drawn() -> None:
    """Note of which state of the database the page that begins now is drawn."""
    st.session_state[_DRAWN] = runtime.current().poller.state()


def follow() -> None:
    """The mark that says whether the page is told of changes, and what listens for them."""
    with st.container(width="content", gap=None):
        _anew(key="follow-anew", on_anew_change=lambda: None)
        _listen()


@st.fragment
def _listen() -> None:
    # A fragment, because its runs wait for the one that is under way: a run of the whole page would end that, be it
    # in the middle of an import.
    data = {"drawn": st.session_state[_DRAWN], "by": runtime.current().id}
    _follower(key="follow", data=data, width="content", on_look_change=_look)


def _look() -> None:
    """Draw the page again if the database is in another state, or nobody can say any more in which, or if whoever
    looks at the page is no longer signed in."""
    if runtime.current().poller.state() != st.session_state[_DRAWN] or gone():
        st.rerun()
