"""Figures: data in, a plain plotly dict out. Colours come from the theme unless a colour means
something, and then a word or a shape says it too."""

from __future__ import annotations

from calendar import day_abbr
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from math import log1p
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

THEME_COLORS = [f"#{place:06d}" for place in range(1, 9)]
"""Streamlit puts the theme's eight categorical colours in place of these, light or dark; without
them a figure given as a dict falls back to plotly's own."""


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


def by_month(
    months: Sequence[date], series: Mapping[str, Sequence[int]], *, height: int = 260
) -> Figure:
    """Counts by calendar month, stacked; months with nobody keep their place."""
    figure = bars(months, series, height=height)
    for trace in figure["data"]:
        trace["hovertemplate"] = "%{y}"
        trace["xperiod"] = "M1"
        trace["xperiodalignment"] = "middle"
    most = max((sum(values) for values in zip(*series.values(), strict=True)), default=0)
    first, last = months[0], months[-1]
    after = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    figure["layout"]["xaxis"] |= {
        "type": "date",
        "range": [first, after],
        "tickformat": "%Y",
        "dtick": "M12",
        "tick0": date(first.year, 1, 1),
        "ticklabelmode": "period",
        "hoverformat": "%B %Y",
        "showgrid": True,
    }
    figure["layout"]["yaxis"] |= {"range": [0, max(most, 2) * 1.1]}
    if most <= 10:
        figure["layout"]["yaxis"]["dtick"] = 1 if most <= 5 else 2
    figure["layout"]["legend"]["traceorder"] = "normal"
    return figure


def outlook(
    days: Sequence[date], crew: Sequence[int], required: Sequence[int], *, height: int = 200
) -> Figure:
    """Crew by year against what is required, from zero, with the first and the last count."""
    figure = lines(
        days,
        {"Crew": list(crew), "Required": list(required)},
        dashed=("Required",),
        colors={"Crew": "#3f86c4", "Required": "#c0392b"},
        height=height,
    )
    line = figure["data"][0]
    line["mode"] = "lines+markers+text"
    line["text"] = [f"{n}" if place in (0, len(crew) - 1) else "" for place, n in enumerate(crew)]
    line["textposition"] = "bottom center"
    line["marker"] = {"size": 5}
    line["cliponaxis"] = False
    figure["layout"]["xaxis"] |= {
        "tickvals": list(days[::2]),
        "tickformat": "%Y",
        "hoverformat": "%-d %b %Y",
    }
    figure["layout"]["yaxis"]["range"] = [0, max(*crew, *required, 1) * 1.1]
    return figure


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
    hover = [[""] * weeks for _ in range(7)]
    for day, count, note in zip(days, counts, notes, strict=True):
        week, weekday = (day - monday).days // 7, day.weekday()
        z[weekday][week] = log1p(count)
        text[weekday][week] = f"{count}" if count else "·"
        hover[weekday][week] = note
    starts = [monday + timedelta(weeks=n) for n in range(weeks)]
    figure: Figure = {
        "data": [
            {
                "type": "heatmap",
                "x": list(range(weeks)),
                "y": list(day_abbr),
                "z": z,
                "text": text,
                "customdata": hover,
                "texttemplate": "%{text}",
                "hovertemplate": "%{customdata}<extra></extra>",
                "hoverongaps": False,
                "xgap": 2,
                "ygap": 2,
                "zmin": 0,
                "zmax": log1p(max(*counts, 1)),
                "colorscale": [[0, "rgba(138,150,163,0.12)"], [0.01, "#f6e3b0"], [1, "#d9730d"]],
                "showscale": False,
            }
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


def away(
    days: Sequence[date],
    on_leave: Sequence[int],
    may_be_away: Sequence[int],
    *,
    height: int = 190,
) -> Figure:
    """Pilots on approved leave on each day, and how many the minimum allows."""
    figure = bars(days, {"On leave": on_leave}, height=height)
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "May be away",
            "x": list(days),
            "y": list(may_be_away),
            "line": {"width": 2, "dash": "dash", "shape": "hvh", "color": "#c0392b"},
        }
    )
    figure["layout"] |= {"showlegend": True, "bargap": 0}
    return figure


def leave_months(
    months: Sequence[date],
    series: Mapping[str, Sequence[int | None]],
    current: date,
    *,
    height: int = 300,
) -> Figure:
    """Stacked bars by calendar month; the month of ``current`` is marked."""
    figure = bars(months, series, height=height)
    figure["layout"]["xaxis"] |= {"type": "date", "tickformat": "%b %Y"}
    _mark_day(figure, current.replace(day=1), "this month")
    return figure


def _mark_day(figure: Figure, day: date, text: str) -> None:
    """A word above one day of the axis."""
    figure["layout"]["annotations"] = [
        {
            "x": day,
            "y": 1,
            "xref": "x",
            "yref": "paper",
            "text": f"{text} ▾",
            "showarrow": False,
            "yanchor": "top",
            "font": {"size": 11},
        }
    ]
