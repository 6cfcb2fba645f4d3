"""Which pages there are, and which right each of them asks for."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fleetcache.access.roles import Right

PAGES = Path(__file__).parents[2] / "pages"


class Place(NamedTuple):
    """A page in the navigation: file and address, title, icon, and what one must be allowed to open it."""

    name: str
    title: str
    icon: str
    right: Right


SECTIONS = {
    "Crew": [
        Place("overview", "Overview", ":material/dashboard:", "figures.read"),
        Place("fleet", "Fleet", ":material/flight:", "figures.read"),
        Place("compliance", "Compliance", ":material/verified:", "figures.read"),
        Place("retirement", "Retirement", ":material/event_available:", "figures.read"),
        Place("pilots", "Pilots", ":material/badge:", "crew.read"),
        Place("leave", "Leave", ":material/beach_access:", "figures.read"),
        Place("imports", "Import", ":material/upload_file:", "import"),
    ],
    "Administration": [
        Place("cache", "Cache", ":material/database:", "cache.read"),
        Place("audit", "Audit", ":material/policy:", "audit.read"),
        Place("settings", "Settings", ":material/tune:", "settings.change"),
    ],
}
