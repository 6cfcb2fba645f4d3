"""What all tests of pages need."""

from __future__ import annotations

import pytest
from plotly import graph_objects as go

from fleetcache.ui import charts


@pytest.fixture(autouse=True)
def charts_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chart of every page is one that plotly takes: when people look, nobody checks."""
    made = charts.Plain.__init__

    def checked(self: charts.Plain, figure: charts.Figure) -> None:
        go.Figure(**figure)
        made(self, figure)

    monkeypatch.setattr(charts.Plain, "__init__", checked)
