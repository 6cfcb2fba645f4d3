"""Files as people have them: CSV in a few dialects and Excel, read into lines of cells within limits."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import openpyxl

from fleetcache.errors import FleetcacheError, Invalid, TooLarge

MOST_BYTES = 20 << 20
MOST_UNPACKED = 100 << 20
"""What an Excel file may hold when unpacked: 100,000 rows of a dozen columns are about half of it."""
MOST_ROWS = 100_000
MOST_COLUMNS = 50
LONGEST_CELL = 1000
SEPARATORS = ",;\t"
_LAST_LINE = 1_048_576
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_GUARD = re.compile(r"^'(?=[=+@\t\r-])")
"""What our own CSV files put before a text that a spreadsheet would take for a formula."""
_AS_UTF8 = "In Excel choose File, Save as, “CSV UTF-8 (comma delimited)”; in other programs choose the encoding UTF-8."
_PARTS = "Give it in parts, each with the header."
_AS_EXCEL = "Open it in Excel and save it as “Excel workbook (.xlsx)”, or as “CSV UTF-8”."


@dataclass(frozen=True)
class Unusable:
    """A cell that holds no value of its own, and why."""

    reason: str


Cell = str | int | float | bool | date | datetime | time | Unusable
"""What a cell holds; an empty one is an empty text."""


@dataclass(frozen=True)
class Line:
    """One row of a file, with the number under which a person finds it there."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sheet:
    """A file as read: the names of its columns, and its rows, the empty ones left out."""

    name: str
    header: tuple[str, ...]
    lines: tuple[Line, ...]


def read(data: bytes, name: str) -> Sheet:
    """A CSV or Excel file by its content, whatever its name says. Raises TooLarge, or Invalid with what is
    wrong with the file and how to save it so that it can be read."""
    if len(data) > MOST_BYTES:
        raise TooLarge(f"{name} is larger than {MOST_BYTES >> 20} MB.", hint=_PARTS)
    if data.startswith(_OLD_EXCEL):
        raise Invalid(f"{name} is of an old Excel (.xls).", hint=_AS_EXCEL)
    lines = _excel(data, name) if data.startswith(_ZIP) else _csv(_text(data, name), name)
    filled = ((number, cells) for number, cells in lines if any(cell != "" for cell in cells))
    try:
        return _sheet(name, filled)
    except csv.Error as error:
        raise Invalid(
            f"{name} cannot be read as a table: {error}.", hint="Look whether a quotation mark is not closed."
        ) from error


def _sheet(name: str, filled: Iterator[tuple[int, list[Cell]]]) -> Sheet:
    _number, first = next(filled, (1, []))
    if not first:
        raise Invalid(f"{name} is empty.", hint="The first row names the columns; take the template.")
    if len(first) > MOST_COLUMNS:
        raise TooLarge(f"{name} has more than {MOST_COLUMNS} columns.", hint="Leave out those that are not needed.")
    header = tuple(" ".join(cell.split()) if isinstance(cell, str) else "" for cell in first)
    known: set[str] = set()
    for column in header:
        if (same := plain(column)) in known:
            raise Invalid(f"{name} has the column “{column}” more than once.", hint="Name every column differently.")
        known.update({same} - {""})
    lines: list[Line] = []
    for number, cells in filled:
        if len(lines) == MOST_ROWS:
            raise TooLarge(f"{name} has more than {MOST_ROWS:,} rows.", hint=_PARTS)
        lines.append(Line(number, tuple(cells)))
    return Sheet(name, header, tuple(lines))


def plain(name: str) -> str:
    """The name of a column without letter case, spaces, underscores and signs."""
    return re.sub(r"[\W_]", "", name).lower()


def _text(data: bytes, name: str) -> str:
    """The text of a CSV file. Only what says by itself how it is written is read; a guess could change names."""
    try:
        text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Invalid(
            f"{name} is not written in UTF-8 (line {line} has a character of another encoding, such as Windows-1252).",
            hint=_AS_UTF8,
        ) from error
    if "\0" in text:
        raise Invalid(f"{name} is neither a CSV file in UTF-8 nor an Excel file (.xlsx).", hint=_AS_UTF8)
    return text


def _csv(text: str, name: str) -> Iterator[tuple[int, list[Cell]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    begin = 1
    for fields in reader:
        # A field may hold line breaks: the row is where it begins.
        yield begin, [_cut(field) for field in fields]
        begin = reader.line_num + 1


def _separator(text: str) -> str:
    """Whichever separator cuts the first row into the most columns."""

    def columns(separator: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=separator), ()))
        except csv.Error:
            return 0

    return max(SEPARATORS, key=columns)


def _cut(text: str) -> Cell:
    text = _GUARD.sub("", text.strip()).strip()
    return text if len(text) <= LONGEST_CELL else Unusable(f"is longer than {LONGEST_CELL} characters")


def _excel(data: bytes, name: str) -> Iterator[tuple[int, list[Cell]]]:
    """The first sheet. Read by openpyxl itself and not by pandas, which fills every row up to the last
    column that any cell names (a file of a few kilobytes can name 16,384 in each of its rows), and gives
    what a formula once came to in place of the formula."""
    broken = Invalid(f"{name} is not an Excel file (.xlsx) that can be read.", hint=_AS_EXCEL)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            # No more than is declared is ever unpacked.
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > MOST_UNPACKED:
            raise TooLarge(
                f"{name} is {unpacked / (1 << 20):.0f} MB when unpacked; {MOST_UNPACKED >> 20} MB are taken at the most.",
                hint="Copy the rows into a new workbook, or give them in parts.",
            )
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        if not book.worksheets:
            raise broken
        rows: Iterable[Any] = book.worksheets[0].iter_rows(min_row=1, min_col=1, max_col=MOST_COLUMNS + 1)
        gap = None
        for number, row in enumerate(rows, 1):
            if number > _LAST_LINE:
                raise broken
            if row is gap:  # rows that are not in the file at all are one and the same
                continue
            gap = row
            cells = [_cell(cell) for cell in row]
            while cells and cells[-1] == "":
                cells.pop()
            yield number, cells
    except FleetcacheError:
        raise
    except Exception as error:  # whatever a torn or forged file makes the parsers of ZIP and XML trip over
        raise broken from error


def _cell(cell: Any) -> Cell:
    if cell.data_type == "f":
        return Unusable("the cell holds a formula and not a value: copy the column and paste it as values")
    if cell.data_type == "e":
        return Unusable("the cell holds an error of Excel")
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, (bool, int, float, datetime, date, time)):
        return value
    return Unusable("the cell holds neither a text nor a number nor a day")
