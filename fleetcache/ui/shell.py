"""The Streamlit script: who comes in, where they may go, and what people have to know on every page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fleetcache import runtime
from fleetcache.access.roles import Person
from fleetcache.errors import FleetcacheError, Forbidden, NoRole, NotSignedIn
from fleetcache.ui import edits, filters, kit, pages
from fleetcache.ui.doors import LOGO, account, forbidden
from fleetcache.ui.follow import drawn
from fleetcache.ui.pages import SECTIONS
from fleetcache.ui.session import person, refuse

st.set_page_config(page_title="fleetcache", page_icon=Path(__file__).parent / "icon.svg", layout="wide")

who: Person | None = None
try:
    who = person()
except (NotSignedIn, NoRole) as error:
    why: FleetcacheError = error

# The pages are given by absolute path: a folder that Streamlit finds by itself can be opened around whatever
# this script checks. All of them are given to everybody, so that a link to one that somebody may not see, or
# not before signing in, leads to a page that says so and not to one that does not exist.
places = {
    pages.entry(place.name, shown=who is not None and place.listed and who.may(place.right)): (section, place)
    for section, found in SECTIONS.items()
    for place in found
}
filters.arrive()
page = st.navigation(
    {section: [page for page, (of, _place) in places.items() if of == section] for section in SECTIONS},
    position="sidebar" if who else "hidden",
)
if who is None:
    refuse(why)
st.logo(LOGO, size="large")
account(who)
_section, place = places[page]
drawn()
try:
    who.must(place.right)
except Forbidden as error:
    kit.head(place.title, icon=place.icon)
    forbidden(error)
else:
    for warning in runtime.current().warnings:
        st.warning(warning, icon=":material/info:")
    edits.arrive(place.name)
    page.run()
