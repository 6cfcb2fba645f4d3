"""Figures: data in, a plain plotly dict out."""

from fleetcache.ui.charts.base import bars, stacked
from fleetcache.ui.charts.cache import hit_rate, reads
from fleetcache.ui.charts.compliance import STATE_COLORS, by_band, calendar
from fleetcache.ui.charts.crew import availability, away, by_month, leave_months, outlook

__all__ = [
    "STATE_COLORS",
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
    "stacked",
]
