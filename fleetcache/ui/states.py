"""What a page says while something it stands on is away: an old figure is called old, a missing one is no zero."""

from __future__ import annotations

import streamlit as st

from fleetcache import runtime
from fleetcache.panels.panel import Panel

READING, LISTING = "Reading the figures…", "Reading the list…"
"""Said only of what takes longer than half a second."""
RECOVERS = "This page recovers by itself."


def of_figures(panel: Panel) -> None:
    """Whether the figures of a page are old, or some or all of them unavailable, and what that means."""
    if panel.stale:
        since = "The database does not answer: these" if runtime.current().poller.fault else "These"
        st.warning(
            f"**{since} are old figures**, the last known: whether anything has changed since cannot be said now, or "
            f"newer ones could not be had in time. The mark at the top says how old they are, and why. {RECOVERS}",
            icon=":material/history:",
        )
    for failure in panel.failures[:1]:
        lost = (
            "**Some figures are unavailable.** What needs them is left out below."
            if panel.readings
            else "**All figures of this page are unavailable.** No layer can give them now, and none is kept that could "
            f"be shown in their place. {RECOVERS}"
        )
        st.error(f"{lost}\n\n{failure} {failure.hint}", icon=":material/cloud_off:")


def without_redis() -> None:
    """Beside a page's title, while Redis is away: that it is, and that the figures are the same without it."""
    parts = runtime.current()
    if parts.engine.link.breaker.lasting:
        st.badge(
            f"Redis does not answer{'' if parts.poller.fault else ' · same figures, from the database'}",
            icon=":material/link_off:",
            color="gray",
            help="They are read from the layers below it, which takes a little longer. Nothing has to be done on this page.",
        )
