"""A chart sent as it is written."""

from __future__ import annotations

from typing import Any

import streamlit  # noqa: F401 - it registers the template
from plotly import io  # type: ignore[import-untyped]
from plotly.basedatatypes import BaseFigure  # type: ignore[import-untyped]

from fleetcache.ui.charts.base import Figure

_TEMPLATE: Figure = {"template": io.templates["streamlit"].to_plotly_json()}


class Plain(BaseFigure):  # type: ignore[misc]
    """A figure for ``st.plotly_chart`` that goes out as it is. Of a plain dict Streamlit would build objects first,
    only to check it, which is three quarters of the time of a chart; the tests check them instead."""

    def __init__(self, figure: Figure) -> None:
        # Its own __init__ builds the objects, and its own __setattr__ knows only theirs.
        self.__dict__["plain"] = {**figure, "layout": {**_TEMPLATE, **figure["layout"]}}

    def to_dict(self) -> dict[str, Any]:
        """The figure."""
        found: dict[str, Any] = self.__dict__["plain"]
        return found
