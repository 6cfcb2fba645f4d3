"""The tables of the Cache page: who runs, how fast the layers are, why they missed, what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from fleetcache.cache.counters import Minute
from fleetcache.catalogue import CATALOGUE
from fleetcache.ops.health import SILENT, Health, conditions
from fleetcache.ops.layers import RedisHealth
from fleetcache.panels import cache as panel
from fleetcache.runtime import Runtime
from fleetcache.ui import charts, kit, words
from fleetcache.ui.shown import Shown, arrow
from fleetcache.ui.tables import word_column


def table(rows: Sequence[Shown], alt: str, columns: Mapping[str, Any] | None = None) -> None:
    """Rows as they are; what is unknown is a dash."""
    st.dataframe(
        arrow(rows), hide_index=True, placeholder=words.NO_DATA, column_config=columns, alt=alt
    )


def instances(parts: Runtime, health: Health) -> None:
    """Who runs, this one marked; of one that has gone silent nothing but that is known."""
    if not health.redis.connected:
        breaker, memory = parts.engine.link.breaker, parts.cache.memory
        proven = "proven current" if parts.proves else "not proven: served only as the last known"
        kit.empty(
            "Instances announce themselves in Redis, which does not answer. "
            f"This one, {parts.id}: breaker {breaker.state}, opened {words.plural(breaker.opened, 'time')} "
            f"since its start; {words.plural(len(memory), 'value')} in memory, {proven}."
        )
        return
    if not health.instances:
        kit.empty("No instance has announced itself yet.")
        return
    rows = []
    for one in health.instances:
        found = conditions(one, health.at)
        row: dict[str, Any] = {
            "Instance": one.id + ("  (this one)" if one.id == parts.id else ""),
            "State": [words.CONDITION_NAMES[each] for each in found],
            "Seen": words.ago(health.at - one.seen),
            "Memory hits": None,
            "In memory": None,
            "Breaker": None,
            "Redis": None,
            "Running for": None,
            "Version": one.version,
            "Schema": one.schema,
        }
        if SILENT not in found:
            row |= {
                "Memory hits": words.percent(one.memory_hit_rate),
                "In memory": one.memory_entries,
                "Breaker": one.breaker
                + (f", opened {words.plural(one.breaker_opened, 'time')}" if one.breaker_opened else ""),
                "Redis": words.milliseconds(one.redis_latency),
                "Running for": words.age(health.at - one.started),
            }
        rows.append(row)
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    table(
        rows,
        "Instances",
        {
            "State": word_column(words.CONDITION_NAMES),
            "Seen": text(help="It says every few seconds that it is there; silent after 10 s without a word"),
            "Memory hits": text(
                help="Share of its reads of this minute and the last that it served from its own memory"
            ),
            "In memory": number(help="Values it holds in its own memory", format="%d"),
            "Breaker": text(
                help="Open: Redis did not answer it, and it reads from the layers below until Redis does"
            ),
            "Redis": text(help="One EXISTS from that instance"),
        },
    )


def times(window: Minute) -> None:
    """How many reads each layer served and how fast."""
    table(
        [
            {
                "Layer": words.LAYER_NAMES[row.layer],
                "Reads": row.served,
                "Old": row.stale,
                "Failed": row.failed,
                "Hit p50": words.milliseconds(row.hit_p50),
                "Hit p95": words.milliseconds(row.hit_p95),
                "Miss p50": words.milliseconds(row.miss_p50),
                "Miss p95": words.milliseconds(row.miss_p95),
            }
            for row in panel.layer_times(window)
        ],
        "Times per layer",
        {
            "Reads": st.column_config.NumberColumn(help="Of pages and the API, served by this layer"),
            "Old": st.column_config.NumberColumn(
                help="Of these, served with an old value and marked so, for no newer one could be had in time"
            ),
            "Failed": st.column_config.NumberColumn(help="Values it was asked for and answered with an error"),
        },
    )
    st.caption(
        "A time is of all figures that were asked for together; of reads from memory 1 in 16 is timed, "
        "to 1 µs."
    )


def misses(window: Minute) -> None:
    """Why layers could not give what they were asked for, the most frequent first."""
    found = panel.miss_reasons(window)
    if not found:
        kit.empty("No layer missed anything.")
        return
    table(
        [
            {"Layer": words.LAYER_NAMES.get(layer, layer), "Misses": n, "Why": words.miss(reason)}
            for layer, reason, n in found
        ],
        "Reasons of misses",
    )


def keys(
    parts: Runtime, redis: RedisHealth, reads: Mapping[str, Mapping[str, int]] | None, window: str
) -> None:
    """What Redis and the memory of this instance hold of each key; ``reads`` where they are known."""
    if redis.connected:
        by_namespace, listed = st.columns([1, 3])
        with by_namespace:
            names = sorted({name.partition(":")[0] for name in CATALOGUE})
            kit.chart(
                charts.bars(names, {"Keys": [redis.keys.get(name, 0) for name in names]}, height=300),
                key="namespaces",
                alt="Keys by namespace",
            )
    else:
        listed = st.container()
        kit.empty("What Redis holds cannot be known while it does not answer.")
    held = {row.name: row for row in redis.held}
    rows = []
    for name in CATALOGUE:
        row: dict[str, Any] = {"Key": name, "Memory": _in_memory(parts, name)}
        if redis.connected:
            one = held.get(name)
            row |= {
                "Redis": "✓ held" if one else None,
                "Size": one and one.memory,
                "TTL left": one and one.ttl,
                "Of TTL": one and min(1.0, one.ttl / parts.cache.ttl(name)),
            }
        rows.append(row | {"Reads": None if reads is None else sum(reads.get(name, {}).values())})
    with listed:
        st.dataframe(
            arrow(rows),
            hide_index=True,
            placeholder=words.NO_DATA,
            height=300,
            alt="Keys",
            column_config={
                "Memory": st.column_config.TextColumn(
                    help="Of this instance. Last known: served, marked old, only when nothing newer can be had"
                ),
                "Size": st.column_config.NumberColumn(format="%d B"),
                "TTL left": st.column_config.NumberColumn(format="%.0f s"),
                "Of TTL": st.column_config.ProgressColumn(min_value=0, max_value=1, format="percent"),
                "Reads": st.column_config.NumberColumn(help=f"Of pages and the API, last {window}"),
            },
        )


def _in_memory(parts: Runtime, name: str) -> str | None:
    memory = parts.cache.memory
    if memory.exists(name):
        return "✓ current"
    return None if memory.kept(name) is None else "○ last known"
