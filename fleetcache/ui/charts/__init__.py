"""Figures: data in, a plain plotly dict out."""

from fleetcache.ui.charts.base import Figure, bars, selectable, stacked
from fleetcache.ui.charts.cache import hit_rate, reads
from fleetcache.ui.charts.compliance import DAYS, STATE_COLORS, by_band, calendar
from fleetcache.ui.charts.crew import availability, away, by_month, leave_months, outlook
from fleetcache.ui.charts.plain import Plain

__all__ = [
    "DAYS",
    "STATE_COLORS",
    "Figure",
    "Plain",
    "availability",
    "away",
    "bars",
    "by_band",
    "by_month",
    "calendar",
    "hit_rate",
    "leave_months",
    "outlook",
    "reads",
    "selectable",
    "stacked",
]
