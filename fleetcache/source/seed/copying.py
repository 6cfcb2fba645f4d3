"""Columns as text for COPY ... FROM STDIN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .airline import Rows, size
from .days import Column

CHUNK = 20_000
NULL = "\\N"


def copy_text(rows: Rows, begin: int, end: int) -> str:
    """Rows begin .. end-1 in COPY's text format; the texts hold no tab, newline or backslash."""
    columns = [_as_text(column[begin:end]) for column in rows.values()]
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def copy_in(cursor: Any, table: str, rows: Rows, done: Callable[[int], None]) -> None:
    """COPY all rows into a table through a psycopg cursor, telling how many after each chunk."""
    names = ", ".join(rows)
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for begin in range(0, size(rows), CHUNK):
            end = min(begin + CHUNK, size(rows))
            copy.write(copy_text(rows, begin, end))
            done(end - begin)


def _as_text(column: Column) -> list[str]:
    kind = column.dtype.kind
    if kind == "O":
        return [NULL if value is None else value for value in column.tolist()]
    if kind == "b":
        return ["t" if value else "f" for value in column.tolist()]
    if kind == "M":
        moments = np.datetime_as_string(column)
        suffix = "" if column.dtype == np.dtype("datetime64[D]") else "+00"
        return [NULL if text == "NaT" else text + suffix for text in moments.tolist()]
    return [NULL if value < 0 else str(value) for value in column.tolist()]
