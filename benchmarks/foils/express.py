"""fleetcache itself, but for its charts: the same data, each drawn by plotly express."""

from typing import Any

import pandas as pd
import plotly.express as px
import streamlit as st

from app import SCRIPT
from fleetcache.ui import kit
from fleetcache.web.routes import lifespan, middleware, routes

app = st.App(SCRIPT, lifespan=lifespan, routes=routes, middleware=middleware)


def express(figure: dict[str, Any]) -> Any:
    """Lines over days with marks, roster periods and their names, as one writes it with plotly express."""
    lines = [trace for trace in figure["data"] if trace.get("mode") == "lines"]
    rows = pd.DataFrame({"day": lines[0]["x"], **{trace["name"]: trace["y"] for trace in lines}})
    made = px.line(
        rows,
        x="day",
        y=[trace["name"] for trace in lines],
        color_discrete_map={trace["name"]: trace["line"]["color"] for trace in lines},
        height=figure["layout"]["height"],
    )
    for trace in figure["data"]:
        if trace not in lines:
            made.add_scatter(**{name: value for name, value in trace.items() if name != "type"})
    for shape in figure["layout"].get("shapes", ()):
        made.add_shape(**shape)
    for note in figure["layout"].get("annotations", ()):
        made.add_annotation(**note)
    return made


def chart(figure: dict[str, Any], *, key: str, alt: str, opens: Any = None, **_more: Any) -> None:
    """In place of ``kit.chart``; what a chosen point opens is left out, but points can be chosen."""
    made = express(figure)
    if opens:
        st.plotly_chart(made, key=key, config=kit.CHART_CONFIG, alt=alt, on_select="rerun", selection_mode="points")
    else:
        st.plotly_chart(made, key=key, config=kit.CHART_CONFIG, alt=alt)


setattr(kit, "chart", chart)  # noqa: B010
