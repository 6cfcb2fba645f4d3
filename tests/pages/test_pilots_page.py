"""The Pilots page: found, opened, changed by those who may; what was typed is never lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fleetcache import runtime as current
from fleetcache.changes import pilots
from fleetcache.runtime import Runtime
from fleetcache.source import people
from tests.conftest import TestDatabase
from tests.pages.test_pages import opened, said


@pytest.fixture
def page_of(runtime: Runtime) -> Iterator[Callable[..., AppTest]]:
    """Opens the page, for somebody with a role."""
    current.install(runtime)
    yield lambda role="manager", **query: opened("pilots", role=role, **query)
    current.install(None)


@pytest.fixture
def number(demo: TestDatabase) -> int:
    """A captain with a renewed CRM, good until the end of next month."""
    found = demo.rows("SELECT id FROM pilots WHERE active AND rank = 'captain' AND licence = 'ATPL' ORDER BY id OFFSET 20 LIMIT 1")
    demo.sql(
        f"UPDATE certifications SET expires_on = (date_trunc('month', today()) + interval '2 month - 1 day')::date,"
        f" completed_on = today() - 320 WHERE pilot_id = {found[0][0]} AND check_type = 'CRM' AND superseded_by IS NULL"
        " AND void_reason IS NULL"
    )
    return int(str(found[0][0]))


def press(page: AppTest, label: str) -> AppTest:
    button = next(each for each in page.button if each.label == label)
    assert not button.disabled, label
    after = button.click().run()
    assert not after.exception, [each.value for each in after.exception]
    return after


def fill(page: AppTest, **fields: Any) -> None:
    for key, value in fields.items():
        kinds = (page.text_input, page.selectbox, page.date_input, page.number_input, page.checkbox)
        next(each for kind in kinds for each in kind if each.key == key).set_value(value)


def table(page: AppTest, column: str) -> Any:
    """The table that has a column of this name."""
    return next(each.value for each in page.dataframe if column in each.value)


def at(page: AppTest, key: str) -> Any:
    return page.session_state[key]


def test_everyone_is_listed_and_a_link_opens_one(page_of: Callable[..., AppTest], number: int, runtime: Runtime) -> None:
    """Also for somebody who may only look: the same words, no field, no button that changes anything."""
    assert len(table(page_of(), "Seniority")) == 376
    pilot = pilots.look(runtime.database, number, role="viewer")
    page = page_of("viewer", pilot=str(number), check="CRM")
    assert pilot["family_name"] in " ".join(each.value for each in page.header) and pilot["phone"] in said(page)
    assert "Crew resource management" in said(page) and "renewal window opens" in said(page)
    labels = {each.label for each in page.button}
    assert not labels & {"Save", "Deactivate", "New pilot", "Add", "Delete the pilot"} and not page.text_input
    assert table(page, "Days left")["State"].notna().all()
    assert "cannot be shown" in page_of(pilot="999999").error[0].value


def test_a_pilot_whose_name_is_not_on_file_is_one_like_others(
    page_of: Callable[..., AppTest], number: int, demo: TestDatabase
) -> None:
    """Listed, opened, and given a name."""
    demo.sql(f"DELETE FROM pilot_identity WHERE pilot_id = {number}")
    listed = table(page_of(), "Seniority").set_index("Employee no.")
    assert len(listed) == 376 and listed.loc[f"pilot {number}", "Name"] == "Name not on file"
    page = page_of(pilot=str(number))
    assert page.header[0].value == "Name not on file" and f"pilot {number} · " in said(page)
    fill(page, **{f"pilot-{number}-employee_number": "CM-900001", f"pilot-{number}-given_name": "Ada", f"pilot-{number}-family_name": "Example"})
    assert press(page, "Save").header[0].value == "Ada Example"
    assert table(page_of(), "Seniority").set_index("Employee no.").loc["CM-900001", "Name"] == "Example, Ada"


def test_faults_are_said_below_their_fields_and_what_was_typed_stays(page_of: Callable[..., AppTest], number: int, runtime: Runtime) -> None:
    page = page_of(pilot=str(number))
    fill(page, **{f"pilot-{number}-phone": "call me", f"pilot-{number}-licence": "CPL", f"pilot-{number}-given_name": "Zelda"})
    page = press(page, "Save")
    assert ":red[:material/error: is not a telephone number]" in said(page)
    assert ":red[:material/error: a captain needs an ATPL]" in said(page)
    assert at(page, f"pilot-{number}-given_name") == "Zelda" and at(page, f"pilot-{number}-phone") == "call me"
    fill(page, **{f"pilot-{number}-phone": "+675 1234 567", f"pilot-{number}-licence": "ATPL"})
    page = press(page, "Save")
    assert ":red[" not in said(page) and "Zelda" in page.header[0].value
    assert pilots.look(runtime.database, number, role="viewer")["phone"] == "+675 1234 567"


def test_two_people_editing_one_pilot_lose_nothing(page_of: Callable[..., AppTest], number: int, runtime: Runtime) -> None:
    """The second is told what the first made of it, field by field, keeps what they typed, and saves again."""
    first, second = page_of(pilot=str(number)), page_of("admin", pilot=str(number))
    base = {"POM": "LAE"}.get(at(first, f"pilot-{number}-base"), "POM")
    fill(first, **{f"pilot-{number}-base": base})
    press(first, "Save")
    fill(second, **{f"pilot-{number}-given_name": "Zelda"})
    second = press(second, "Save")
    assert "Somebody has changed this pilot" in second.error[0].value and "What you typed is still here" in said(second)
    moved = table(second, "Field").to_dict("records")
    assert [(row["Field"], row["Now"]) for row in moved] == [("Base", base)]
    assert at(second, f"pilot-{number}-given_name") == "Zelda" and at(second, f"pilot-{number}-base") == base
    second = press(second, "Save")
    assert not second.error and not second.warning, said(second)
    now = pilots.look(runtime.database, number, role="viewer")
    assert (now["given_name"], now["base"]) == ("Zelda", base)


def test_a_pilot_is_entered_deactivated_put_back_and_deleted(page_of: Callable[..., AppTest], demo: TestDatabase) -> None:
    page = press(page_of("admin"), "New pilot")
    page = press(page, "Enter the pilot")
    assert said(page).count(":red[:material/error: is missing]") == 8
    chosen = {"fleet": "A330-200", "base": "POM", "rank": "first_officer", "licence": "CPL"}
    typed = {"employee_number": "CM-900001", "given_name": "Ada", "family_name": "Example"}
    contract = demo.rows("SELECT min(code) FROM contract_types")[0][0]
    fill(page, **{f"pilot-new-{name}": value for name, value in {**chosen, **typed, "contract": contract}.items()})
    page = press(page, "Enter the pilot")
    assert page.header[0].value == "Ada Example"
    page = press(page, "Deactivate")
    assert "Inactive" in said(page)
    page = press(page, "Reactivate")
    assert "Inactive" not in said(page)
    assert next(each for each in page.button if each.label == "Delete the pilot").disabled
    new = demo.rows("SELECT max(id) FROM pilots")[0][0]
    fill(page, **{f"pilot-state-{new}-confirm": "CM-900001"})
    page = press(page.run(), "Delete the pilot")
    assert demo.rows("SELECT FROM pilot_identity WHERE employee_number = 'CM-900001'") == []
    assert len(table(page, "Seniority")) == 376


def test_a_renewal_is_proposed_explained_recorded_and_taken_back(page_of: Callable[..., AppTest], number: int, runtime: Runtime) -> None:
    page = page_of(pilot=str(number), check="CRM")
    page = page.segmented_control[0].set_value("Renew").run()
    assert "keeps the anniversary" in said(page) and "inside the window" in said(page)
    fill(page, **{f"check-{number}-CRM-Renew-document": "", f"check-{number}-CRM-Renew-done": date(2199, 1, 1)})
    page = press(page, "Record the renewal")
    assert ":red[:material/error: is still to come]" in said(page) and ":red[:material/error: is empty]" in said(page)
    today = pilots.look(runtime.database, number, role="viewer")["today"]
    fill(page, **{f"check-{number}-CRM-Renew-document": "CRM-NEW", f"check-{number}-CRM-Renew-done": today - timedelta(days=400)})
    assert "goes into the history" in said(page.run())
    fill(page, **{f"check-{number}-CRM-Renew-done": today})
    page = press(page, "Record the renewal")
    held = table(page, "Days left")
    assert held[held["Document"] == "CRM-NEW"]["Completed"].tolist() == [today]

    page = page.segmented_control[0].set_value("Take back").run()
    assert "the row before it counts again" in said(page)
    reason = next(each for each in page.text_input if each.label == "Why")
    reason.set_value("of another pilot")
    page = press(page, "Take it back")
    assert "taken back: of another pilot" in table(page, "Status")["Status"].tolist()
    assert "CRM-NEW" not in table(page, "Days left")["Document"].tolist()
    page = press(page, "Put it back")
    assert "CRM-NEW" in table(page, "Days left")["Document"].tolist()


def test_a_past_day_shows_what_was_held_then(page_of: Callable[..., AppTest], number: int) -> None:
    page = page_of(pilot=str(number), asof="2026-01-05")
    assert "As of 5 Jan 2026" in said(page)
    shown = table(page, "Days left")
    assert all(day <= date(2026, 1, 5) for day in shown["Completed"].dropna())
    assert "As of 5 Jan 2026" in said(page_of(asof="2026-01-05"))


def test_a_past_day_holds_for_every_list_of_the_compliance_page(
    page_of: Callable[..., AppTest], runtime: Runtime
) -> None:
    """No list and no rate of today stands between those of a past day."""
    day = date(2026, 6, 14)
    everyone = {"fleet": None, "rank": None}
    asked = {"role": "viewer", "as_of": day, **everyone}
    page = opened("compliance", role="viewer", asof=day.isoformat())
    assert "As of 14 Jun 2026" in said(page) and not page.get("plotly_chart")
    lapsed = people.rows(runtime.database, "non_compliant", **asked)
    assert table(page, "Leave")["Name"].tolist() == [row["name"] for row in lapsed]
    assert len(table(page, "Required")) == len(people.rows(runtime.database, "renewals", **asked))
    held = table(page, "Document")
    assert len(held) and all(done <= day for done in held["Completed"])
    cards = {each.label: each.value for each in page.metric}
    assert cards["Not qualified on paper"] == str(len(lapsed)) and cards["Pilot compliance"] != "–"


def test_a_correction_with_untouched_boxes_makes_no_document_last_for_ever(page_of: Callable[..., AppTest], demo: TestDatabase, number: int) -> None:
    """Of a row without a day nobody knows what is printed; the later of two rows takes no notice of another pilot's fields."""
    of = f"pilot_id = {number} AND check_type = 'CRM' AND superseded_by IS NULL AND void_reason IS NULL"
    demo.sql(f"UPDATE certifications SET expires_on = NULL WHERE {of}")
    page = page_of(pilot=str(number), check="CRM")
    page = page.segmented_control[0].set_value("Correct").run()
    next(each for each in page.text_input if each.label == "What was wrong").set_value("issuer typed wrongly")
    press(page, "Correct it")
    [[expires, never]] = demo.rows(f"SELECT expires_on, never_expires FROM certifications WHERE {of}")
    assert expires is not None and never is False


