"""Rows as files for spreadsheets, CSV and Excel, of exactly what a page shows."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from csv import writer
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import streamlit as st
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from fleetcache.panels.panel import Panel
from fleetcache.ui import words
from fleetcache.ui.shown import Shown, columns_of

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""With which of these a cell begins, a spreadsheet works it out."""
INNER = re.compile(r"([;\t\r\n][\s\"]*)(?=[=+@-])")
"""Where a spreadsheet with another separator than ours would begin a cell, which quotation marks do not stop: to it a
cell of ours that is not the first of its row begins in the middle of one."""
UNWRITTEN = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|[\0-\x08\x0b-\x1f\ufffe\uffff]")
"""What a workbook holds only as a code: what XML cannot write, and what looks like such a code."""
LONGEST_CELL, LONGEST_NAME = 32_767, 31
FIRST_DAY = date(1900, 1, 1)
"""Excel knows none before it."""
WIDEST, MEASURED = 60, 500
"""How wide a column is made, in characters, by so many of its rows."""
FORMATS = {"%+d": "+0;-0;0", "%.1f %%": '0.0" %"', "%d %%": '0" %"'}
"""How numbers look that are more than digits on the page."""
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PAGE = "export-page"

Columns = Mapping[str, Any]
Rows = Sequence[Shown]


@dataclass(frozen=True)
class About:
    """What a file is: what it lists, the filters that it obeys (of which None lets everything through), what was
    searched for, whether more rows match than are in it, and the page as it was when it was drawn. ``read`` is when
    its rows were read, None where that is when it is made."""

    lists: str
    asked: Mapping[str, object]
    search: str
    cut: bool
    read: datetime | None
    day: date | None
    figures: str
    address: str


def of_page(panel: Panel | None) -> None:
    """Note what the figures of the page are that is being drawn, for the files of its lists; None: it has none."""
    st.session_state[_PAGE] = None if panel is None or panel.age is None else (panel.as_of, _state(panel, panel.age))


def about(lists: str, asked: Mapping[str, object], *, search: str = "", cut: bool = False, later: bool = False) -> About:
    """What a file of the page that is being drawn is; ``later``: its rows are read when it is made."""
    day, figures = st.session_state.get(_PAGE) or (None, "")
    query = "&".join(f"{name}={value}" for name, value in st.query_params.items())
    address = "?".join(part for part in (st.context.url, query) if part)
    return About(lists, asked, search, cut, None if later else datetime.now(UTC), day, figures, address)


def buttons(
    rows: Callable[[], Rows], heads: Sequence[str], of: About, *, key: str, columns: Columns | None = None, disabled: bool = False, quiet: bool = False
) -> None:
    """Both files. They are filled when they are asked for, and what ``rows`` raises fails the download: a file that
    could not be filled is never given as an empty one. Where there is no row it has the ``heads`` of those on the page."""

    def filled(make: Callable[[Rows, Mapping[str, str]], bytes]) -> bytes:
        found = rows()
        return make(found, headings(columns_of(found) or heads, columns))

    for label, ending, mime, make in (
        ("CSV", "csv", "text/csv", partial(filled, csv)),
        ("Excel", "xlsx", EXCEL, partial(filled, lambda found, names: excel(found, names, key, of, columns))),
    ):
        st.download_button(
            label,
            data=make,
            file_name=f"{key}.{ending}",
            mime=mime,
            icon=":material/download:",
            key=f"{key}-{ending}",
            type="tertiary" if quiet else "secondary",
            disabled=disabled,
            on_click="ignore",
        )


def headings(heads: Sequence[str], columns: Columns | None = None) -> dict[str, str]:
    """What stands above each column on the page, by its name."""
    return {head: ((columns or {}).get(head) or {}).get("label") or head for head in heads}


def csv(rows: Rows, names: Mapping[str, str]) -> bytes:
    """The columns of rows that have ``names`` as a file for spreadsheets, in UTF-8 with its mark. What one would take
    for a formula, whichever separator it goes by, has a ' before it, which an import of ours takes off again."""
    text = io.StringIO(newline="")
    # With this end of lines a cell that holds a part of it is quoted, and cannot begin a row.
    lines = writer(text, lineterminator="\r\n")
    lines.writerow([_harmless(name) for name in names.values()])
    lines.writerows([_harmless(row[name]) for name in names] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: object) -> object:
    if isinstance(cell, list | tuple):
        cell = ", ".join(map(str, cell))
    if not isinstance(cell, str):
        return cell
    guarded = INNER.sub(r"\1'", cell)
    return f"'{guarded}" if guarded.startswith(FORMULAS) else guarded


