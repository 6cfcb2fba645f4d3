"""Entering a leave request for a pilot who asked by e-mail, by phone or in person."""

from __future__ import annotations

import streamlit as st

from fleetcache.changes import leave
from fleetcache.ui import edits, tables, words
from fleetcache.ui.session import person

CHANNELS = {"email": "E-mail", "phone": "Phone", "admin": "In person", "portal": "Portal"}
_KEY = "leave-entry"


def entry() -> None:
    """The form, on demand; what was typed stays until it was entered."""
    if not person().may("leave.change") or not st.toggle("Enter a request", key=f"{_KEY}-open"):
        return
    pilots = tables.listed("pilots", fleet=None, rank=None, base=None, most=100_000)
    if pilots is None:
        return
    names = {row["pilot_id"]: f"{row['name']} ({row['employee_number']})" for row in pilots if row["active"]}
    turn = st.session_state.setdefault(f"{_KEY}-turn", 0)  # entered: the next form begins empty
    with st.form(f"{_KEY}-{turn}", border=True):
        pilot = st.selectbox(
            "Pilot",
            list(names),
            index=None,
            format_func=lambda number: names.get(number, str(number)),
            placeholder="Name or number",
            key=f"{_KEY}-pilot-{turn}",
        )
        edits.fault("pilot_id", key=_KEY)
        kind = st.selectbox("Type", list(words.LEAVE_NAMES), format_func=words.LEAVE_NAMES.__getitem__, key=f"{_KEY}-type-{turn}")
        first = st.date_input("First day", value=None, format="YYYY-MM-DD", key=f"{_KEY}-first-{turn}")
        edits.fault("first_day", key=_KEY)
        last = st.date_input(
            "Last day", value=None, format="YYYY-MM-DD", help="Leave it empty for one day.", key=f"{_KEY}-last-{turn}"
        )
        edits.fault("last_day", key=_KEY)
        channel = st.selectbox("Came by", list(CHANNELS), format_func=CHANNELS.__getitem__, key=f"{_KEY}-by-{turn}")
        if st.form_submit_button("Enter", icon=":material/add:", type="primary"):
            given = {"pilot_id": pilot, "leave_type": kind, "first_day": first, "last_day": last, "channel": channel}
            done = f"Entered for {words.plain(names.get(pilot or 0, ''))}."
            if edits.change(lambda door: leave.submit(door, **given), done, key=_KEY) is not None:
                st.session_state[f"{_KEY}-turn"] = turn + 1
            st.rerun()
