"""What a cell means in its column: text, a day, a number, a yes. What could mean two things is refused."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Literal, get_args

from fleetcache.changes.imports.files import Cell, Unusable

DayOrder = Literal["iso", "day first", "month first"]
"""How a file writes its days: as 2026-12-24 only, or also as 24/12/2026, or also as 12/24/2026."""
DAY_ORDERS: tuple[DayOrder, ...] = get_args(DayOrder)
Sort = Literal["text", "code", "day", "number", "flag"]
"""What a column holds; a code is matched without regard to letter case."""

Value = str | int | float | bool | date | None

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_PARTS = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})")
_PIVOT = 69
"""Years of two digits from here on are of the century before, as everywhere."""
_FLAGS = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
AMBIGUOUS = "is ambiguous: write it as 2026-12-24, or say how this file writes its days"
NO_DAY = "is not a day; write it as 2026-12-24"


def value(cell: Cell, sort: Sort, days: DayOrder = "iso") -> Value:
    """What a cell means, None for an empty one. Raises ValueError with the reason where it means nothing."""
    if isinstance(cell, Unusable):
        raise ValueError(cell.reason)
    if cell == "":
        return None
    if sort == "day":
        return day(cell, days)
    if sort == "flag":
        return _flag(cell)
    if sort == "number":
        return cell if isinstance(cell, (int, float)) and not isinstance(cell, bool) else str(cell)
    return _written(cell)


def day(cell: Cell, days: DayOrder) -> date:
    """The day of a cell: a date of Excel, or a text in ISO form or in the order of the file. Raises
    ValueError."""
    if isinstance(cell, datetime):
        if cell.time() != time():
            raise ValueError("is a moment and not a day: leave the time out")
        return cell.date()
    if isinstance(cell, date):
        return cell
    if not isinstance(cell, str):
        raise ValueError("is a number and not a day: give the cell the format of a date")
    try:
        if _ISO.fullmatch(cell):
            return date.fromisoformat(cell)
        if parts := _PARTS.fullmatch(cell):
            return _ordered(int(parts[1]), int(parts[3]), parts[4], days)
    except ValueError as error:
        raise ValueError(str(error) if str(error) == AMBIGUOUS else "is a day that does not exist") from error
    raise ValueError(NO_DAY)


def _ordered(first: int, second: int, year: str, days: DayOrder) -> date:
    if days == "iso":
        raise ValueError(AMBIGUOUS)
    whole = int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= _PIVOT else 2000)
    return date(whole, second, first) if days == "day first" else date(whole, first, second)


def _flag(cell: Cell) -> bool:
    flag = _FLAGS.get(_written(cell).lower())
    if flag is None:
        raise ValueError("is neither yes nor no")
    return flag


def _written(cell: Cell) -> str:
    """As a person would write it: Excel makes numbers of what looks like one."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, (date, datetime, time)):
        raise ValueError("is a date, which Excel may have made of a text: give the cell the format “Text” and write it again")
    return str(cell)
