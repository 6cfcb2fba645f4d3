"""Cache: the verdict, who runs, how often the cache helps and how fast, then what can be done."""

import pandas as pd
import streamlit as st

from fleetcache import runtime
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError
from fleetcache.ops.health import Health
from fleetcache.panels import cache as panel
from fleetcache.source import audit
from fleetcache.ui import charts, kit, words
from fleetcache.ui.actions import actions

parts = runtime.current()
health, since = parts.health()

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.title(":material/database: Cache", anchor=False, width="content")
    st.button("Look again", icon=":material/refresh:", type="tertiary")

BADGES = {"healthy": ("green", "check_circle"), "degraded": ("orange", "warning"), "down": ("red", "error")}
color, icon = BADGES[health.overall]
with st.container(border=True, gap="xsmall"):
    st.markdown(
        f":{color}[:material/{icon}:] **{health.text}** — {health.overall} for "
        f"{words.age(health.at - since.at)}, as this instance saw it."
    )
    if health.overall != "healthy":
        st.markdown(f":material/build: {health.recommendation}")
    for notice in parts.notices:
        st.caption(notice)
    for fault in (health.redis.fault, health.view.fault, health.database_fault):
        if fault:
            st.caption(fault)

redis, view = health.redis, health.view
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

kit.cards(
    [
        kit.Card("cache.hitRate", words.percent(total.hit_rate), f"{total.reads():,} reads"),
        kit.Card("cache.withoutQuery", words.percent(total.without_query_rate), f"last {window}"),
        kit.Card(
            "cache.keys",
            words.number(len(redis.held) if redis.connected else None),
            f"of {len(CATALOGUE)} names",
        ),
        kit.Card("cache.memory", words.size(redis.memory), f"server {words.size(redis.server_memory)}"),
        kit.Card("cache.latency", words.milliseconds(redis.latency), redis.version or "not connected"),
        kit.Card("cache.viewAge", words.age(view.age), f"as of {words.day(view.as_of_date)}"),
    ],
    key="cache",
)

kit.section("Reads by layer")
if not redis.connected:
    kit.empty("The history lies in Redis, which does not answer. Counts wait in memory meanwhile.")
else:
    bins = panel.bins(minutes, size)
    kit.chart(charts.reads(bins, marks), key="reads", alt="Reads by layer over time")
    kit.chart(charts.hit_rate(bins, marks), key="hit-rate", alt="Hit rate over time")
    gap = span - panel.recorded(minutes)
    st.caption(
        "Hit rate = reads served by memory or Redis / reads of pages and the API; warming and this page are "
        "not counted. Summed over all instances; times are UTC. "
        + (f"{gap} of {span} minutes were recorded by nobody and are left out, not drawn as zero." if gap else "")
    )


def _table(rows: list[dict[str, object]], alt: str) -> None:
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        placeholder=words.NO_DATA,
        column_config={"When": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss")},
        alt=alt,
    )


def _times() -> None:
    kit.section(f"Measured times, last {window}")
    _table(
        [
            {
                "Layer": words.LAYER_NAMES[row.layer],
                "Reads served": row.served,
                "Hit p50": words.milliseconds(row.hit_p50),
                "Hit p95": words.milliseconds(row.hit_p95),
                "Miss p50": words.milliseconds(row.miss_p50),
                "Miss p95": words.milliseconds(row.miss_p95),
            }
            for row in panel.layer_times(total)
        ],
        "Times per layer",
    )
    reasons = panel.miss_reasons(total)
    if reasons:
        st.caption(
            "Misses: "
            + ", ".join(f"{words.LAYER_NAMES[layer]} {words.MISS_NAMES.get(reason, reason)} {n:,}" for layer, reason, n in reasons[:8])
        )


def _instances(found: Health) -> None:
    kit.section("Instances")
    if not redis.connected:
        kit.empty("Instances announce themselves in Redis, which does not answer.")
        return
    _table(
        [
            {
                "Instance": one.id + ("  (this one)" if one.id == parts.id else ""),
                "State": "✕ silent" if one.silent(found.at) else "✓ running",
                "Seen": words.ago(found.at - one.seen),
                "Running for": words.age(found.at - one.started),
                "Redis": words.milliseconds(one.redis_latency),
                "Version": one.version,
                "Schema": one.schema,
            }
            for one in found.instances
        ],
        "Instances",
    )


left, right = st.columns(2)
with left:
    _times()
with right:
    _instances(health)

kit.section("Keys")
if redis.connected:
    reads = panel.reads_by_key(total)
    held = {row.name: row for row in redis.held}
    by_namespace, listed = st.columns([1, 3])
    with by_namespace:
        names = sorted({name.partition(":")[0] for name in CATALOGUE})
        kit.chart(
            charts.bars(names, {"Keys": [redis.keys.get(name, 0) for name in names]}, height=300),
            key="namespaces",
            alt="Keys by namespace",
        )
    with listed:
        rows = [
            {
                "Key": name,
                "Held": "✓" if name in held else "–",
                "Size": held[name].memory if name in held else None,
                "TTL left": held[name].ttl if name in held else None,
                "Of TTL": min(1.0, held[name].ttl / parts.cache.ttl(name)) if name in held else None,
                "Reads": sum(reads.get(name, {}).values()),
            }
            for name in CATALOGUE
        ]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            placeholder=words.NO_DATA,
            height=300,
            alt="Keys",
            column_config={
                "Size": st.column_config.NumberColumn(format="%d B"),
                "TTL left": st.column_config.NumberColumn(format="%.0f s"),
                "Of TTL": st.column_config.ProgressColumn(min_value=0, max_value=1, format="percent"),
                "Reads": st.column_config.NumberColumn(help=f"Of pages and the API, last {window}"),
            },
        )
else:
    kit.empty("What is held cannot be known while Redis does not answer.")

kit.section("Actions")
actions(parts)

kit.section("Recent actions")
try:
    done = audit.recent(parts.database, most=30)
except FleetcacheError as error:
    st.error(f"The audit log is unavailable: {error} {error.hint}", icon=":material/cloud_off:")
else:
    if done:
        _table(
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
        )
    else:
        kit.empty("Nobody has done anything to the cache yet.")
