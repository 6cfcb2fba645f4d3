"""Pages on which people decide: leave, settings, audit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from fleetcache import runtime as current
from fleetcache.runtime import Runtime
from fleetcache.source import people
from tests.conftest import TestDatabase
from tests.pages.test_pages import opened


@pytest.fixture
def page(runtime: Runtime) -> Iterator[Runtime]:
    runtime.auth = "oidc"
    current.install(runtime)
    yield runtime
    current.install(None)


def button(at: AppTest, label: str) -> AppTest:
    (found,) = [one for one in at.button if one.label == label]
    return found.click().run()


def words(at: AppTest) -> str:
    return " ".join(str(part.value) for part in [*at.markdown, *at.warning, *at.error, *at.caption, *at.info])


@pytest.fixture
def junior(page: Runtime) -> int:
    """A request that a more senior pilot's stands before, and nothing else."""
    rows = people.rows(page.database, "leave_queue", role="manager", fleet=None, rank=None, most=100_000)
    for row in rows:
        asked = row["leave_type"] in ("ANNUAL", "RDO") and row["first_day"] > date.today()
        before = [
            one
            for one in rows
            if (one["fleet"], one["rank"]) == (row["fleet"], row["rank"])
            and one["seniority"] < row["seniority"]
            and one["leave_type"] in ("ANNUAL", "RDO", "LSL", "LWOP", "SDO")
            and one["first_day"] <= row["last_day"]
            and one["last_day"] >= row["first_day"]
        ]
        if asked and before:
            return int(row["request_id"])
    raise AssertionError("the demo always has one")


def state(demo: TestDatabase, number: int) -> object:
    return demo.rows(f"SELECT status FROM leave_requests WHERE id = {number}")[0][0]


def test_what_stands_against_approving_is_said_and_the_button_is_shut(demo: TestDatabase, junior: int) -> None:
    """A manager may not jump anybody; an administrator may, with a reason."""
    at = opened("leave", role="manager", request=str(junior))
    assert "Only an administrator may override it" in words(at)
    assert [one.disabled for one in at.button if one.label == "Approve"] == [True]
    at = opened("leave", role="admin", request=str(junior))
    assert [one.disabled for one in at.button if one.label == "Override and approve"] == [True]
    at.text_input(key=f"leave-reason-{junior}").input("agreed with the pilots").run()
    at = button(at, "Override and approve")
    assert state(demo, junior) == "APPROVED"
    assert not at.exception
    at = button(at, "Take it back")
    assert state(demo, junior) == "IN_REVIEW"


def test_a_decision_on_what_somebody_else_changed_meanwhile_is_refused(demo: TestDatabase, junior: int) -> None:
    """The page shows the state of before; the click speaks of that, not of what the next run finds."""
    at = opened("leave", role="manager", request=str(junior))
    demo.sql(f"UPDATE leave_requests SET last_day = last_day + 14 WHERE id = {junior}")
    at = button(at, "Withdraw")
    assert "since it was shown" in words(at)
    assert state(demo, junior) != "WITHDRAWN"
    assert "request" in at.query_params, "it is still looked at"


def test_a_viewer_sees_the_effect_and_no_buttons(junior: int) -> None:
    at = opened("leave", role="viewer", request=str(junior))
    assert "Worst-day margin" in words(at) and "decided by crew managers" in words(at)
    assert not {one.label for one in at.button} & {"Approve", "Override and approve", "Deny", "Withdraw"}


@pytest.mark.parametrize("request_", ["999999999", "x", "-1", "99999999999999999999"])
def test_a_link_to_no_request_says_so(page: Runtime, request_: str) -> None:
    at = opened("leave", role="manager", request=request_)
    assert not at.exception


def test_entering_a_request_keeps_what_was_typed_until_it_is_right(demo: TestDatabase, page: Runtime) -> None:
    at = opened("leave", role="manager")
    at.toggle(key="leave-entry-open").set_value(True).run()
    before = demo.rows("SELECT count(*) FROM leave_requests")
    at.selectbox[0].select_index(3)
    at.date_input[0].set_value(date(2027, 3, 5))
    at.date_input[1].set_value(date(2027, 3, 1))
    at = button(at, "Enter")
    assert "before the first" in words(at)
    assert demo.rows("SELECT count(*) FROM leave_requests") == before
    assert at.date_input[0].value == date(2027, 3, 5)
    at.date_input[1].set_value(date(2027, 3, 7))
    at = button(at, "Enter")
    ((days,),) = demo.rows("SELECT last_day - first_day FROM leave_requests ORDER BY id DESC LIMIT 1")
    assert days == 2


def test_a_setting_is_looked_at_then_made_then_put_back(demo: TestDatabase, page: Runtime) -> None:
    at = opened("settings")
    at.number_input(key="setting-retirement_age").set_value(60).run()
    at = at.button(key="look-setting").click().run()
    assert "→ **60**" in words(at)
    assert demo.rows("SELECT value FROM settings WHERE name = 'retirement_age'") == [(65,)]
    at = button(at, "Apply")
    assert demo.rows("SELECT value FROM settings WHERE name = 'retirement_age'") == [(60,)]
    at = button(at, "Look at putting it back")
    at = button(at, "Apply")
    assert demo.rows("SELECT value FROM settings WHERE name = 'retirement_age'") == [(65,)]


def test_a_setting_looked_at_before_somebody_else_changed_something_is_refused(
    demo: TestDatabase, page: Runtime
) -> None:
    at = opened("settings")
    at.number_input(key="fleet-A330-200-minimum_captains").set_value(50).run()
    at = at.button(key="look-fleet").click().run()
    demo.sql("UPDATE pilots SET active = false WHERE id = (SELECT min(id) FROM pilots WHERE active)")
    at = button(at, "Apply")
    assert "changed since the preview" in words(at)
    assert demo.rows("SELECT minimum_captains FROM fleets WHERE code = 'A330-200'") == [(40,)]


def test_a_bad_value_of_a_setting_is_said_at_once(page: Runtime) -> None:
    at = opened("settings")
    at.selectbox(key="name").select("reminder_thresholds").run()
    at.text_input(key="setting-reminder_thresholds").input("30, 7").run()
    at = at.button(key="look-setting").click().run()
    assert "must rise" in words(at)


def test_the_audit_page_filters(demo: TestDatabase, page: Runtime) -> None:
    demo.sql("UPDATE pilots SET base = base WHERE id < 10", "UPDATE settings SET value = '64' WHERE name = 'retirement_age'")
    at = opened("audit")
    assert {"pilots", "settings"} <= set(at.dataframe[0].value["On"])
    at = opened("audit", search="settings")
    assert set(at.dataframe[0].value["On"]) == {"settings"}
    at = opened("audit", search="no such thing")
    assert "Nothing fits" in words(at)


@pytest.mark.parametrize("name", ["settings", "audit"])
def test_others_are_told_whose_page_it_is(page: Runtime, name: str) -> None:
    at = opened(name, role="manager")
    assert "Not for your role" in words(at)
    assert not at.dataframe and not at.number_input
