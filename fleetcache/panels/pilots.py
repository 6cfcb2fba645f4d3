"""Pilots by name, as lists show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fleetcache.definitions import RANKS
from fleetcache.figures.reference import CheckType
from fleetcache.panels.instructors import INSTRUCTORS

Row = Mapping[str, Any]
Shown = dict[str, Any]

FIELDS = {
    "employee_number": "Employee number",
    "given_name": "Given name",
    "family_name": "Family name",
    "email": "E-mail",
    "phone": "Phone",
    "fleet": "Fleet",
    "base": "Base",
    "contract": "Contract",
    "rank": "Rank",
    "licence": "Licence",
    "date_of_birth": "Date of birth",
    "commenced_on": "Joined",
    "seniority": "Seniority",
    "training_captain": "Training captain",
    "examiner": "Examiner",
    "expatriate": "Expatriate",
    "active": "Active",
    "left_on": "Left on",
}
"""What each field of a pilot is called."""

NAMELESS = "Name not on file"
GRAVEST = ("expired", "missing", "undated", "expiring", "current", None)


def called(pilot: Row) -> str:
    """The name of one pilot as people say it."""
    return " ".join(filter(None, (pilot["given_name"], pilot["family_name"]))) or NAMELESS


def number(pilot: Row) -> str:
    """What one pilot is known by, whether or not an employee number is on file."""
    return str(pilot["employee_number"] or f"pilot {pilot['pilot_id']}")


@dataclass(frozen=True)
class Check:
    """One check of one pilot: whether it is ``required``, its ``state`` and days left on the day asked about
    (None for a pilot who is not active), and what is on file: the rows that count, the latest first, and
    those that were ``taken_back``."""

    kind: CheckType
    required: bool
    state: str | None
    days_left: int | None
    rows: tuple[Row, ...] = ()
    taken_back: tuple[Row, ...] = ()

    @property
    def current(self) -> Row | None:
        """The row that counts now, if any."""
        return next((row for row in self.rows if row["superseded_by"] is None), None)


def checks(facts: Sequence[Row], on_file: Sequence[Row], kinds: Sequence[CheckType]) -> list[Check]:
    """The checks of a pilot, from the lists ``pilot_checks`` and ``pilot_certifications``: what is required
    first, the gravest before the others, then in the order of the check types."""
    known = {row["check_type"]: row for row in facts}
    found = []
    for kind in sorted(kinds, key=lambda one: one.position):
        rows = [row for row in on_file if row["check_type"] == kind.code]
        fact = known.get(kind.code)
        if fact is None and not rows:
            continue
        found.append(
            Check(
                kind,
                required=bool(fact and fact["required"]),
                state=fact["state"] if fact else None,
                days_left=fact["days_left"] if fact else None,
                rows=tuple(row for row in rows if row["void_reason"] is None),
                taken_back=tuple(row for row in rows if row["void_reason"] is not None),
            )
        )
    return sorted(found, key=lambda one: (not one.required, GRAVEST.index(one.state)))


def held(found: Sequence[Check], *, day: date | None = None) -> list[Shown]:
    """The checks as they are listed, with the row that counts, or the one that counted on a past ``day``. ``State`` is
    a code, None for what is neither held nor required."""
    return [
        {
            "Check": one.kind.name,
            "State": one.state,
            "Expires": row["expires_on"] if row else None,
            "Days left": one.days_left,
            "Completed": row["completed_on"] if row else None,
            "Required": "required" if one.required else "optional",
            "Issuer": row["issuer"] if row else None,
            "Document": row["document_number"] if row else None,
        }
        for one, row in ((one, standing(one, day)) for one in found)
    ]


def standing(check: Check, day: date | None) -> Row | None:
    """The row of a check that counts, or the one that counted on a past ``day``."""
    if day is None:
        return check.current
    return next((row for row in check.rows if row["completed_on"] <= day), None)


def history(check: Check) -> list[Shown]:
    """Everything on file about a check, the latest first, also what was taken back and why."""
    rows = sorted((*check.rows, *check.taken_back), key=lambda row: (row["completed_on"], row["id"]), reverse=True)
    return [
        {
            "Completed": row["completed_on"],
            "Expires": row["expires_on"],
            "Status": status(row),
            "Issuer": row["issuer"],
            "Document": row["document_number"],
            "Recorded by": row["recorded_by"],
            "Recorded": row["recorded_on"],
        }
        for row in rows
    ]


def status(row: Row) -> str:
    """What became of a row: “current”, “renewed”, “taken back: typed wrongly”."""
    if row["void_reason"] is not None:
        return f"taken back: {row['void_reason']}"
    return "current" if row["superseded_by"] is None else "renewed"


def listed(rows: Sequence[Row], contracts: Mapping[str, str]) -> list[Shown]:
    """The list ``pilots`` as it is shown, one row per pilot on file. ``State`` is the code of
    compliance, or ``inactive``; ``Why`` says what stands against the pilot, in words."""
    return [
        {
            "Name": row["name"],
            "Fleet": row["fleet"],
            "Rank": RANKS[row["rank"]],
            "Base": row["base"],
            "State": row["compliance"] if row["active"] else "inactive",
            "Why": why(row),
            "Next expiry": row["first_expiry"],
            "On leave until": row["on_leave_until"],
            "Roles": roles(row),
            "Contract": contracts.get(row["contract"], row["contract"]),
            "Licence": row["licence"],
            "Seniority": row["seniority"],
            "Joined": row["commenced_on"],
            "Age limit": row["retires_on"],
            "Employee no.": row["employee_number"],
        }
        for row in rows
    ]


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


def remarks(standing: Row) -> list[tuple[str, str]]:
    """How a pilot stands, from the list ``pilot_standing``, gravest first, in Markdown."""
    if not standing["active"]:
        return [("know", "**Inactive**: does not count.")]
    said: list[tuple[str, str]] = []
    against = why(standing)
    if standing["compliance"] == "non_compliant":
        said.append(("act", f"**Not qualified on paper**: {against[:1].lower()}{against[1:]}."))
    elif standing["compliance"] == "unproven":
        said.append(("plan", f"**Unproven**: {against[:1].lower()}{against[1:]}."))
    else:
        said.append(("fine", "**Qualified on paper.**"))
    if standing["on_leave_until"] is not None:
        said.append(("know", f"On leave until {_day(standing['on_leave_until'])}."))
    if standing["retires_on"] is not None and standing["retirement"] != "later":
        said.append(("know", f"Age limit on {_day(standing['retires_on'])}."))
    return said


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
