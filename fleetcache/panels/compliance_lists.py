"""Lists of pilots and their checks, as they are shown: names are read per request, never cached."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain, repeat
from typing import Any

from fleetcache.definitions import BANDS, EXPIRING_DAYS, RANKS
from fleetcache.figures.compliance import ComplianceRate, NonCompliantCell
from fleetcache.figures.reference import CheckTypes, Settings
from fleetcache.panels.advice import Gravity

STATES = ("expired", "expiring", "current", "undated")
"""States that a certification on file can have; a missing one has no row."""
WEEK = (dict(BANDS)["days8to30"] or 0) - 1
"""Last day of the nearest band ahead."""
_ISO_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")

Row = Mapping[str, Any]
Shown = dict[str, Any]


def to_act(
    rows: Sequence[Row], most: int, cells: Sequence[NonCompliantCell] | None
) -> list[tuple[Gravity, str]]:
    """How many of the non-compliant pilots there is something to do about today, in Markdown.

    ``most`` rows are a cut list: then the ``cells`` of the group count, which are whole. They also
    tell a group without a flaw from one without anybody; None when they are unavailable.
    """
    if not rows:
        if cells is None:
            return [("fine", "**Nobody to act on.**")]
        if not any(cell.active for cell in cells):
            return [("know", "**Nobody in this group.**")]
        return [("fine", "**Every pilot here is qualified on paper.**")]
    away = sum(row["on_leave_until"] is not None for row in rows)
    acting = len(rows) - away
    cut = len(rows) >= most
    if cut and cells is not None:
        away = sum(cell.non_compliant_on_leave for cell in cells)
        acting = sum(cell.non_compliant for cell in cells) - away
        cut = False
    if not acting:
        return [("plan", f"**Nobody to act on today:** {'at least' if cut else 'all'} {away:,} are on leave.")]
    # Those to act on are listed first: while one who is away is in the list, none of them is cut off.
    if away:
        return [("act", f"**{acting:,} to act on**, then {'at least ' if cut else ''}{away:,} on leave.")]
    return [("act", f"**{'At least ' if cut else ''}{acting:,} to act on**.")]


def to_renew(rows: Sequence[Row], most: int) -> list[tuple[Gravity, str]]:
    """How much may be renewed now and what of it lapses this week; ``most`` rows are a cut list."""
    if not rows:
        return [("fine", "**No renewal window is open.**")]
    week = sum(row["days_left"] <= WEEK for row in rows)
    least = "at least " if len(rows) >= most else ""
    noun, verb = ("check", "lapses") if week == 1 else ("checks", "lapse")
    return [
        (
            "plan" if week else "know",
            f"**{week:,} {noun} {verb} within {WEEK} days**; {least}{len(rows):,} may be renewed "
            "now. Next to lapse first.",
        )
    ]


def not_qualified(rows: Iterable[Row], *, past: bool = False) -> list[Shown]:
    """Non-compliant pilots as shown, in the order given: whom to act on, unless it is a ``past`` day, and why."""
    act = "" if past else "act"
    return [
        {
            "Name": row["name"],
            "Leave" if past else "To do": act
            if row["on_leave_until"] is None
            else f"on leave to {_day(row['on_leave_until'])}",
            "Why": _plain_days(row["reasons"]),
            "Lapsed since": row["since"],
            **_who(row),
        }
        for row in rows
    ]


def renewals(rows: Iterable[Row]) -> list[Shown]:
    """Items that may be renewed now, in the order given."""
    return [
        {
            "Expires": row["expires_on"],
            "Days left": row["days_left"],
            "Name": row["name"],
            "Check": row["check_name"],
            "Required": "required" if row["required"] else "optional",
            "Category": row["category"],
            **_who(row),
        }
        for row in rows
    ]


def held(rows: Iterable[Row]) -> list[Shown]:
    """Certifications on file on the day asked about, in the order given."""
    return [
        {
            "Name": row["name"],
            "Check": row["check_name"],
            "State": row["state"],
            "Expires": row["expires_on"],
            "Days left": row["days_left"],
            "Completed": row["completed_on"],
            "Category": row["category"],
            "Issuer": row["issuer"],
            "Document": row["document_number"],
            **_who(row),
        }
        for row in rows
    ]


def renewed(rows: Iterable[Row]) -> list[Shown]:
    """Certifications that took the place of others, in the order given."""
    return [
        {
            "Name": row["name"],
            "Check": row["check_name"],
            "Completed": row["completed_on"],
            "Expires": row["expires_on"],
            "Days left": row["days_left"],
            "Category": row["category"],
            "Issuer": row["issuer"],
            "Document": row["document_number"],
            **_who(row),
        }
        for row in rows
    ]


def matrix(rows: Iterable[Row], types: CheckTypes, thresholds: tuple[int, ...]) -> list[Shown]:
    """One row per pilot and one column per check code, in the order of the check types; empty where a check is neither
    held nor required. ``thresholds`` are the days before expiry of the settings, rising."""
    codes = [one.code for one in sorted(types.check_types, key=lambda one: one.position)]
    found = []
    for row in rows:
        judged = zip(row["checks"], row["states"], row["days_left"], row["required"], strict=True)
        marks = {code: mark(state, left, required, thresholds) for code, state, left, required in judged}
        found.append({"Name": row["name"], **{code: marks.get(code, "") for code in codes}, **_who(row)})
    return found


_BARS = ("█", "▆", "▅", "▃", "▁")


@lru_cache(maxsize=4096)  # the cells of a matrix are many, and what stands in them is not
def mark(state: str, days_left: int | None, required: bool, thresholds: tuple[int, ...]) -> str:
    """A check in the matrix, told apart by sign and word, with a bar that grows at each of the ``thresholds``; in
    brackets when it is not required."""
    days = "" if days_left is None else f" {abs(days_left)} d{_bar(days_left, thresholds)}"
    text = {
        "expired": f"✕ {days.strip()} ago",
        "missing": "○ missing",
        "undated": "? undated",
        "expiring": f"▲{days}",
        "current": f"✓{days}",
    }[state]
    return text if required else f"({text})"


def _bar(days_left: int, thresholds: tuple[int, ...]) -> str:
    """The highest within the nearest threshold, the lowest within the farthest ones; none beyond, or once expired."""
    bars = (bar for day, bar in zip(thresholds, _bars(), strict=False) if days_left <= day)
    return "" if days_left < 0 else f" {next(bars, '')}".rstrip()


def _bars() -> Iterator[str]:
    return chain(_BARS, repeat(_BARS[-1]))


def legend(thresholds: tuple[int, ...]) -> str:
    """What the signs of the matrix mean."""
    bars = ", ".join(f"{bar} {day}" for day, bar in zip(thresholds, _bars(), strict=False))
    return (
        "✕ expired, days ago · ○ required and missing · ? undated · "
        f"▲ expiring, days left (today = 0, up to {EXPIRING_DAYS}) · ✓ current, days left where it expires at all · "
        + (f"expiry within so many days, by the settings: {bars} · " if thresholds else "")
        + "(in brackets) not required of this pilot · empty: neither held nor required"
    )


def thresholds(settings: Settings | None) -> tuple[int, ...]:
    """The days before expiry at which the matrix marks a check, rising; none while the settings are unavailable."""
    rows = settings.settings if settings is not None else ()
    days = next((one.value for one in rows if one.name == "reminder_thresholds"), ())
    return tuple(sorted(day for day in days if type(day) is int))


def compliance(rows: Sequence[Row]) -> ComplianceRate:
    """Pilots by compliance, counted from the list ``pilots``."""
    found = [row["compliance"] for row in rows if row["active"]]
    return ComplianceRate(
        active=len(found),
        compliant=found.count("compliant"),
        unproven=found.count("unproven"),
        non_compliant=found.count("non_compliant"),
    )


def _who(row: Row) -> Shown:
    return {
        "Fleet": row["fleet"],
        "Rank": RANKS[row["rank"]],
        "Base": row["base"],
        "Number": row["employee_number"],
    }


def _plain_days(reasons: str) -> str:
    text = _ISO_DAY.sub(lambda found: _day(date.fromisoformat(found[0])), reasons)
    return text[:1].upper() + text[1:]


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
