"""How often each layer served, over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from fleetcache.cache.marks import Mark
from fleetcache.cache.reading import LAYERS, MEMORY, NOBODY, REDIS
from fleetcache.panels.cache import Bin, share, stale
from fleetcache.ui.charts.base import Figure, bars, lines
from fleetcache.ui.words import LAYER_NAMES

OLD = "Old, flagged"
HIT_RATE = "Memory or Redis"
COLORS = {
    "Memory": "#2f9e6b",
    "Redis": "#3f86c4",
    "Materialized view": "#e0a100",
    "Raw queries": "#c0392b",
    OLD: "#8e6bbf",
    "No layer": "#8a96a3",
}


def reads(bins: Sequence[Bin], marks: Sequence[Mark], *, height: int = 260) -> Figure:
    """Reads by layer over time, stacked, those with an old value apart; time nobody recorded is a gap."""
    x = [_moment(one.start) for one in bins]
    counted = [one.counted for one in bins]
    series: dict[str, list[int | None]] = {
        LAYER_NAMES[layer]: [one.reads(layer) - stale(one, layer) if one else None for one in counted]
        for layer in LAYERS
    }
    rare = {
        OLD: [stale(one) if one else None for one in counted],
        LAYER_NAMES[NOBODY]: [one.reads(NOBODY) if one else None for one in counted],
    }
    series |= {name: values for name, values in rare.items() if any(values)}
    return _spanned(_marked(bars(x, series, colors=COLORS, height=height), marks), bins)


def hit_rate(bins: Sequence[Bin], marks: Sequence[Mark], *, height: int = 220) -> Figure:
    """Share of reads that memory and Redis served, each and together; a gap where nothing was read
    or recorded."""
    x = [_moment(one.start) for one in bins]
    counted = [one.counted for one in bins]
    figure = lines(
        x,
        {
            HIT_RATE: [one.hit_rate if one else None for one in counted],
            **{
                LAYER_NAMES[layer]: [share(one, layer) if one else None for one in counted]
                for layer in (MEMORY, REDIS)
            },
        },
        dashed=[LAYER_NAMES[MEMORY], LAYER_NAMES[REDIS]],
        colors=COLORS,
        height=height,
        unit=" %",
    )
    for line in figure["data"]:
        line["mode"] = "lines+markers"  # a single bin between gaps is no line
    figure["layout"]["yaxis"]["range"] = [0, 104]
    return _spanned(_marked(figure, marks), bins)


def _moment(at: float) -> str:
    """Seconds since the epoch as plotly takes them; the browser shows UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _marked(figure: Figure, marks: Sequence[Mark]) -> Figure:
    """Vertical lines with a letter where something happened."""
    figure["layout"]["shapes"] = [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": _moment(mark.at),
            "x1": _moment(mark.at),
            "y0": 0,
            "y1": 1,
            "line": {"color": "#8a96a3", "width": 1, "dash": "dot"},
        }
        for mark in marks
    ]
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "Event",
            "x": [_moment(mark.at) for mark in marks],
            "y": [0] * len(marks),
            "text": [f"{mark.kind}: {mark.detail} ({mark.instance})" for mark in marks],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"symbol": "triangle-up", "size": 9, "color": "#8a96a3"},
            "showlegend": bool(marks),
        }
    )
    return figure


def _spanned(figure: Figure, bins: Sequence[Bin]) -> Figure:
    """Show the whole window, also where it holds nothing."""
    if len(bins) > 1:
        half = (bins[1].start - bins[0].start) / 2
        ends = [_moment(bins[0].start - half), _moment(bins[-1].start + half)]
        figure["layout"]["xaxis"] = {"automargin": True, "type": "date", "range": ends}
    return figure
