"""Changes of a pilot and their checks: made when they are clicked, and taken back on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fleetcache.changes.door import Door, Made
from fleetcache.ui import edits

PILOT, CHECK = "pilot", "check"
"""The query parameters that name the pilot, and the check of theirs, that is looked at."""
NEW = "new"
_UNDO = "pilots-offer"

Work = Callable[[Door], Made[Any]]


@dataclass(frozen=True)
class Wish:
    """A change as it was shown when it was clicked: what to do, what to say when it is done, under which
    ``key`` its faults are shown, and what to do on the page then, or when it was refused."""

    work: Work
    done: str
    key: str
    then: Callable[[Any], None] = lambda _value: None
    refused: Callable[[], None] = lambda: None


def carry_out(wanted: Wish) -> None:
    """Make a change as it was shown when it was clicked. For callbacks, which come before anything is read
    anew."""
    st.session_state.pop(_UNDO, None)
    made = edits.change(wanted.work, wanted.done, key=wanted.key)
    if made is None:
        wanted.refused()
    else:
        wanted.then(made.value)


def offer(done: str, label: str, back: Wish) -> None:
    """Offer to take back what was just ``done``, until the next change."""
    st.session_state[_UNDO] = (done, label, back)


def undo() -> None:
    """The offer to take the last change back, if there is one."""
    if (offered := st.session_state.get(_UNDO)) is None:
        return
    done, label, back = offered
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":green[:material/check_circle:] {done}", width="content")
        st.button(label, icon=":material/undo:", type="tertiary", on_click=carry_out, args=(back,))


def choose(pilot: int | str) -> None:
    """Look at a pilot."""
    st.query_params[PILOT] = str(pilot)
    st.query_params.pop(CHECK, None)


def close() -> None:
    """Back to the list."""
    st.query_params.pop(PILOT, None)
    st.query_params.pop(CHECK, None)
