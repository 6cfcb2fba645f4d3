"""Which pages there are, and which right each of them asks for."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fleetcache.access.roles import Right

PAGES = Path(__file__).parents[2] / "pages"


class Place(NamedTuple):
    """A page: file and address, title, icon, what one must be allowed to open it, and whether it is ``listed`` in the
    navigation."""

    name: str
    title: str
    icon: str
    right: Right
    listed: bool = True


SECTIONS = {
    "Crew": [
        Place("overview", "Overview", ":material/dashboard:", "figures.read"),
        Place("fleet", "Fleet", ":material/flight:", "figures.read"),
        Place("compliance", "Compliance", ":material/verified:", "figures.read"),
        Place("retirement", "Retirement", ":material/event_available:", "figures.read"),
        Place("pilots", "Pilots", ":material/badge:", "crew.read"),
        Place("leave", "Leave", ":material/beach_access:", "figures.read"),
        Place("figure", "Figure", ":material/tag:", "crew.read", listed=False),
        Place("imports", "Import", ":material/upload_file:", "import"),
    ],
    "Administration": [
        Place("cache", "Cache", ":material/database:", "cache.read"),
        Place("audit", "Audit", ":material/policy:", "audit.read"),
        Place("settings", "Settings", ":material/tune:", "settings.change"),
    ],
}


def place(name: str) -> Place:
    """The page of this name."""
    return next(place for places in SECTIONS.values() for place in places if place.name == name)


def page_path(name: str) -> str:
    """The absolute path of a page, as ``st.Page`` got it."""
    return str(PAGES / f"{name}.py")
