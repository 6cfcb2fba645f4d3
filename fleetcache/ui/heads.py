"""What stands above a chart or a card of one fleet and rank."""

from __future__ import annotations

import streamlit as st

from fleetcache.definitions import NEARING_YEARS
from fleetcache.panels.behind import behind
from fleetcache.panels.leave_conflicts import Conflict
from fleetcache.panels.retirement import Outlook
from fleetcache.ui import kit, words
from fleetcache.ui.chips import STATE_CHIPS


def of_cover(fleet: str, *, ready: int, leaving: int, status: str | None) -> None:
    """Of one fleet, the first officers ready for command beside the captains who leave."""
    color = STATE_CHIPS.get(status or "", "gray")
    word = words.COVER_NAMES[status] if status else "nobody leaves"
    with st.container(border=True):
        st.markdown(f"**{fleet}** :{color}-badge[{word}]")
        kit.link(f"**{ready:,}** ready for command", behind("succession.ready", fleet=fleet))
        kit.link(f"**{words.plural(leaving, 'captain')}** leaving", behind("succession.captainsLeaving", fleet=fleet))
        st.caption(f"within {NEARING_YEARS} years, those past the limit included")


def of_outlook(line: Outlook) -> None:
    """Above a chart of the years ahead: who, and when they first fall below what is required."""
    below = line.first_below
    badge = ":green-badge[:material/check_circle: enough]"
    if below is not None:
        when = "below now" if below.years == 0 else f"below in {below.day:%Y}"
        badge = f":{'red' if below.years == 0 else 'orange'}-badge[:material/warning: {when}]"
    st.markdown(f"**{words.group(line.fleet, line.rank)}** {badge}")
    last = f"{line.crew[-1]:,} in {line.days[-1]:%Y}"
    st.caption(f"{line.crew[0]:,} of {line.required[0]:,} today, {last}")


def of_conflict(one: Conflict) -> None:
    """Days on which not all undecided leave of a group fits: how much does, and who comes first."""
    span = words.short_day(one.first)
    if one.last > one.first:
        span += f" to {words.short_day(one.last)}"
    st.markdown(f"**{words.group(one.fleet, one.rank)}** · {span}")
    st.markdown(
        f":orange[:material/warning: **{len(one.fit)} of {one.undecided} fit** on the worst day, "
        f"{words.short_day(one.worst)}]: {one.crew} if renewed, minimum {one.minimum}."
    )
    for title, members in (("Fit", one.fit), ("No room", one.wait)):
        if members:
            names = "; ".join(f"{words.plain(row['name'])} ({row['seniority']})" for row in members)
            st.caption(f"**{title}** (seniority): {names}")
