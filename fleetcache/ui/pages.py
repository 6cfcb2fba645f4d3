"""Which pages there are."""

from __future__ import annotations

from pathlib import Path

PAGES = Path(__file__).parents[2] / "pages"
SECTIONS = {
    "Crew": [
        ("overview", "Overview", ":material/dashboard:"),
        ("fleet", "Fleet", ":material/flight:"),
        ("compliance", "Compliance", ":material/verified:"),
        ("retirement", "Retirement", ":material/event_available:"),
        ("leave", "Leave", ":material/beach_access:"),
    ],
    "Administration": [("cache", "Cache", ":material/database:")],
}
