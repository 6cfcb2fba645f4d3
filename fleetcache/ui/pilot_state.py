"""Whether a pilot is active: gone, back again, or removed altogether."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from fleetcache.changes import pilots
from fleetcache.changes.door import Door, Made
from fleetcache.panels import pilots as known
from fleetcache.ui import edits, words
from fleetcache.ui.pilot_edits import Wish, carry_out, close, offer
from fleetcache.ui.pilot_form import forget
from fleetcache.ui.session import person

_KEY = "pilot-state"


def actions(pilot: dict[str, Any]) -> None:
    """The buttons that the person may press."""
    number, version = pilot["pilot_id"], pilot["version"]
    name = words.plain(known.called(pilot))
    if pilot["active"]:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            joined = pilot["commenced_on"]
            st.date_input(
                "Left on", value=max(pilot["today"], joined), min_value=joined, format="YYYY-MM-DD", key=f"{_KEY}-{number}-left", width=180
            )
            st.button(
                "Deactivate",
                icon=":material/person_off:",
                disabled=joined > pilot["today"],
                help="Everything stays on file; the pilot no longer counts. Nobody leaves before they join.",
                on_click=_deactivate,
                args=(number, version, name),
            )
        edits.fault("left_on", key=_KEY)
    else:
        left = "on a day that is not on file" if pilot["left_on"] is None else f"on {words.day(pilot['left_on'])}"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Left {left}.", width="content")
            st.button("Reactivate", icon=":material/person_check:", on_click=carry_out, args=(_back(number, version, name),))
    if person().may("pilots.delete"):
        _delete(pilot, name)


def _delete(pilot: dict[str, Any], name: str) -> None:
    with st.expander("Delete for good", icon=":material/delete_forever:"):
        st.markdown(
            "For somebody who should never have been entered. **The pilot goes with every certification and every leave "
            "request, also from past days; it cannot be undone.** Who has left is deactivated instead."
        )
        number = known.number(pilot)
        typed = st.text_input(f"Type {number} to confirm", key=f"{_KEY}-{pilot['pilot_id']}-confirm", live=True)
        st.button(
            "Delete the pilot",
            icon=":material/delete_forever:",
            disabled=typed.strip() != number,
            on_click=carry_out,
            args=(
                Wish(
                    partial(_deleted, number=pilot["pilot_id"], version=pilot["version"]),
                    f"Deleted: {name}.",
                    _KEY,
                    then=_gone,
                ),
            ),
        )


def _deleted(door: Door, *, number: int, version: str) -> Made[dict[str, int]]:
    return pilots.delete(door, number, version)


def _gone(_along: dict[str, int]) -> None:
    forget()
    close()


def _deactivate(number: int, version: str, name: str) -> None:
    left_on, done = st.session_state[f"{_KEY}-{number}-left"], f"Deactivated: {name}."

    def then(now: str) -> None:
        forget()
        offer(done, "Reactivate", _back(number, now, name))

    carry_out(Wish(lambda door: pilots.deactivate(door, number, version, left_on=left_on), done, _KEY, then=then))


def _back(number: int, version: str, name: str) -> Wish:
    return Wish(
        lambda door: pilots.reactivate(door, number, version), f"Active again: {name}.", _KEY, then=lambda _version: forget()
    )
