"""Which pages there are, and which right each of them asks for."""

from __future__ import annotations

from copy import copy
from functools import cache
from pathlib import Path
from typing import NamedTuple

import streamlit as st

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


def page(name: str) -> st.Page:
    """The page of this name as links lead to it."""
    return _made(name, False)


def entry(name: str, *, shown: bool) -> st.Page:
    """The page of this name as the navigation takes it: ``shown`` in it, or reached by links only."""
    return copy(_made(name, shown))  # which page may run is noted in it: every run has its own


@cache
def _made(name: str, shown: bool) -> st.Page:
    # Made once, because each time Streamlit looks for the file.
    one = place(name)
    return st.Page(
        PAGES / f"{name}.py",
        title=one.title,
        icon=one.icon,
        url_path=name,
        default=name == "overview",
        visibility="visible" if shown else "hidden",
    )
