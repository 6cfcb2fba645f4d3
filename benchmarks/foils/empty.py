"""A page with one number on it, in a server set up as ours is."""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """What fleetcache.web.routes does beside starting its own parts."""
    sys.setswitchinterval(0.001)
    gc.collect()
    gc.freeze()
    yield


app = st.App(Path(__file__).parent / "empty_page.py", lifespan=lifespan)
