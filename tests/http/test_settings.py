"""Settings over the API: previewed, changed, refused."""

from __future__ import annotations

from tests.conftest import TestDatabase
from tests.live import App, bearer


def test_a_setting_is_previewed_then_changed_then_put_back(live: App, live_database: TestDatabase) -> None:
    """The stamp of a preview refuses the change once anything else has changed."""
    wish = {"value": 64, "dryRun": True}
    seen = live.http.put("/api/settings/retirement_age", json=wish).json()
    assert (seen["before"], seen["after"]) == ({"value": 65}, {"value": 64})
    assert {one["figure"] for one in seen["moved"]} & {"retirement.overdue", "retirement.years0to2"}
    try:
        done = live.http.put("/api/settings/retirement_age", json={"value": 64, "expect": seen["stamp"]})
        assert done.json()["message"] == "Changed."
        late = live.http.put("/api/settings/retirement_age", json={"value": 63, "expect": seen["stamp"]})
        assert late.status_code == 409
    finally:
        assert live.http.put("/api/settings/retirement_age", json={"value": 65}).status_code == 200
    assert live_database.rows("SELECT value FROM settings WHERE name = 'retirement_age'") == [(65,)]


def test_what_a_fleet_needs_and_bad_values(live: App) -> None:
    fleets = {row["code"]: row for row in live.http.get("/api/settings").json()["fleets"]}
    needs = {name: value for name, value in fleets["A330-200"].items() if name not in ("code", "name")}
    kept = live.http.put("/api/fleets/A330-200", json={"value": needs, "dryRun": True}).json()
    assert kept["moved"] == [] and kept["message"] == "Nothing was changed."
    for path, value, status in (
        ("/api/fleets/A330-200", {**needs, "hulls": -1}, 400),
        ("/api/fleets/A330-200", "many", 400),
        ("/api/fleets/B747", needs, 404),
        ("/api/settings/retirement_age", "old", 400),
        ("/api/settings/colour", "blue", 404),
    ):
        answer = live.http.put(path, json={"value": value, "dryRun": True})
        assert answer.status_code == status, (path, answer.text)
        assert answer.json()["success"] is False
    assert live.http.put("/api/settings/retirement_age", json={"value": 64}, headers=bearer("manager")).status_code == 403
