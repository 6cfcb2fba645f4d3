"""What all tests of pages need."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pyarrow as pa
import pytest
from plotly import graph_objects as go

from fleetcache.ui import charts, kit, shown
from fleetcache.ui.shown import Shown


@pytest.fixture(autouse=True)
def nobody_paints(monkeypatch: pytest.MonkeyPatch) -> None:
    """No browser is there that the first chart would have to wait for."""
    monkeypatch.setattr(kit, "PAINT_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def charts_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chart of every page is one that plotly takes: when people look, nobody checks."""
    made = charts.Plain.__init__

    def checked(self: charts.Plain, figure: charts.Figure) -> None:
        go.Figure(**figure)
        made(self, figure)

    monkeypatch.setattr(charts.Plain, "__init__", checked)


@pytest.fixture(autouse=True)
def tables_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows of every table have the same columns: Arrow takes those of the first row and drops what others have."""
    made = pa.Table.from_pylist

    class Checked:
        @staticmethod
        def from_pylist(rows: Sequence[Shown]) -> pa.Table:
            assert len({tuple(row) for row in rows}) < 2, "rows of one table have different columns"
            return made(rows)

    monkeypatch.setattr(shown, "pa", SimpleNamespace(Table=Checked))
