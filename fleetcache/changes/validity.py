"""How long a check is good for: house rules in the manner of EASA, from the row of its type.

Validity counts from the completion, to the end of its month or to the day. A renewal inside the renewal
window keeps the anniversary: it counts from the day the old one runs out. One that is earlier, or too
late, counts anew. From an age on, reached by the day of the examination, a shorter validity holds.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from fleetcache.figures.reference import CheckType

VARIES = frozenset({"ENGLISH"})
"""Checks whose validity is that of the level that was reached, which only the document says: the rule is of one
level."""


@dataclass(frozen=True)
class Expiry:
    """The day through which a check is valid (None: it never expires), and why: the anniversary it
    ``keeps``, or None where it counts anew; how ``long`` it is good for, in words; whether that is the
    shorter validity ``by_age``."""

    on: date | None
    keeps: date | None = None
    long: str = ""
    by_age: bool = False


def expiry(of: CheckType, completed_on: date, *, born: date | None, renews: date | None) -> Expiry:
    """When a check completed then runs out. ``renews`` is the expiry of the row it renews, None for the
    first of its kind. Without a date of birth no age rule applies."""
    if of.never_expires or of.validity is None:
        return Expiry(None)
    by_age = (
        of.age_limit is not None
        and of.validity_from_age is not None
        and born is not None
        and birthday(born, of.age_limit) <= completed_on
    )
    validity = of.validity_from_age if by_age and of.validity_from_age is not None else of.validity
    keeps = renews if in_window(of, completed_on, renews) else None
    ends = _after(keeps or completed_on, validity, of.validity_unit)
    long = f"{validity} {of.validity_unit}{'' if validity == 1 else 's'}"
    return Expiry(_month_end(ends) if of.counted_from == "month_end" else ends, keeps, long, by_age)


def explained(found: Expiry, of: CheckType, completed_on: date, *, renews: date | None) -> str:
    """Why a check runs out when it does, in a sentence."""
    if found.on is None:
        return "This document never expires."
    opened = opens(of, renews)
    if found.keeps is not None and opened is not None:
        days = (completed_on - opened).days
        why = f"It keeps the anniversary {_said(found.keeps)}, {days} day{'' if days == 1 else 's'} inside the window"
    else:
        why = "It counts from its completion"
        if renews is not None and completed_on > renews:
            why += f", for the one before ran out on {_said(renews)}"
        elif opened is not None and completed_on < opened:
            why += f", for the window of {_said(renews)} only opens on {_said(opened)}"
        elif renews is not None and opened is None:
            why += ", for this check has no renewal window"
    age = f", as of age {of.age_limit} on the day of the examination" if found.by_age else ""
    end = ", to the end of the month" if of.counted_from == "month_end" else ""
    return f"{why}: {found.long}{age}{end}."


def opens(of: CheckType, expires_on: date | None) -> date | None:
    """The first day of the renewal window before an expiry, or None where there is none."""
    if of.renewal_window is None or expires_on is None:
        return None
    return _after(expires_on, -of.renewal_window, of.window_unit)


def in_window(of: CheckType, completed_on: date, expires_on: date | None) -> bool:
    """Whether a check completed then renews one that runs out on ``expires_on`` inside its window; the
    printed day itself still is."""
    first = opens(of, expires_on)
    return first is not None and expires_on is not None and first <= completed_on <= expires_on


def birthday(born: date, age: int) -> date:
    """The day on which somebody turns ``age``; 29 February becomes 1 March in a common year."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


def _after(day: date, count: int, unit: str) -> date:
    """So many days or calendar months later; a day that a month lacks becomes its last one."""
    if unit == "day":
        return day + timedelta(days=count)
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _said(day: date | None) -> str:
    return f"{day.day} {day:%b %Y}" if day is not None else ""


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])
