"""Certifications by band and by day."""

from __future__ import annotations

from calendar import day_abbr
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import log1p

from fleetcache.ui.charts.base import Figure, bars, layout

DAYS = "Days"
"""The line of the calendar whose points are its days."""
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


def by_band(
    names: Sequence[str],
    series: Mapping[str, Sequence[int]],
    colors: Mapping[str, str],
    *,
    folded: str,
) -> Figure:
    """Horizontal bars of rows by band. The ``folded`` band would dwarf the others: it is drawn only
    when somebody asks for it in the legend."""
    figure = bars(
        names, series, colors=colors, horizontal=True, height=110 + 34 * len(names)
    )
    for trace in figure["data"]:
        trace["hovertemplate"] = f"%{{y}}: %{{x:,}} {trace['name'].lower()}<extra></extra>"
        if trace["name"] == folded:
            trace["visible"] = "legendonly"
    figure["layout"]["legend"]["traceorder"] = "normal"
    figure["layout"]["yaxis"]["type"] = "category"
    return figure


def calendar(
    days: Sequence[date], counts: Sequence[int], notes: Sequence[str], *, height: int = 300
) -> Figure:
    """One column a week and one row a weekday; the count stands in each cell and ``notes`` behind
    it. The first day is today and is framed. Shades go by the logarithm, so that the few days with
    very many do not wash out the rest."""
    monday = days[0] - timedelta(days=days[0].weekday())
    weeks = (days[-1] - monday).days // 7 + 1
    z: list[list[float | None]] = [[None] * weeks for _ in range(7)]
    text = [[""] * weeks for _ in range(7)]
    for day, count in zip(days, counts, strict=True):
        week, weekday = (day - monday).days // 7, day.weekday()
        z[weekday][week] = log1p(count)
        text[weekday][week] = f"{count}" if count else "·"
    starts = [monday + timedelta(weeks=n) for n in range(weeks)]
    figure: Figure = {
        "data": [
            {
                "type": "heatmap",
                "x": list(range(weeks)),
                "y": list(day_abbr),
                "z": z,
                "text": text,
                "texttemplate": "%{text}",
                "hoverinfo": "skip",
                "xgap": 2,
                "ygap": 2,
                "zmin": 0,
                "zmax": log1p(max(*counts, 1)),
                "colorscale": [[0, "rgba(138,150,163,0.12)"], [0.01, "#f6e3b0"], [1, "#d9730d"]],
                "showscale": False,
            },
            {
                # A cell of a heatmap cannot be chosen; what lies over it can.
                "type": "scatter",
                "mode": "markers",
                "name": DAYS,
                "x": [(day - monday).days // 7 for day in days],
                "y": [day_abbr[day.weekday()] for day in days],
                "text": list(notes),
                "customdata": list(counts),
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"symbol": "square", "size": 26, "opacity": 0},
            },
        ],
        "layout": layout(height, hovermode="closest", showlegend=False),
    }
    figure["layout"]["yaxis"] = {"autorange": "reversed", "automargin": True, "showgrid": False}
    figure["layout"]["xaxis"] = {
        "tickvals": list(range(weeks)),
        "ticktext": [f"{start.day} {start:%b}" for start in starts],
        "automargin": True,
        "showgrid": False,
        "side": "top",
    }
    first = days[0].weekday()
    figure["layout"]["shapes"] = [
        {
            "type": "rect",
            "x0": -0.5,
            "x1": 0.5,
            "y0": first - 0.5,
            "y1": first + 0.5,
            "line": {"color": "#3f86c4", "width": 3},
        }
    ]
    return figure
