"""Files as people have them: CSV in a few dialects and Excel, read into lines of cells within limits."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from typing import Any

import openpyxl
from openpyxl.utils.escape import unescape

from fleetcache.errors import FleetcacheError, Invalid, TooLarge

MOST_BYTES = 20 << 20
MOST_UNPACKED = 100 << 20
"""What an Excel file may hold when unpacked: 100,000 rows of a dozen columns are about half of it."""
MOST_ASIDE = 2 << 20
"""What a part of an Excel file that is neither a sheet nor its texts may hold: it is read whole, as a tree."""
DENSEST, DENSE_FROM = 100, 1 << 20
"""How many times as large as packed a part from that size on may be: tables of people come to about 15."""
MOST_ROWS = 100_000
MOST_COLUMNS = 50
LONGEST_CELL = 1000
SEPARATORS = ",;\t"
_LAST_LINE, _LAST_COLUMN = 1_048_576, 16_384
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_GUARD = re.compile(r"(^|[;\t\r\n][\s\"]*)'(?=[=+@\t\r-])")
"""What our own CSV files put before a text that a spreadsheet would take for a formula."""
_AS_UTF8 = "In Excel choose File, Save as, “CSV UTF-8 (comma delimited)”; in other programs choose the encoding UTF-8."
_ROW, _CELL = re.compile(rb"<(?:[\w.-]+:)?row(?=[\s/>])"), re.compile(rb"<(?:[\w.-]+:)?(?:c|si)(?=[\s/>])")
_TEXTS = "xl/sharedStrings.xml"
_ZEROS = re.compile(r"00+")
_NO_TEXT = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
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
    """A file as read: the names of its columns, and its rows, the empty ones left out. ``mark`` names it by
    its content, ``note`` is what to know of what was read of it."""

    name: str
    mark: str
    header: tuple[str, ...]
    lines: tuple[Line, ...]
    note: str = ""


def read(data: bytes, name: str) -> Sheet:
    """A CSV or Excel file by its content, whatever its name says. Raises TooLarge, or Invalid with what is
    wrong with the file and how to save it so that it can be read."""
    if len(data) > MOST_BYTES:
        raise TooLarge(f"{name} is larger than {MOST_BYTES >> 20} MB.", hint=_PARTS)
    if data.startswith(_OLD_EXCEL):
        raise Invalid(f"{name} is of an old Excel (.xls).", hint=_AS_EXCEL)
    mark, note = hashlib.sha256(data).hexdigest()[:12], ""
    if data.startswith(_ZIP):
        with _readable(name):
            _bounded(data, name)
            found, note = _shown(data, name)
        mark, lines = f"{mark}.xlsx", _excel(found, name)
    else:
        mark, lines = f"{mark}.csv", _csv(_text(data, name))
    filled = ((number, cells) for number, cells in lines if any(cell != "" for cell in cells))
    try:
        header, rows = _sheet(name, filled)
        return Sheet(name, mark, header, rows, note)
    except csv.Error as error:
        raise Invalid(
            f"{name} cannot be read as a table: {error}.", hint="Look whether a quotation mark is not closed."
        ) from error


def _sheet(name: str, filled: Iterator[tuple[int, list[Cell]]]) -> tuple[tuple[str, ...], tuple[Line, ...]]:
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
        # Of the cells beyond the header one is enough to know that there are some.
        beyond = [cell for cell in cells[len(header) :] if cell != ""][:1]
        lines.append(Line(number, (*cells[: len(header)], *beyond)))
    return header, tuple(lines)


def plain(name: str) -> str:
    """The name of a column without letter case, spaces, underscores and signs; one that is made of signs only
    stays as it is."""
    return re.sub(r"[\W_]", "", name).lower() or name


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


def _csv(text: str) -> Iterator[tuple[int, list[Cell]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    begin = 1
    for fields in reader:
        # A field may hold line breaks: the row is where it begins.
        yield begin, [_cut(field) for field in (*fields[:MOST_COLUMNS], *islice(filter(str.strip, fields[MOST_COLUMNS:]), 1))]
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
    text = text.strip()
    if "'" in text:
        text = _GUARD.sub(r"\1", text).strip()
    if not text.isprintable() and _NO_TEXT.search(text):
        return Unusable("has characters in it that are no text")
    return text if len(text) <= LONGEST_CELL else Unusable(f"is longer than {LONGEST_CELL} characters")


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except FleetcacheError:
        raise
    except Exception as error:  # whatever a torn or forged file makes the parsers of ZIP and XML trip over
        raise Invalid(f"{name} is not an Excel file (.xlsx) that can be read.", hint=_AS_EXCEL) from error


def _bounded(data: bytes, name: str) -> None:
    """Refuses a workbook that comes to more than it should when it is unpacked and parsed. Raises TooLarge."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        # No more than is declared is ever unpacked.
        parts = packed.infolist()
        unpacked = sum(part.file_size for part in parts)
        if unpacked > MOST_UNPACKED:
            raise TooLarge(
                f"{name} is {unpacked / (1 << 20):.0f} MB when unpacked; {MOST_UNPACKED >> 20} MB are taken at the most.",
                hint="Copy the rows into a new workbook, or give them in parts.",
            )
        for part in parts:
            rows = part.filename.startswith("xl/worksheets/") or part.filename == _TEXTS
            dense = part.file_size > max(DENSE_FROM, DENSEST * part.compress_size)
            if dense or (not rows and part.file_size > MOST_ASIDE) or (rows and _crowded(packed, part)):
                raise TooLarge(
                    f"{name} holds far more than a table of people does ({part.filename}).",
                    hint="Copy the rows, as values only, into a new workbook.",
                )


