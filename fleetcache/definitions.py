"""What every figure means: the fixed thresholds and the one way to make a rate.

The thresholds are rendered into the SQL facts (``source/schema/facts.sql``), from which the
materialized view and the raw queries both count.
House rules in the manner of EASA Part-FCL and Part-ORO; not legal advice.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

EXPIRING_DAYS = 30
BANDS: tuple[tuple[str, int | None], ...] = (
    ("expired", None),
    ("days0to7", 0),
    ("days8to30", 8),
    ("days31to60", 31),
    ("days61to90", 61),
    ("later", 91),
)
"""Band and its first day before expiry; a band ends where the next begins."""

RETIREMENT_YEARS = (2, 5, 10)
DUE_SOON_YEARS, NEARING_YEARS, OUTLOOK_YEARS = RETIREMENT_YEARS
RETIREMENT_MONTHS = 60
AVAILABILITY_PERIODS = 4
"""Roster periods for which availability is counted: the current one and the next three."""
TREND_DAYS = 30
CALENDAR_DAYS = 90

NOTIFIED_LEAVE = ("SICK", "COMPASSIONATE", "MATERNITY")

OK_SHARE, WATCH_SHARE = 100, 90

RANKS = {"captain": "Captain", "first_officer": "First officer"}


def rate(part: int, whole: int) -> float | None:
    """Percentage with one decimal, rounded half up; None where there is nothing to divide by.

    100.0 is given only when all count and 0.0 only when none do (else 99.9 and 0.1).
    """
    if not 0 <= part <= whole:
        raise ValueError(f"{part} of {whole} is not a share")
    if whole == 0:
        return None
    tenths = int((Decimal(1000 * part) / whole).quantize(Decimal(1), ROUND_HALF_UP))
    if part < whole:
        tenths = min(tenths, 999)
    if part > 0:
        tenths = max(tenths, 1)
    return tenths / 10


def strength(have: int, need: int) -> str:
    """``ok``, ``watch`` or ``short``: what there is against what is required."""
    if have * 100 >= need * OK_SHARE:
        return "ok"
    return "watch" if have * 100 >= need * WATCH_SHARE else "short"
