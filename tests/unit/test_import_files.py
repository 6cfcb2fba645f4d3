"""Files to import, as people have them: read right, or refused with a sentence that says how to mend it."""

from __future__ import annotations

import contextlib
import csv
import io
import time
import zipfile
from datetime import date, datetime
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import given as tried
from hypothesis import settings
from hypothesis import strategies as some
from openpyxl.worksheet.formula import ArrayFormula

from fleetcache.changes.imports import cells
from fleetcache.changes.imports.columns import given, match, template
from fleetcache.changes.imports.files import MOST_BYTES, MOST_ROWS, Unusable, read
from fleetcache.changes.imports.importing import KINDS
from fleetcache.errors import FleetcacheError, Invalid, TooLarge
from fleetcache.ui import exports

COLUMNS = KINDS["certifications"].columns
TEXT = "Employee number,Check type,Completed on\r\nCM-000001,Ünïcode,2026-03-14\r\n"


def excel(*rows: Any) -> bytes:
    """A workbook with these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def with_sheet(xml: bytes) -> bytes:
    """A workbook whose sheet is this XML."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(excel(["a"]))) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, xml if part == "xl/worksheets/sheet1.xml" else old.read(part))
    return written.getvalue()


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_encodings_are_found_out(separator: str, encoding: str) -> None:
    """The CSV of Excel in any country, and its “Unicode text”."""
    sheet = read(TEXT.replace(",", separator).encode(encoding), "a.csv")
    assert sheet.header == ("Employee number", "Check type", "Completed on")
    assert [(line.number, line.cells) for line in sheet.lines] == [(2, ("CM-000001", "Ünïcode", "2026-03-14"))]


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (TEXT.encode("cp1252"), "line 2 has a character of another encoding", "CSV UTF-8"),
        ("plain,text\n".encode("utf-16-le"), "neither a CSV file in UTF-8 nor an Excel file", "CSV UTF-8"),
        (b"\xff\xfea", "not written in UTF-8", "CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel", "save it as"),
        (b"PK\x03\x04 nonsense", "not an Excel file", "save it as"),
        (b"", "is empty", "template"),
        (b" \n,,\n\n", "is empty", "template"),
        (b'a,b\n"no end,2\n', "cannot be read as a table", "quotation mark"),
        (b"Issuer,ISSUER\n1,2\n", "more than once", "differently"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_way_out(data: bytes, message: str, hint: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(data, "theirs")
    assert message in str(refused.value) and hint in refused.value.hint
    assert str(refused.value).startswith("theirs ")


def test_lines_are_those_a_person_finds() -> None:
    """Empty rows are left out and counted, and a row with line breaks in it is where it begins."""
    sheet = read(b'a,b\n\n,\n1,"two\nlines"\n2,x\n', "a.csv")
    assert [(line.number, line.cells) for line in sheet.lines] == [(4, ("1", "two\nlines")), (6, ("2", "x"))]
    book = read(excel(["a", "b"], [], [1, None], ["", "x"]), "a.xlsx")
    assert [(line.number, line.cells) for line in book.lines] == [(3, (1,)), (4, ("", "x"))]


def test_huge_files_are_refused_before_they_are_parsed() -> None:
    """Too many bytes, rows or columns, in the file or packed into it: a sentence within a second, and not a
    machine without memory."""
    began = time.perf_counter()
    with pytest.raises(TooLarge, match="larger than 20 MB"):
        read(b"a" * (MOST_BYTES + 1), "a.csv")
    with pytest.raises(TooLarge, match="100,000 rows"):
        read(b"a\n" * (MOST_ROWS + 2), "a.csv")
    assert len(read(b"a\n" * (MOST_ROWS + 1), "a.csv").lines) == MOST_ROWS
    with pytest.raises(TooLarge, match="columns"):
        read(",".join(f"c{place}" for place in range(60)).encode(), "a.csv")
    with pytest.raises(TooLarge, match="when unpacked"):
        read(with_sheet(b" " * (101 << 20)), "a.xlsx")
    far = b"<row>%s</row>" % b'<c r="A1"><v>1</v></c><c r="XFD1"><v>1</v></c>'
    assert read(with_sheet(SHEET % (far * 5_000)), "a.xlsx").lines[-1].cells == (1,), "16,384 columns are not filled in"
    with pytest.raises(Invalid, match="not an Excel file"):
        read(with_sheet(SHEET % b'<row r="999999999999"><c t="str"><v>a</v></c></row>'), "a.xlsx")
    assert time.perf_counter() - began < 10


def test_a_formula_is_refused_where_it_stands() -> None:
    """Of an Excel cell only a value is taken, never what a formula once came to; the rest of the row is read."""
    sheet = read(
        excel(["Issuer", "Document number", "Expires on"], ["=1+1", "D-1", "#N/A"], [ArrayFormula("A3", "=B2"), "'=x", None]),
        "a.xlsx",
    )
    first, second = sheet.lines
    assert first.cells[1] == "D-1" and second.cells[1] == "'=x"[1:]
    for cell in (first.cells[0], second.cells[0]):
        assert isinstance(cell, Unusable) and "formula" in cell.reason
    row = given(first, COLUMNS, match(sheet, [column for column in COLUMNS if not column.required or column.name in ("issuer", "document_number")]))
    assert "formula" in row.faults["issuer"] and "error" in row.faults["expires_on"]
    assert row.values == {"document_number": "D-1"}


def test_excel_keeps_days_and_numbers() -> None:
    """A date is a day, a number that stands for a text is written as a person would."""
    sheet = read(excel(["Completed on", "Issuer"], [date(2026, 3, 14), 4711], [datetime(2026, 3, 14, 8), 1.5]), "a.xlsx")
    values = [cells.value(line.cells[1], "text") for line in sheet.lines]
    assert cells.value(sheet.lines[0].cells[0], "day") == date(2026, 3, 14) and values == ["4711", "1.5"]
    with pytest.raises(ValueError, match="a moment"):
        cells.value(sheet.lines[1].cells[0], "day")
    with pytest.raises(ValueError, match="format of a date"):
        cells.value(46000, "day")
    with pytest.raises(ValueError, match="Excel may have made"):
        cells.value(sheet.lines[0].cells[0], "text")


@pytest.mark.parametrize(
    ("written", "days", "means"),
    [
        ("2026-12-24", "iso", date(2026, 12, 24)),
        ("2026-12-24", "month first", date(2026, 12, 24)),
        ("24/12/2026", "day first", date(2026, 12, 24)),
        ("4.3.2026", "day first", date(2026, 3, 4)),
        ("04-03-2026", "month first", date(2026, 4, 3)),
        ("12/24/26", "month first", date(2026, 12, 24)),
        ("24/12/69", "day first", date(1969, 12, 24)),
        ("24/12/2026", "iso", "ambiguous"),
        ("12/24/26", "iso", "ambiguous"),
        ("24/12/2026", "month first", "does not exist"),
        ("2026-02-30", "iso", "does not exist"),
        ("24/12-2026", "day first", "is not a day"),
        ("24 Dec 2026", "iso", "is not a day"),
        ("20261224", "iso", "is not a day"),
        ("2026-12-24 00:00", "iso", "is not a day"),
    ],
)
def test_a_day_is_never_guessed(written: str, days: cells.DayOrder, means: date | str) -> None:
    """What could be another day is refused until the person says how the file writes its days."""
    if isinstance(means, date):
        assert cells.value(written, "day", days) == means
    else:
        with pytest.raises(ValueError, match=means):
            cells.value(written, "day", days)


def test_flags_are_yes_or_no() -> None:
    assert [cells.value(cell, "flag") for cell in ("Yes", "no", True, 0, "1", "FALSE")] == [True, False, True, False, True, False]
    for cell in ("perhaps", 2):
        with pytest.raises(ValueError, match="neither yes nor no"):
            cells.value(cell, "flag")


HEADER = b"EMPLOYEE_number,check  Type,CompletedOn,issuer,Ref,Remarks\n"


def test_columns_are_found_by_their_names_or_as_one_says() -> None:
    """Letter case, spaces and underscores do not matter; what is not ours is named as ignored."""
    sheet = read(HEADER, "a.csv")
    found = match(sheet, COLUMNS, chosen={"document_number": "ref"})
    assert found.places == {"employee_number": 0, "check_type": 1, "completed_on": 2, "issuer": 3, "document_number": 4}
    assert found.ignored == ("Remarks",)
    taken = match(sheet, COLUMNS, chosen={"document_number": "Issuer", "issuer": "Remarks"})
    assert (taken.places["document_number"], taken.places["issuer"]) == (3, 5)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({}, "no column “document_number”"),
        ({"document_number": "Ref", "issuer": ""}, "no column “issuer”"),
        ({"document_number": "Reference"}, "no column “Reference”; it has"),
        ({"shoe_size": "Ref"}, "no column “shoe_size” to import"),
        ({"document_number": "Ref", "issuer": "Ref"}, "taken as document_number and as issuer"),
    ],
)
def test_a_column_that_is_not_there_is_a_clear_error(chosen: dict[str, str], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        match(read(HEADER, "a.csv"), COLUMNS, chosen=chosen)


def test_a_separator_that_is_not_quoted_shifts_nothing() -> None:
    """A row with a cell too many would be read one column off from there on."""
    sheet = read(b"issuer,document_number\nHarbour, Ltd,D-1\nHarbour,D-2,\n", "a.csv")
    found = match(sheet, [column for column in COLUMNS if column.name in ("issuer", "document_number")])
    shifted, right = (given(line, COLUMNS, found) for line in sheet.lines)
    assert "more cells" in shifted.faults[""] and not right.faults


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_template_is_a_file_that_is_read(kind: str) -> None:
    """Every column is in it, and every example means something."""
    sheet = read(template(KINDS[kind].columns).encode("utf-8-sig"), "template.csv")
    found = match(sheet, KINDS[kind].columns)
    assert not found.ignored and len(sheet.lines) == 2
    assert not any(given(line, KINDS[kind].columns, found).faults for line in sheet.lines)


def test_our_own_files_run_no_formula_and_are_read_back() -> None:
    """A name such as =HYPERLINK(…) must not be worked out by whoever opens our CSV; imported again it is the
    same text. Numbers and days stay what they are."""
    texts = ["=1+1", "+675 7000", "-x", "@sum", "\tx", "\rx", "plain"]
    counts = [-1, None, *range(5)]
    rows = [{"=Name": text, "Count": count, "Day": date(2026, 1, 2)} for text, count in zip(texts, counts, strict=True)]
    written = exports.csv(rows, exports.headings(list(rows[0])))
    assert written.decode("utf-8-sig").splitlines()[:2] == ["'=Name,Count,Day", "'=1+1,-1,2026-01-02"]
    names = pd.read_csv(io.BytesIO(written), dtype=str)["'=Name"]
    assert not any(name[0] in "=+-@\t\r" for name in names)
    back = read(written, "ours.csv")
    assert [line.cells[0] for line in back.lines] == ["=1+1", "+675 7000", "-x", "@sum", "x", "x", "plain"]
    assert rows[0]["=Name"] == "=1+1", "what is shown is left alone"


WORKBOOK = excel(["Employee number", "Issuer"], ["CM-000001", "x"])


@settings(max_examples=150, deadline=None)
@tried(some.binary(max_size=200), some.integers(0, len(WORKBOOK) - 1), some.sampled_from(["raw", "torn", "sheet"]))
def test_no_file_whatever_breaks_the_reader(noise: bytes, place: int, way: str) -> None:
    """Anything at all is a table or an error of ours."""
    torn = WORKBOOK[:place] + noise + WORKBOOK[place + len(noise) :]
    data = {"raw": noise, "torn": torn, "sheet": with_sheet(SHEET % noise)}[way]
    with contextlib.suppress(FleetcacheError):
        read(data, "x")


@pytest.mark.parametrize(
    ("part", "xml"),
    [
        ("xl/worksheets/sheet1.xml", SHEET % (b"<row>%s</row>" % (b"<c/>" * 20_000))),
        ("xl/worksheets/sheet1.xml", SHEET % (b"<row><c/></row>" * 200_000)),
        ("xl/styles.xml", b"<styleSheet>%s</styleSheet>" % (b"<xf/>" * 500_000)),
    ],
)
def test_a_small_workbook_that_comes_to_millions_of_objects_is_refused_before_it_is_parsed(part: str, xml: bytes) -> None:
    """Within the limits of bytes it took minutes and gigabytes."""
    began, written = time.perf_counter(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(excel(["a"]))) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, xml if name == part else old.read(name))
    with pytest.raises(TooLarge, match="far more than a table"):
        read(written.getvalue(), "a.xlsx")
    assert time.perf_counter() - began < 2


