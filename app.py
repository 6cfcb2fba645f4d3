"""The server: Streamlit's pages, and beside them the API, on one port."""

from pathlib import Path

import streamlit as st

from fleetcache.web.routes import lifespan, middleware, routes

SCRIPT = Path(__file__).parent / "fleetcache" / "ui" / "shell.py"

app = st.App(SCRIPT, lifespan=lifespan, routes=routes, middleware=middleware)

if __name__ == "__main__":
    app.run()
