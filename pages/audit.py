"""Audit: who did what, when, how many, from where, and how it ended."""

from datetime import date

import streamlit as st

from fleetcache import runtime
from fleetcache.errors import FleetcacheError
from fleetcache.source import audit
from fleetcache.ui import kit, states, tables
from fleetcache.ui.session import must
from fleetcache.ui.shown import Shown

OUTCOMES = {"done": "✓ done", "failed": "✕ failed", "refused": "⊘ refused"}

kit.head("Audit", icon=":material/policy:")
must("audit.read")
database = runtime.current().database
for notice in runtime.current().notices:
    st.caption(f":orange[:material/warning:] {notice}")

try:
    actors, actions = audit.names(database)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        actor = st.selectbox("Who", actors, index=None, key="actor", bind="query-params", placeholder="Everybody")
        action = st.selectbox("What", actions, index=None, key="action", bind="query-params", placeholder="Everything")
        outcome = st.selectbox(
            "Outcome", list(OUTCOMES), index=None, format_func=OUTCOMES.__getitem__, key="outcome", bind="query-params", placeholder="Any"
        )
        since = st.date_input("From", value=None, key="since", bind="query-params", format="YYYY-MM-DD")
        until = st.date_input("Until", value=None, key="until", bind="query-params", format="YYYY-MM-DD")
        search = st.text_input("Search", key="search", bind="query-params", placeholder="Any word", icon=":material/search:")

    def found(most: int = audit.MOST) -> list[audit.Action]:
        return audit.found(
            database,
            actor=actor,
            action=action,
            outcome=outcome,
            since=since if isinstance(since, date) else None,
            until=until if isinstance(until, date) else None,
            search=search,
            most=most,
        )

    def shown(rows: list[audit.Action]) -> list[Shown]:
        return [
            {
                "When": row.at,
                "Who": row.actor,
                "What": row.action,
                "On": row.subject,
                "How many": row.affected,
                "Outcome": OUTCOMES[row.outcome],
                "Why": row.error or "",
                "From": row.origin,
                "Detail": row.detail or "",
                "Instance": row.instance,
            }
            for row in rows
        ]

    rows = found()
except FleetcacheError as error:
    st.error(f"**The audit log is unavailable.** {error} {error.hint} {states.RECOVERS}", icon=":material/cloud_off:")
    st.stop()

if not rows:
    kit.empty("Nothing fits these filters." if actors else "Nobody has done anything yet.")
else:
    st.caption(
        "Newest first; times are UTC, the days of the filters are the fleet's. What was done by plain SQL is here with "
        "the database role."
    )
    tables.table(
        shown(rows),
        key="audit",
        noun="actions",
        search=False,
        columns={
            "When": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss", pinned=True),
            **tables.number_columns("How many", form="localized"),
        },
        height=640,
        whole=(lambda: shown(found(1_000_000))) if len(rows) >= audit.MOST else None,
        asked={"Who": actor, "What": action, "Outcome": outcome and OUTCOMES[outcome], "From": since, "Until": until, "Search": search},
    )
