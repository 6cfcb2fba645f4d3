"""Crew by day, month and year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from fleetcache.ui.charts.base import BACKGROUND, Figure, bars, lines


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
    for line in figure["data"][:-1]:
        line["hovertemplate"] = "%{x|%a %-d %b}: <b>%{y}</b>"
    figure["data"][-1]["hoverinfo"] = "skip"  # a click would be on it, and it is the same every day
    if worst is not None:
        figure["data"].append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "Worst day",
                "x": [worst[0]],
                "y": [worst[1]],
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
    if worst is not None:
        # As a note it has a background, where a line would run through it.
        figure["layout"]["annotations"].append(
            {
                "x": worst[0],
                "y": worst[1],
                "text": f"<b>{worst[1]}</b>",
                "showarrow": False,
                "yshift": 16,
                "bgcolor": BACKGROUND,
                "borderpad": 1,
            }
        )
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
