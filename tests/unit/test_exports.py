"""Files for spreadsheets: what is a day or a number is one, what is a text stays one, and the file says what it is."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import openpyxl
import pytest
import streamlit as st
from hypothesis import given, settings
from hypothesis import strategies as some

from fleetcache.changes.imports.files import read
from fleetcache.ui import exports
from fleetcache.ui.shown import Shown, columns_of

ABOUT = exports.About(
    "pilots", {"Fleet": "A330-200", "Rank": None, "As of": date(2026, 6, 14), "With a check": ["expired", "missing"]},
    "tau 42", True, datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC), date(2026, 11, 23), "current", "http://x/fleet?fleet=A330-200",
)  # fmt: skip
NASTY = [
    "=1+1", "=cmd|' /C calc'!A0", "+675 7000", "-x", "@SUM(A1)", "\t=1", "#N/A", "#REF!", "TRUE", "007", "1e5", "2026-01-02",
    "Zoë Ñandú-Ōtāne 山", "a\nb", "_x0041_", "bell\x07", "",
]  # fmt: skip


def sheets(data: bytes) -> tuple[Any, Any]:
    """The rows, and what is said about them."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    return book.worksheets[0], dict(book.worksheets[1].values)


def book(rows: list[Shown]) -> bytes:
    return exports.excel(rows, exports.headings(columns_of(rows)), "x", ABOUT)


def test_every_kind_of_cell_is_what_it_is() -> None:
    """Days and moments can be sorted, numbers summed, shares are seen as such, and what is unknown is empty."""
    first = {
        "Name": "Zoë Ñandú",
        "Expires": date(2026, 1, 2),
        "Old": date(1899, 12, 31),
        "When": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=10))),
        "Days left": -1,
        "Validity": 94.5,
        "State": ["running", "open"],
    }
    rows = [first, {**dict.fromkeys(first), "Name": "B", "Old": date(1900, 1, 1)}]
    columns = {
        "Name": st.column_config.TextColumn(pinned=True),
        "Days left": st.column_config.NumberColumn(format="%d"),
        "Validity": st.column_config.NumberColumn("Valid", format="%.1f %%"),
    }
    names = exports.headings(list(first), columns)
    sheet, _ = sheets(exports.excel(rows, names, "not-qualified", ABOUT, columns))
    head, one, other = sheet.iter_rows()
    assert [cell.value for cell in head] == ["Name", "Expires", "Old", "When", "Days left", "Valid", "State"]
    assert [cell.value for cell in one] == [
        "Zoë Ñandú", datetime(2026, 1, 2), "1899-12-31", datetime(2026, 1, 1, 17, 4, 5), -1, 94.5, "running, open",
    ]  # fmt: skip
    assert [cell.value for cell in other] == ["B", None, datetime(1900, 1, 1), None, None, None, None]
    assert one[1].is_date and one[3].is_date and one[4].data_type == one[5].data_type == "n"
    assert one[5].number_format == '0.0" %"'
    assert all(cell.font.bold for cell in head) and not one[0].font.bold
    assert sheet.title == "Not qualified" and sheet.freeze_panes == "B2" and sheet.auto_filter.ref == "A1:G3"
    assert all(8 <= sheet.column_dimensions[letter].width <= 60 for letter in "ABCDEFG")
    assert exports.csv(rows, names).decode("utf-8-sig").splitlines() == [
        "Name,Expires,Old,When,Days left,Valid,State",
        'Zoë Ñandú,2026-01-02,1899-12-31,2026-01-02 03:04:05+10:00,-1,94.5,"running, open"',
        "B,,1900-01-01,,,,",
    ]


def test_no_text_becomes_a_formula_an_error_or_a_number() -> None:
    """Whoever opens the file runs nothing, and the import of ours reads the very texts."""
    data = book([{"=Head": text, "n": place} for place, text in enumerate(NASTY)])
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert not any(b"<f>" in packed.read(name) or b"<f " in packed.read(name) for name in packed.namelist())
    sheet, _ = sheets(data)
    cells = [row[0] for row in sheet.iter_rows()]
    assert all(cell.data_type in ("s", "inlineStr") for cell in cells if cell.value is not None)
    assert [cell.quotePrefix for cell in cells[:6]] == [True] * 6, "stays a text when it is edited"
    back = read(data, "ours.xlsx")
    assert back.header == ("=Head", "n") and back.note.startswith("Read was the sheet “X”")
    kept = [text.strip() for text in NASTY if text != "bell\x07"]
    found = [line.cells[0] for line in back.lines]
    assert [cell for cell in found if isinstance(cell, str)] == kept, "and what is no text is refused"


@settings(max_examples=60, deadline=None)
@given(some.lists(some.text(some.characters(exclude_categories=["Cs"]), max_size=40), max_size=5))
def test_any_text_comes_back_as_it_was(texts: list[str]) -> None:
    """Control characters, codes of Excel itself, other scripts."""
    sheet, _ = sheets(book([{"A": text} for text in texts]))
    unescaped = openpyxl.utils.escape.unescape
    assert [unescaped(cell.value or "") for (cell,) in sheet.iter_rows(min_row=2)] == texts


def test_a_text_too_long_for_a_cell_says_that_it_was_cut() -> None:
    sheet, _ = sheets(book([{"A": "x" * 40_000}]))
    assert len(sheet["A2"].value) == exports.LONGEST_CELL and sheet["A2"].value.endswith("…")


def test_the_second_sheet_says_what_the_rows_are() -> None:
    """Whoever finds the file a month later knows of which day, by which filters and how current it was."""
    _, said = sheets(book([{"A": place} for place in range(1234)]))
    assert said["Lists"] == "pilots"
    assert said["Rows"].startswith("1,234: only the first")
    assert (said["Fleet"], said["Rank"], said["With a check"]) == ("A330-200", "all", "expired, missing")
    assert said["As of"] == "14 Jun 2026", "the day that was asked for, not today"
    assert said["Search"] == "rows with “tau” and “42”"
    assert (said["Figures"], said["Read"]) == ("current", "23 Nov 2026, 04:05:06")
    assert "UTC" in said["Made"] and said["Page"] == "http://x/fleet?fleet=A330-200"


def test_a_file_that_cannot_be_filled_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reading the rows raises is raised by both files; nothing is read before one of them is asked for."""
    given: dict[str, Any] = {}

    def button(label: str, *, data: Any, **_: Any) -> None:
        given[label] = data

    def gone() -> list[Shown]:
        raise RuntimeError("gone")

    monkeypatch.setattr(st, "download_button", button)
    exports.buttons(gone, ["A"], ABOUT, key="x")
    assert list(given) == ["CSV", "Excel"]
    for make in given.values():
        with pytest.raises(RuntimeError, match="gone"):
            make()


def test_a_file_has_the_columns_of_its_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page may show none of them, where it cuts a list before it filters it: a file without columns had lost its
    rows. Where there is no row, it has the columns of the page."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(st, "download_button", lambda label, *, data, **_: given.update({label: data}))
    exports.buttons(lambda: [{"Name": "Doe", "n": 1}], [], ABOUT, key="x")
    assert given["CSV"]().decode("utf-8-sig") == "Name,n\r\nDoe,1\r\n"
    assert [cell.value for cell in sheets(given["Excel"]())[0]["A"]] == ["Name", "Doe"]
    exports.buttons(lambda: [], ["Name", "n"], ABOUT, key="x")
    assert given["CSV"]().decode("utf-8-sig") == "Name,n\r\n"