def test_the_sheet_that_is_shown_is_read_as_it_looks() -> None:
    """Not a hidden one before it; which one is said. What only looks like its text is refused."""
    book = openpyxl.Workbook()
    book.active.sheet_state = "hidden"  # type: ignore[union-attr]
    shown = book.create_sheet("Checks")
    for row in (["a", "b", "c"], ["A_x0041_", 123, "x_x0000_"]):
        shown.append(row)
    shown["B2"].number_format = "00000"
    written = io.BytesIO()
    book.save(written)
    sheet = read(written.getvalue(), "a.xlsx")
    assert sheet.note == "Read was the sheet “Checks”; 1 more in the file was not."
    text, zeros, noise = sheet.lines[0].cells
    assert text == "AA"
    assert isinstance(zeros, Unusable) and "zeros" in zeros.reason
    assert isinstance(noise, Unusable) and "no text" in noise.reason


def test_columns_that_are_named_by_signs_are_two() -> None:
    sheet = read(b"#,%,issuer\n1,2,3\n", "a.csv")
    found = match(sheet, [column for column in COLUMNS if column.name in ("issuer", "document_number")], chosen={"document_number": "#"})
    assert found.places == {"document_number": 0, "issuer": 2}


def test_no_other_separator_begins_a_formula_in_our_files() -> None:
    """A spreadsheet that goes by semicolons or tabs begins a cell where we have none, also within quotation marks."""
    texts = ["x;=1+1", "a\t+2", 'b;"@3', "c\n-4", "plain;text"]
    written = exports.csv([{"A": "a,b", "Document": text} for text in texts], {"A": "A", "Document": "Document"})
    for separator in ";\t,":
        for row in csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""), delimiter=separator):
            assert not any(cell.strip(' "').startswith(("=", "+", "-", "@")) for cell in row), row
    assert [line.cells[1] for line in read(written, "ours.csv").lines] == texts
