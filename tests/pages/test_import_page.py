"""The page Import: a file is chosen, matched, looked at and imported; whatever goes wrong is said, and nothing is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fleetcache import runtime as current
from fleetcache.runtime import Runtime
from fleetcache.ui.session import AFTER
from tests.conftest import TestDatabase
from tests.pages.test_pages import opened, said, shut

HEADER = "employee_number,check_type,completed_on,issuer,document_number"


@pytest.fixture
def instance(runtime: Runtime) -> Iterator[Runtime]:
    current.install(runtime)
    yield runtime
    current.install(None)


def upload(page: AppTest, text: str | bytes) -> AppTest:
    """Choose a file."""
    data = text.encode() if isinstance(text, str) else text
    page.file_uploader[0].set_value(("theirs.csv", data, "text/csv"))
    page.run()
    assert not page.exception, [each.value for each in page.exception]
    return page


def button(page: AppTest) -> Any:
    """The one that imports."""
    return next((each for each in page.button if each.label.startswith("Import ")), None)


def counts(page: AppTest) -> tuple[str, ...]:
    """New, changed, unchanged, bad."""
    return tuple(each.value for each in page.metric)


def good(demo: TestDatabase) -> tuple[str, str]:
    """Two rows of certifications that nothing speaks against."""
    found = demo.rows("""
        SELECT concat_ws(',', i.employee_number, 'crm', today() - 1, 'Ground school', 'D-' || p.id)
        FROM pilots p JOIN pilot_identity i ON i.pilot_id = p.id
        WHERE p.active AND NOT EXISTS (
            SELECT FROM certifications c WHERE c.pilot_id = p.id AND check_type = 'CRM' AND c.completed_on >= today() - 1)
        ORDER BY p.id LIMIT 2
    """)
    return str(found[0][0]), str(found[1][0])


def test_a_file_is_looked_at_and_then_imported(instance: Runtime, demo: TestDatabase) -> None:
    """Bad rows by line and reason; all or nothing by default; skipping writes the others; the person sees
    their own change at once; the same file again has nothing to do."""
    one, two = good(demo)
    text = "\n".join([f"{HEADER},remarks", f"{one},x", "CM-999999,HANDSTAND,14/03/2026,,D-9,y", f"{two},z"])
    page = upload(opened("imports", role="manager"), text)
    assert counts(page) == ("2", "0", "0", "1")
    faults = page.dataframe[-1].value
    assert [tuple(row) for row in faults.itertuples(index=False)] == [
        (3, "completed_on", "is ambiguous: write it as 2026-12-24, or say how this file writes its days"),
        (3, "issuer", "is missing"),
        (3, "employee_number", "no pilot has this number"),
        (3, "check_type", "there is no such check"),
    ]
    assert "remarks" in said(page) and "1 row must be corrected first, or skipped" in said(page)
    assert button(page).disabled and button(page).label == "Import 2 rows"

    choice = next(each for each in page.segmented_control if each.label == "With bad rows in the file")
    choice.set_value("Skip the bad rows")
    page.run()
    assert not button(page).disabled
    button(page).click()
    page.run()
    assert not page.exception
    assert [each.value for each in page.success] == ["Imported: 2 new, 0 changed, 0 unchanged, 1 bad; what is bad was left out."]
    assert [each.value for each in page.toast] == ["Imported 2 rows."]
    assert page.session_state[AFTER].versions["certifications"] > 0
    assert demo.rows("SELECT actor, action, subject, affected, outcome FROM audit_log ORDER BY id DESC LIMIT 1") == [
        ("somebody", "import.certifications", f"certifications {hashlib.sha256(text.encode()).hexdigest()[:12]}.csv", 2, "done")
    ]

    upload(page, "\n".join([HEADER, one, two]))
    assert counts(page) == ("0", "0", "2", "0")
    assert "Nothing to import" in said(page) and button(page) is None


def test_columns_are_chosen_where_their_names_do_not_fit(instance: Runtime, demo: TestDatabase) -> None:
    """What is missing is named; choosing it, and how days are written, is enough."""
    one, _ = good(demo)
    number, check, day, issuer, document = one.split(",")
    year, month, of_month = day.split("-")
    text = f"Nr;check_type;completed_on;Issuer;document number\n{number};{check};{of_month}.{month}.{year};{issuer};{document}\n"
    page = upload(opened("imports"), text)
    assert "theirs.csv has no column “employee\\_number”." in said(page) and button(page) is None
    next(each for each in page.selectbox if each.label == "employee_number *").set_value("Nr")
    page.run()
    assert counts(page) == ("0", "0", "0", "1")
    next(each for each in page.segmented_control if each.label.startswith("Days")).set_value("day first")
    page.run()
    assert counts(page) == ("1", "0", "0", "0") and button(page).label == "Import 1 row"


def test_what_a_file_says_is_no_markup(instance: Runtime, demo: TestDatabase) -> None:
    """A file of somebody else's must not have the page fetch a picture from elsewhere."""
    one, _ = good(demo)
    page = upload(opened("imports"), f"{HEADER},![x](http://elsewhere.example/x.png)\n{one},1\n")
    [caption] = [each.value for each in page.caption if "ignored" in each.value]
    assert "\\!\\[x\\]\\(http\\://" in caption


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("Name\nJosé\n".encode("cp1252"), "CSV UTF-8"),
        (b"PK\x03\x04", "not an Excel file"),
        (b"", "is empty"),
        (b"\0" * (20 << 20 | 1), "larger than 20 MB"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(instance: Runtime, data: bytes, words: str) -> None:
    """And how to save it; the page stays as it was."""
    page = upload(opened("imports"), data)
    assert words in said(page) and button(page) is None and page.file_uploader


def test_what_changed_since_the_look_is_judged_again(instance: Runtime, demo: TestDatabase) -> None:
    """Somebody else entered a row meanwhile: nothing is written, it is said, and the next look shows it."""
    one, two = good(demo)
    page = upload(opened("imports"), "\n".join([HEADER, one, two]))
    number, _, day, *_ = one.split(",")
    of = f"pilot_id = (SELECT pilot_id FROM pilot_identity WHERE employee_number = '{number}') AND check_type = 'CRM'"
    demo.sql(
        f"UPDATE certifications SET superseded_by = 990001 WHERE {of} AND superseded_by IS NULL",
        f"""
            INSERT INTO certifications (id, pilot_id, check_type, completed_on, issuer, document_number, recorded_by)
            SELECT 990001, pilot_id, 'CRM', '{day}', 'Somebody else', 'S-1', 'x' FROM certifications WHERE superseded_by = 990001
        """,
    )
    button(page).click()
    page.run()
    assert [each.value for each in page.error] == [
        "Not done. 1 of 2 rows are bad, so nothing was written. Correct them and import the file again, or skip them: "
        "what is on file already stays as it is."
    ]
    page.run()
    assert counts(page) == ("1", "0", "0", "1")


def test_without_a_database_nothing_is_lost(instance: Runtime, demo: TestDatabase) -> None:
    """The file stays chosen, and the page says what is the matter."""
    one, two = good(demo)
    page = upload(opened("imports"), "\n".join([HEADER, one, two]))
    shut(demo)
    button(page).click()
    page.run()
    assert not page.exception and "Not done. PostgreSQL did not answer." in said(page)
    assert page.file_uploader[0].value is not None


def test_a_viewer_is_not_let_in(instance: Runtime) -> None:
    page = opened("imports", role="viewer")
    assert not page.file_uploader and "manager" in said(page)


def test_leave_below_the_minimum_is_imported_by_an_administrator_with_a_reason(instance: Runtime, demo: TestDatabase) -> None:
    """A manager sees what stands against it and a button that is shut."""
    demo.sql("UPDATE fleets SET minimum_captains = 500")
    number, day = demo.rows("""
        SELECT employee_number, today() + 400 FROM pilot_identity JOIN pilots ON id = pilot_id
        WHERE active AND rank = 'captain' AND date_of_birth > '1980-01-01' ORDER BY id LIMIT 1
    """)[0]
    text = f"employee_number,leave_type,first_day,status,decided_by\n{number},ANNUAL,{day},APPROVED,Crew planning\n"
    page = upload(opened("imports", role="manager").segmented_control[0].set_value("leave").run(), text)
    assert "would be below the minimum on 1 day" in said(page) and "An administrator may import" in said(page)
    assert button(page).disabled
    page = upload(opened("imports", role="admin").segmented_control[0].set_value("leave").run(), text)
    assert button(page).disabled
    next(each for each in page.text_input if each.label == "Reason for the override").set_value("cover is found")
    page.run()
    button(page).click()
    page.run()
    assert [each.value for each in page.toast] == ["Imported 1 row."], said(page)
    assert demo.rows("SELECT detail->>'override' FROM audit_log ORDER BY id DESC LIMIT 1") == [("cover is found",)]
