"""Bars and lines as plain plotly dicts. Colours come from the theme unless a colour means
something, and then a word or a shape says it too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Figure = dict[str, Any]

THEME_COLORS = [f"#{place:06d}" for place in range(1, 9)]
"""Streamlit puts the theme's eight categorical colours in place of these, light or dark; without
them a figure given as a dict falls back to plotly's own."""
BACKGROUND = "#000038"
"""In place of this it puts the background."""


def layout(height: int, **more: Any) -> dict[str, Any]:
    """What all figures share: no title, little margin, a legend above."""
    return {
        "height": height,
        "colorway": THEME_COLORS,
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        "hovermode": "x unified",
        "xaxis": {"automargin": True},
        "yaxis": {"automargin": True, "rangemode": "tozero"},
        **more,
    }


def selectable(figure: Figure, names: Iterable[str]) -> None:
    """Let the points of the lines and bars with these ``names`` be chosen. Of a line only its markers can be. Of
    several, it is the one that is pointed at; beside what cannot be chosen it has to come last."""
    wanted = set(names)
    data, shape = figure["data"], figure["layout"]
    for place, trace in enumerate(data):
        trace["legendrank"] = place + 1
        if trace.get("name") in wanted and trace.get("mode") == "lines":
            trace |= {"mode": "lines+markers", "marker": {"size": 8, "opacity": 0}}
    data.sort(key=lambda trace: trace.get("name") in wanted)
    if sum(trace.get("name") in wanted for trace in data) > 1:
        shape["hovermode"] = "closest"
    shape["clickmode"] = "event+select"


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


def stacked(
    x: Sequence[str], series: Mapping[str, Sequence[int]], *, height: int = 260
) -> Figure:
    """Stacked bars over categories, each count in its part and the total above."""
    figure = bars(x, series, height=height)
    for trace in figure["data"]:
        trace["text"] = [f"{value:,}" if value else "" for value in trace["y"]]
        trace |= {
            "textposition": "inside" if len(series) > 1 else "outside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "cliponaxis": False,
        }
    totals = [sum(values) for values in zip(*series.values(), strict=True)]
    if len(series) > 1:
        figure["data"].append(
            {
                "type": "scatter",
                "mode": "text",
                "name": "Total",
                "x": list(x),
                "y": totals,
                "text": [f"<b>{total:,}</b>" for total in totals],
                "textposition": "top center",
                "hoverinfo": "skip",
                "showlegend": False,
                "cliponaxis": False,
            }
        )
    shape = figure["layout"]
    shape["uniformtext"] = {"minsize": 10, "mode": "hide"}
    shape["legend"] |= {"traceorder": "normal", "font": {"size": 11}, "itemwidth": 30}
    shape["xaxis"]["type"] = "category"
    shape["yaxis"]["range"] = [0, max(totals, default=0) * 1.15 or 1]
    return figure


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
