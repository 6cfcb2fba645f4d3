"""How often each layer served, over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from fleetcache.cache.marks import Mark
from fleetcache.cache.reading import LAYERS, MEMORY
from fleetcache.panels.cache import Bin
from fleetcache.ui.charts.base import Figure, bars, lines
from fleetcache.ui.words import LAYER_NAMES

LAYER_COLORS = {
    "memory": "#2f9e6b",
    "redis": "#3f86c4",
    "materialized_view": "#e0a100",
    "database": "#c0392b",
}


def reads(bins: Sequence[Bin], marks: Sequence[Mark], *, height: int = 260) -> Figure:
    """Reads by layer over time, stacked; time nobody recorded is a gap."""
    x = [_moment(one.start) for one in bins]
    figure = bars(
        x,
        {
            LAYER_NAMES[layer]: [one.counted.reads(layer) if one.counted else None for one in bins]
            for layer in LAYERS
            if layer != MEMORY or any(one.counted and one.counted.reads(MEMORY) for one in bins)
        },
        colors={LAYER_NAMES[layer]: color for layer, color in LAYER_COLORS.items()},
        height=height,
    )
    return _spanned(_marked(figure, marks), x)


def hit_rate(bins: Sequence[Bin], marks: Sequence[Mark], *, height: int = 200) -> Figure:
    """Share of reads that memory or Redis served; a gap where nothing was read or recorded."""
    x = [_moment(one.start) for one in bins]
    figure = lines(
        x,
        {"Hit rate": [one.counted.hit_rate if one.counted else None for one in bins]},
        height=height,
        unit=" %",
    )
    figure["data"][0]["mode"] = "lines+markers"
    figure["layout"]["yaxis"]["range"] = [0, 104]
    return _spanned(_marked(figure, marks), x)


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


def _spanned(figure: Figure, x: Sequence[str]) -> Figure:
    """Show the whole window, also where it holds nothing."""
    if x:
        figure["layout"]["xaxis"] = {"automargin": True, "type": "date", "range": [x[0], x[-1]]}
    return figure