def test_on_a_past_day_nothing_is_changed_and_what_is_said_is_of_that_day(page_of: Callable[..., AppTest], number: int, demo: TestDatabase) -> None:
    [[completed, expires]] = demo.rows(f"SELECT completed_on, expires_on FROM certifications WHERE pilot_id = {number} AND check_type = 'CRM' AND superseded_by IS NULL AND void_reason IS NULL")
    assert isinstance(completed, date) and isinstance(expires, date)
    page = page_of(pilot=str(number), check="CRM", asof=(completed - timedelta(days=1)).isoformat())
    assert f"Valid through {expires.day} {expires:%b %Y}" not in said(page) and "choose today as the day" in said(page)
    assert not {"Renew", "Correct"} & {option for each in page.segmented_control for option in each.options}
    assert "Select a row" in said(page_of(pilot="²"))


def test_who_joins_later_can_be_opened(page_of: Callable[..., AppTest], number: int, demo: TestDatabase) -> None:
    """Entered by SQL ahead of the day: nobody leaves before they join, and the page still stands."""
    demo.sql(f"UPDATE pilots SET commenced_on = today() + 10 WHERE id = {number}")
    page = page_of("admin", pilot=str(number))
    assert [each.disabled for each in page.button if each.label == "Deactivate"] == [True]


@pytest.mark.parametrize("name", ["fleet", "compliance", "retirement", "pilots", "leave"])
def test_a_filter_that_does_not_fit_is_said_not_to_be_obeyed(page_of: Callable[..., AppTest], name: str) -> None:
    """Or everybody would be taken for those who were asked for."""
    page = opened(name, fleet="A33O_*\n\n# `x", rank="pilot", asof="2199-02-30")
    told = said(page)
    assert "Fleet `A33O_* # 'x` is not among those to choose from here: it is not obeyed." in told
    assert "Rank `pilot` is not among" in told
    assert ("As of `2199-02-30` is no day from 1970 to today" in told) == (name in ("compliance", "pilots"))
    assert "not obeyed" not in said(opened(name, fleet="A330-200", rank="captain", asof="2026-01-05"))
