"""The files of a list, downloaded as a person does: exactly the rows that are shown, in both forms."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Browser, expect

from fleetcache.changes.imports.files import read
from tests.browser.window import PHONE, Window
from tests.conftest import TestDatabase
from tests.live import App

pytestmark = pytest.mark.slow


def downloaded(window: Window, key: str, folder: Path) -> Path:
    """The file behind the button with this key."""
    with window.page.expect_download() as download:
        window.page.locator(f".st-key-{key}").get_by_role("button").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def plain(cell: Any) -> str:
    """A cell of Excel as CSV writes it."""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else "" if cell is None else str(cell)


def test_both_files_hold_what_is_shown(
    chromium: Browser, live: App, live_database: TestDatabase, tmp_path: Path
) -> None:
    """P9: filters and search are obeyed; Excel has days as days, and a sheet that says what it is. On a phone, where
    the buttons have the least room."""
    fleet, rank, base = "A330-200", "captain", "POM"
    [(some,)] = live_database.rows(
        f"SELECT count(*) FROM pilots WHERE fleet = '{fleet}' AND rank = '{rank}' AND base = '{base}' AND active"
    )
    window = Window(chromium, live, width=PHONE)
    try:
        window.open(f"/fleet?fleet={fleet}&rank={rank}&pilots-search=pom+compliant")
        window.enter("manager")
        table = downloaded(window, "pilots-csv", tmp_path)
        book = downloaded(window, "pilots-xlsx", tmp_path)
        strength = downloaded(window, "strength-xlsx", tmp_path)
        expect(window.page.get_by_text(" of ").filter(has_text="pilots").first).to_be_attached()
        window.check()
    finally:
        window.context.close()

    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) - 1 == some
    head, place = rows[0], {name: number for number, name in enumerate(rows[0])}
    assert {row[place["Fleet"]] for row in rows[1:]} == {fleet} and {row[place["Base"]] for row in rows[1:]} == {base}
    opened = openpyxl.load_workbook(book)
    sheet = opened.worksheets[0]
    assert [[plain(cell.value) for cell in row] for row in sheet.iter_rows()] == rows
    assert sheet.cell(2, place["Age limit"] + 1).is_date and "Compliance" in head, "headings are those of the page"
    said = dict(opened["About"].values)
    assert (said["Fleet"], said["Rank"], said["Base"]) == (fleet, "Captain", "all")
    assert said["Search"] == "rows with “pom” and “compliant”" and said["Figures"].startswith("current, counted")
    assert said["Page"].startswith(f"{live.url}/fleet?")
    back = read(book.read_bytes(), book.name)
    assert list(back.header) == head and len(back.lines) == some
    [total] = [row for row in openpyxl.load_workbook(strength).worksheets[0].values if row[0] != "Fleet"]
    assert total[:2] == (fleet, "Captain")
