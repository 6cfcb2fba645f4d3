"""The audit as a sheet, for whoever takes it elsewhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import msgspec

from fleetcache.source.audit import Action


def sheet(rows: Sequence[Action]) -> str:
    """Actions as CSV, with the names of the fields above."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(Action.__struct_fields__)
    for row in rows:
        writer.writerow([_cell(value) for value in msgspec.to_builtins(row).values()])
    return text.getvalue()


def _cell(value: object) -> object:
    """A spreadsheet would run what begins like a formula; somebody else may have written it."""
    runs = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if runs else value
