"""Cache: the verdict, who runs, how often the cache helps and how fast, then what can be done."""

import streamlit as st

from fleetcache import runtime
from fleetcache.cache.reading import MEMORY
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError
from fleetcache.ops.health import NOTHING_TO_DO
from fleetcache.panels import cache as panel
from fleetcache.source import audit
from fleetcache.ui import charts, kit, layers, words
from fleetcache.ui.actions import actions
from fleetcache.ui.session import must

must("cache.read")
parts = runtime.current()
health, since = parts.health()

with kit.head("Cache", icon=":material/database:"):
    st.button("Look again", icon=":material/refresh:", type="tertiary")

BADGES = {"healthy": ("green", "check_circle"), "degraded": ("orange", "warning"), "down": ("red", "error")}
color, icon = BADGES[health.overall]
with st.container(border=True, gap="xsmall"):
    st.markdown(
        f":{color}[:material/{icon}:] **{health.text}** — {health.overall} for "
        f"{words.age(health.at - since.at)}, as this instance saw it."
    )
    if health.recommendation != NOTHING_TO_DO:
        st.markdown(f":material/build: {health.recommendation}")
    for notice in health.warnings:
        if notice not in parts.warnings:  # those stand on every page
            st.caption(notice)
    for fault in health.faults:
        st.caption(fault)

kit.section("Instances")
layers.instances(parts, health)

redis, view = health.redis, health.view
kit.section("Use")
window = st.segmented_control(
    "Window", list(panel.WINDOWS), default="1 h", required=True, key="window", bind="query-params",
    label_visibility="collapsed",
)
span, size = panel.WINDOWS[window or "1 h"]
now_minute = int(health.at // 60)
try:
    minutes = parts.counters.minutes(now_minute - span + 1, now_minute) if redis.connected else {}
    marks = parts.marks.since(health.at - span * 60) if redis.connected else []
except FleetcacheError as error:
    minutes, marks = {}, []
    st.warning(f"The history is unavailable: {error}", icon=":material/cloud_off:")
total = panel.total(minutes)
known = panel.recorded(minutes)
reads = words.plural(total.reads(), "read") if known else "no history"

kit.cards(
    [
        kit.Card(
            "cache.hitRate",
            words.percent(total.hit_rate),
            f"memory {words.percent(panel.share(total, MEMORY))}",
        ),
        kit.Card("cache.withoutQuery", words.percent(total.without_query_rate), reads),
        kit.Card(
            "cache.keys",
            words.number(len(redis.held) if redis.connected else None),
            f"of {len(CATALOGUE)} names",
        ),
        kit.Card("cache.memory", words.size(redis.memory), f"server {words.size(redis.server_memory)}"),
        kit.Card("cache.latency", words.milliseconds(redis.latency), redis.version or "not connected"),
        kit.Card("cache.viewAge", words.age(view.age), words.behind(view.as_of_date, view.behind, current=health.view.healthy)),
    ],
    key="cache",
)

kit.section("Reads by layer")
if not minutes:
    kit.empty("The history lies in Redis, which does not answer. Counts wait in memory meanwhile.")
else:
    bins = panel.bins(minutes, size)
    kit.chart(charts.reads(bins, marks), key="reads", alt="Reads by layer over time")
    kit.chart(charts.hit_rate(bins, marks), key="hit-rate", alt="Hit rate over time")
    gap = span - known
    st.caption(
        "Hit rate = reads served by memory or Redis / reads of pages and the API; warming and this page are "
        "not counted. A read that got an old value, marked so, is drawn apart, and counts as served by the "
        "layer that held it. Summed over all instances; times are UTC. "
        + (f"{gap} of {span} minutes were recorded by nobody and are left out, not drawn as zero." if gap else "")
    )

if known:
    kit.section(f"Measured times, last {window}")
    layers.times(total)
    kit.section(f"Misses, last {window}")
    layers.misses(total)

kit.section("Keys")
layers.keys(parts, redis, panel.reads_by_key(total) if known else None, window or "1 h")

kit.section("Actions")
actions(parts)

kit.section("Recent actions")
try:
    done = audit.found(parts.database, search="cache.", most=30)
except FleetcacheError as error:
    st.error(f"The audit log is unavailable: {error} {error.hint}", icon=":material/cloud_off:")
else:
    if done:
        layers.table(
            [
                {
                    "When": row.at,
                    "Who": row.actor,
                    "Action": row.action,
                    "On": row.subject,
                    "Values": row.affected,
                    "Outcome": {"done": "✓ done", "failed": "✕ failed", "refused": "⊘ refused"}[row.outcome],
                    "Why": row.error or "",
                    "Instance": row.instance,
                }
                for row in done
            ],
            "Recent actions",
            {"When": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss")},
        )
    else:
        kit.empty("Nobody has done anything to the cache yet.")
