"""Pilots by name, as lists show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fleetcache.definitions import RANKS
from fleetcache.panels.fleet import INSTRUCTORS

Row = Mapping[str, Any]


def listed(rows: Sequence[Row], contracts: Mapping[str, str]) -> pd.DataFrame:
    """The list ``pilots`` as it is shown, one row per pilot on file. ``State`` is the code of
    compliance, or ``inactive``; ``Why`` says what stands against the pilot, in words."""
    return pd.DataFrame(
        {
            "Name": column(rows, "name"),
            "Fleet": column(rows, "fleet"),
            "Rank": [RANKS[row["rank"]] for row in rows],
            "Base": column(rows, "base"),
            "State": [row["compliance"] if row["active"] else "inactive" for row in rows],
            "Why": [why(row) for row in rows],
            "Next expiry": column(rows, "first_expiry"),
            "On leave until": column(rows, "on_leave_until"),
            "Roles": [roles(row) for row in rows],
            "Contract": [contracts.get(row["contract"], row["contract"]) for row in rows],
            "Licence": column(rows, "licence"),
            "Seniority": column(rows, "seniority"),
            "Joined": column(rows, "commenced_on"),
            "Age limit": column(rows, "retires_on"),
            "Employee no.": column(rows, "employee_number"),
        }
    )


def column(rows: Sequence[Row], name: str) -> list[Any]:
    """One value per row."""
    return [row[name] for row in rows]


def why(row: Row) -> str:
    """“Past the age limit, 2 expired, 1 missing”; empty for whom nothing stands against."""
    if not row["active"]:
        return ""
    said = ["past the age limit"] if row["retirement"] == "overdue" else []
    said += [f"{row[what]} {what}" for what in ("expired", "missing", "undated") if row[what]]
    return ", ".join(said).capitalize()


def roles(row: Row) -> str:
    """What a pilot may do beside flying the line: “Training captain, Examiner”, or nothing."""
    held = (row["training_captain"], row["examiner"])
    return ", ".join(word for word, has in zip(INSTRUCTORS.values(), held, strict=True) if has)
