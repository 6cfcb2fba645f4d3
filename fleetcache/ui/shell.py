"""The Streamlit script: navigation, and what people have to know on every page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fleetcache import runtime
from fleetcache.ui.follow import drawn, follow
from fleetcache.ui.pages import PAGES, SECTIONS

st.set_page_config(page_title="fleetcache", page_icon=Path(__file__).parent / "icon.svg", layout="wide")

# The pages are given by absolute path: a folder that Streamlit finds by itself can be opened
# around whatever this script checks.
page = st.navigation(
    {
        section: [
            st.Page(PAGES / f"{name}.py", title=title, icon=icon, url_path=name, default=name == "overview")
            for name, title, icon in pages
        ]
        for section, pages in SECTIONS.items()
    }
)
st.logo(Path(__file__).parent / "logo.svg", size="large")
for warning in runtime.current().warnings:
    st.warning(warning, icon=":material/info:")
drawn()
page.run()
follow()