def _crowded(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Whether a part has more cells than a table may have, in all or in one row: each is an object once it is
    parsed, however short it is written."""
    cells, in_row, rest = 0, 0, b""
    texts = part.filename == _TEXTS
    with packed.open(part) as opened:
        while chunk := opened.read(1 << 20):
            if b"\0" in chunk:
                raise ValueError("not written in UTF-8")
            whole, tag, rest = (rest + chunk).rpartition(b"<")
            rest = tag + rest
            for place, row in enumerate(_ROW.split(whole)):
                count = len(_CELL.findall(row))
                in_row = count + (0 if place else in_row)
                cells += count
                if cells > MOST_ROWS * MOST_COLUMNS or (in_row > _LAST_COLUMN and not texts):
                    return True
    return False


def _shown(data: bytes, name: str) -> tuple[Any, str]:
    """The first sheet that a person sees, and a note where there are others."""
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if not shown:
        raise Invalid(f"{name} has no sheet that is shown.", hint=_AS_EXCEL)
    others = len(book.worksheets) - 1
    if not others:
        return shown[0], ""
    return shown[0], f"Read was the sheet “{shown[0].title}”; {others} more in the file {'was' if others == 1 else 'were'} not."


def _excel(found: Any, name: str) -> Iterator[tuple[int, list[Cell]]]:
    """The rows of a sheet. Read by openpyxl itself and not by pandas, which fills every row up to the last
    column that any cell names (a file of a few kilobytes can name 16,384 in each of its rows), and gives
    what a formula once came to in place of the formula."""
    with _readable(name):
        rows: Iterable[Any] = found.iter_rows(min_row=1, min_col=1, max_col=MOST_COLUMNS + 1)
        gap = None
        for number, row in enumerate(rows, 1):
            if number > _LAST_LINE:
                raise ValueError("a row that Excel does not have")
            if row is gap:  # rows that are not in the file at all are one and the same
                continue
            gap = row
            cells = [_cell(cell) for cell in row]
            while cells and cells[-1] == "":
                cells.pop()
            yield number, cells


def _cell(cell: Any) -> Cell:
    if cell.data_type == "f":
        return Unusable("the cell holds a formula and not a value: copy the column and paste it as values")
    if cell.data_type == "e":
        return Unusable("the cell holds an error of Excel")
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return _cut(unescape(value))
    if type(value) is int and _ZEROS.fullmatch(cell.number_format) and len(str(value)) < len(cell.number_format):
        return Unusable("is a number that only shows its zeros: give the cell the format “Text” and write it again")
    if isinstance(value, (bool, int, float, datetime, date, time)):
        return value
    return Unusable("the cell holds neither a text nor a number nor a day")