def excel(rows: Rows, names: Mapping[str, str], name: str, of: About, columns: Columns | None = None) -> bytes:
    """The columns of rows that have ``names`` as a workbook: days, moments and numbers are such, every text stays the
    text that it is, and a second sheet says what they are."""
    book = Workbook(write_only=True)
    book.properties.creator, book.properties.title = "fleetcache", of.lists
    _listed(book.create_sheet(name.replace("-", " ").capitalize()[:LONGEST_NAME]), rows, names, columns or {})
    _explained(book.create_sheet("About"), len(rows), of)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _listed(sheet: Any, rows: Rows, names: Mapping[str, str], columns: Columns) -> None:
    settings: list[Mapping[str, Any]] = [columns.get(name) or {} for name in names]
    sheet.freeze_panes = "B2" if settings and settings[0].get("pinned") else "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(max(1, len(names)))}{len(rows) + 1}"
    for place, (name, heading) in enumerate(names.items(), 1):
        longest = max((len(str(row[name])) for row in rows[:MEASURED]), default=0)
        # Beside a heading stands the arrow of its filter.
        sheet.column_dimensions[get_column_letter(place)].width = min(WIDEST, max(len(heading) + 4, longest + 2))
    sheet.append([_styled(sheet, heading, bold=True) for heading in names.values()])
    formats = [FORMATS.get(each.get("type_config", {}).get("format")) for each in settings]
    for row in rows:
        sheet.append([_cell(sheet, row[name], form) for name, form in zip(names, formats, strict=True)])


def _cell(sheet: Any, value: Any, form: str | None) -> Any:
    """A value as openpyxl takes it."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if isinstance(value, str):
        text = UNWRITTEN.sub(lambda found: f"_x{ord(found[0]):04X}_", value)
        text = text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
        return _styled(sheet, text) if text.startswith(FORMULAS) or text in ERROR_CODES else text
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date) and value < FIRST_DAY:
        return value.isoformat()
    return value if form is None or value is None else _styled(sheet, value, form=form)


def _styled(sheet: Any, value: Any, *, form: str = "General", bold: bool = False) -> Any:
    """A cell of its own. A text is one also where openpyxl would see a formula or an error in it, and stays one when
    somebody edits it in Excel."""
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type, cell.quotePrefix = "s", value.startswith(FORMULAS)
    cell.number_format = form
    if bold:
        cell.font = Font(bold=True)
    return cell


def _explained(sheet: Any, count: int, of: About) -> None:
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 16, 100
    for head, text in _sentences(count, of):
        cell = _styled(sheet, text)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.append([_styled(sheet, head, bold=True), cell])


def _sentences(count: int, of: About) -> list[tuple[str, str]]:
    made = datetime.now(UTC)
    part = ": only the first of those that match; narrow the filters to have the others" if of.cut else ""
    said = [("Lists", of.lists), ("Rows", f"{count:,}{part}")]
    said += [(name, _asked(value)) for name, value in of.asked.items()]
    if of.search:
        said.append(("Search", f"rows with {' and '.join(f'“{word}”' for word in of.search.split())}"))
    if of.day is not None and "As of" not in of.asked:
        said.append(("As of", words.day(of.day)))
    if of.figures:
        said.append(("Figures", of.figures))
    said += [("Read", _moment(of.read or made)), ("Made", f"{_moment(made)}, by fleetcache. Times are UTC.")]
    return [*said, ("Page", of.address)] if of.address else said


def _asked(value: object) -> str:
    if isinstance(value, date):
        return words.day(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) and value else str(value or "all")


def _moment(at: datetime) -> str:
    return f"{words.day(at)}, {at:%H:%M:%S}"


def _state(panel: Panel, age: float) -> str:
    counted = f"counted {_moment(datetime.fromtimestamp(panel.at - age, UTC))} or later"
    if panel.stale:
        return f"OLD, the last known, {counted}: whether anything had changed since could not be said."
    lost = f" {len(panel.failures)} of {len(panel.answers)} were unavailable." if panel.failures else ""
    return f"current, {counted}, and nothing they depend on had changed since.{lost}"
