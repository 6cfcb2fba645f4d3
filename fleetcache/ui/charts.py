"""Figures: data in, a plain plotly dict out. Colours come from the theme unless a colour means
something, and then a word or a shape says it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from fleetcache.cache.marks import Mark
from fleetcache.cache.reading import LAYERS, MEMORY
from fleetcache.panels.cache import Bin
from fleetcache.ui.words import LAYER_NAMES

Figure = dict[str, Any]

STATE_COLORS = {
    "expired": "#c0392b",
    "missing": "#8e44ad",
    "days0to7": "#d9730d",
    "days8to30": "#e0a100",
    "days31to60": "#6aa6d6",
    "days61to90": "#3f86c4",
    "later": "#2f9e6b",
    "undated": "#8a96a3",
}
LAYER_COLORS = {
    "memory": "#2f9e6b",
    "redis": "#3f86c4",
    "materialized_view": "#e0a100",
    "database": "#c0392b",
}


def layout(height: int, **more: Any) -> dict[str, Any]:
    """What all figures share: no title, little margin, a legend above."""
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        "hovermode": "x unified",
        "xaxis": {"automargin": True},
        "yaxis": {"automargin": True, "rangemode": "tozero"},
        **more,
    }


def bars(
    x: Sequence[Any],
    series: Mapping[str, Sequence[float | None]],
    *,
    colors: Mapping[str, str] | None = None,
    stacked: bool = True,
    horizontal: bool = False,
    height: int = 280,
    unit: str = "",
) -> Figure:
    """Bars over categories or days; ``series`` is name -> one value per ``x``."""
    data = []
    for name, values in series.items():
        trace: dict[str, Any] = {
            "type": "bar",
            "name": name,
            "x": list(values) if horizontal else list(x),
            "y": list(x) if horizontal else list(values),
            "orientation": "h" if horizontal else "v",
        }
        if colors and name in colors:
            trace["marker"] = {"color": colors[name]}
        data.append(trace)
    axis = "xaxis" if horizontal else "yaxis"
    shape = layout(height, barmode="stack" if stacked else "group", showlegend=len(series) > 1)
    shape[axis] = {**shape[axis], "ticksuffix": unit}
    if horizontal:
        shape["yaxis"] = {"automargin": True, "autorange": "reversed"}
        shape["hovermode"] = "closest"
    return {"data": data, "layout": shape}


def lines(
    x: Sequence[Any],
    series: Mapping[str, Sequence[float | None]],
    *,
    dashed: Sequence[str] = (),
    colors: Mapping[str, str] | None = None,
    height: int = 280,
    from_zero: bool = True,
    unit: str = "",
) -> Figure:
    """Lines over days; None leaves a gap, never a zero."""
    data = []
    for name, values in series.items():
        line: dict[str, Any] = {"width": 2}
        if name in dashed:
            line["dash"] = "dash"
        if colors and name in colors:
            line["color"] = colors[name]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": list(x),
                "y": list(values),
                "line": line,
                "connectgaps": False,
            }
        )
    shape = layout(height)
    shape["yaxis"] = {
        "automargin": True,
        "rangemode": "tozero" if from_zero else "normal",
        "ticksuffix": unit,
    }
    return {"data": data, "layout": shape}


def availability(
    days: Sequence[date],
    if_renewed: Sequence[int],
    on_paper: Sequence[int],
    minimum: int,
    *,
    worst: tuple[date, int] | None,
    periods: Sequence[tuple[str, date]] = (),
    height: int = 260,
) -> Figure:
    """Crew on each day by both lines, the minimum, the worst day marked, roster periods as ticks."""
    figure = lines(
        days,
        {"If renewed": list(if_renewed), "On paper": list(on_paper), "Minimum": [minimum] * len(days)},
        dashed=("Minimum",),
        colors={"If renewed": "#3f86c4", "On paper": "#e0a100", "Minimum": "#c0392b"},
        height=height,
        from_zero=False,
    )
    if worst is not None:
        figure["data"].append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": "Worst day",
                "x": [worst[0]],
                "y": [worst[1]],
                "text": [f"{worst[1]}"],
                "textposition": "bottom center",
                "marker": {"symbol": "diamond", "size": 10, "color": "#c0392b"},
            }
        )
    figure["layout"]["shapes"] = [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": start,
            "x1": start,
            "y0": 0,
            "y1": 1,
            "line": {"color": "#8a96a3", "width": 1, "dash": "dot"},
        }
        for _, start in periods
    ]
    figure["layout"]["annotations"] = [
        {
            "x": start,
            "y": 0,
            "xref": "x",
            "yref": "paper",
            "text": name,
            "showarrow": False,
            "xanchor": "left",
            "yanchor": "bottom",
            "font": {"size": 10},
        }
        for name, start in periods
    ]
    return figure


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


def _spanned(figure: Figure, x: Sequence[str]) -> Figure:
    """Show the whole window, also where it holds nothing."""
    if x:
        figure["layout"]["xaxis"] = {"automargin": True, "type": "date", "range": [x[0], x[-1]]}
    return figure
