"""Crew against minimum, day by day: the same charts on every page that shows them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fleetcache.figures.leave import AvailabilityLine, LeaveStats
from fleetcache.glossary import GLOSSARY
from fleetcache.panels import availability
from fleetcache.panels.behind import behind
from fleetcache.ui import charts, kit, words


def against_minimum(stats: LeaveStats, lines: Sequence[AvailabilityLine]) -> None:
    """One chart per fleet and rank: both lines, the minimum, the worst day, roster periods."""
    st.caption(GLOSSARY["availability.ifRenewed"].words)
    days = availability.days(stats)
    periods = [(p.name, p.first_day) for p in stats.periods if days[0] < p.first_day <= days[-1]]
    with st.grid(2, min_column_width=320):
        for line in lines:
            with st.container(border=True):
                worst = availability.worst_day(line, line.if_renewed, stats.first_day)
                _head(line, stats)
                kit.chart(
                    charts.availability(
                        days,
                        line.if_renewed,
                        line.on_paper,
                        line.minimum,
                        worst=(worst.day, worst.crew) if worst else None,
                        periods=periods,
                    ),
                    key=f"crew-{line.fleet}-{line.rank}",
                    alt=f"Crew of {words.group(line.fleet, line.rank)} by day against the minimum",
                    opens=availability.opens(line, days, worst),
                )


def _head(line: AvailabilityLine, stats: LeaveStats) -> None:
    """Above a chart of availability: who, how tight the worst day is, and by when renewals are needed."""
    worst = availability.worst_day(line, line.if_renewed, stats.first_day)
    lapse = availability.first_below(line, line.on_paper, stats.first_day)
    badge = ""
    if worst is not None and worst.margin < 0:
        badge = ":red-badge[:material/error: below minimum]"
    elif lapse is not None:
        badge = f":orange-badge[:material/warning: renewals needed by {words.short_day(lapse)}]"
    st.markdown(f"**{words.group(line.fleet, line.rank)}** {badge}")
    crew = f"{line.active} active · minimum {line.minimum}"
    if worst is None:
        st.caption(crew)
    else:
        kit.link(
            f":small[{crew} · worst day {words.short_day(worst.day)}: {worst.crew} ({worst.margin:+d})]",
            behind("availability.ifRenewed", day=worst.day, fleet=line.fleet, rank=line.rank),
        )
