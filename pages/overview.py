"""Overview: what must I do today, then the figures, then the crew of the coming roster periods."""

import streamlit as st

from fleetcache.figures.dashboard import DashboardMetrics
from fleetcache.figures.fleet import FleetStats
from fleetcache.figures.leave import LeaveStats
from fleetcache.panels import overview
from fleetcache.panels.behind import behind
from fleetcache.ui import crew, kit, words
from fleetcache.ui.session import must

must("figures.read")
panel = kit.open_page("Overview", overview.KEYS, icon=":material/dashboard:")
dashboard = panel.value("dashboard:metrics", DashboardMetrics)
stats = panel.value("fleet:stats", FleetStats)
leave = panel.value("fleet:leave:stats", LeaveStats)

if dashboard is not None and dashboard.pilots.active == 0:
    kit.empty(
        "There are no active pilots on file yet. Add them on the Pilots page or by import, or start with a demo profile."
    )
    st.stop()

if not panel.readings:
    kit.empty("What needs you today can be said again when one of the sources is back. This page recovers by itself.")
    st.stop()

kit.section("What needs you today")
kit.sentences(overview.advice(panel))
if stats is not None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption("Since yesterday", width="content")
        for text, rows in overview.moved(stats):
            kit.link(text, rows)

if dashboard is not None:
    history = stats.history if stats is not None else ()
    rate = dashboard.compliance
    kit.cards(
        [
            kit.Card(
                "certifications.complianceRate",
                words.percent(rate.rate),
                f"{rate.compliant:,} of {rate.active:,}",
                [row.compliant for row in history],
                behind=behind("certifications.compliantPilots"),
                count=rate.compliant,
            ),
            kit.Card(
                "pilots.active",
                words.number(dashboard.pilots.active),
                f"{dashboard.pilots.captains:,} + {dashboard.pilots.first_officers:,} F/O",
                [row.active for row in history],
                behind=behind("pilots.active"),
                count=dashboard.pilots.active,
            ),
            kit.Card(
                "leave.onLeaveToday",
                words.number(dashboard.leave_today.on_leave_today),
                f"{dashboard.leave_today.days_this_month:,} this month",
                [row.on_leave for row in history],
                behind=behind("leave.onLeaveToday"),
                count=dashboard.leave_today.on_leave_today,
            ),
            kit.Card(
                "certifications.expiring",
                words.number(dashboard.checks.expiring),
                f"{dashboard.alerts.expiring_this_week} within 7 days",
                [row.expiring for row in history],
                behind=behind("certifications.expiring"),
                count=dashboard.checks.expiring,
                noun="check",
            ),
            kit.Card(
                "certifications.expired",
                words.number(dashboard.checks.expired),
                f"bars {words.plural(dashboard.alerts.critical_expired, 'pilot')}",
                [row.expired for row in history],
                behind=behind("certifications.expired"),
                count=dashboard.checks.expired,
                noun="check",
            ),
            kit.Card(
                "leave.pending",
                words.number(dashboard.leave.pending),
                f"{dashboard.leave.undecided_started} already begun",
                [row.pending for row in history],
                behind=behind("leave.pending"),
                count=dashboard.leave.pending,
                noun="request",
            ),
        ],
        key="overview",
    )

if leave is not None:
    kit.section("Crew against minimum, coming roster periods", figure="availability.onPaper")
    crew.against_minimum(leave, leave.availability)
