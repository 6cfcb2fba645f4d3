"""Check types, who needs which, and the day each runs out (house rules, spec section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .crew import Crew
from .days import Days, Flags, Floats, Ints, add_months, birthday, month_end
from .profiles import RANKS

Unit = Literal["month", "day"]


@dataclass(frozen=True)
class CheckType:
    """One kind of check; validity and windows as in the table ``check_types``."""

    code: str
    name: str
    category: str
    validity: int | None
    counted_from: Literal["month_end", "day"] = "month_end"
    window: int | None = 3
    window_unit: Unit = "month"
    age_limit: int | None = None
    validity_from_age: int | None = None

    @property
    def window_days(self) -> int:
        """The shortest the renewal window can be in days; 0 without one."""
        return (self.window or 0) * (1 if self.window_unit == "day" else 28)

    @property
    def needs_joining(self) -> bool:
        """Whether the company itself gives the check, so that nobody has it before joining."""
        return self.category not in ("Flight crew licence", "Medical", "Work permits")


def _card(code: str, name: str, category: str, validity: int | None) -> CheckType:
    return CheckType(code, name, category, validity, counted_from="day", window=None)


_LICENCE, _SIM, _FLIGHT = "Flight crew licence", "Simulator", "Flight checks"
_GROUND, _IDENTITY, _PERMITS = "Ground courses", "Identity", "Work permits"

CHECKS: tuple[CheckType, ...] = (
    _card("LICENCE", "Pilot licence", _LICENCE, None),
    CheckType("PROFICIENCY", "Proficiency check (type and instrument rating)", _LICENCE, 12),
    _card("ENGLISH", "English language proficiency", _LICENCE, 48),
    CheckType("MEDICAL", "Class 1 medical", "Medical", 12, "day", 45, "day", 60, 6),
    CheckType("OPC", "Operator proficiency check", _SIM, 6),
    CheckType("LOW_VISIBILITY", "Low visibility operations", _SIM, 12),
    CheckType("UPSET_RECOVERY", "Upset prevention and recovery", _SIM, 12),
    CheckType("LINE_CHECK", "Line check", _FLIGHT, 12),
    CheckType("RIGHT_HAND_SEAT", "Right-hand seat check", _FLIGHT, 12),
    CheckType("INSTRUCTOR", "Instructor authorisation", _FLIGHT, 36),
    CheckType("SAFETY_EQUIPMENT", "Emergency and safety equipment", _GROUND, 12),
    CheckType("FIRE_SMOKE", "Fire and smoke drill", _GROUND, 36),
    CheckType("CRM", "Crew resource management", _GROUND, 12),
    CheckType("DANGEROUS_GOODS", "Dangerous goods", _GROUND, 24),
    CheckType("SECURITY", "Aviation security", _GROUND, 12),
    CheckType("SMS", "Safety management system", _GROUND, 24),
    CheckType("EFB", "Electronic flight bag", _GROUND, 12),
    CheckType("FIRST_AID", "First aid", _GROUND, 24),
    CheckType("ETOPS", "Extended operations (ETOPS)", _GROUND, 12),
    _card("AIRSIDE_PASS", "Airside pass", _IDENTITY, 24),
    _card("COMPANY_ID", "Company ID", _IDENTITY, 24),
    _card("WORK_PERMIT", "Work permit", _PERMITS, 24),
    _card("VISA", "Visa", _PERMITS, 12),
)
INDEX = {check.code: number for number, check in enumerate(CHECKS)}

# The same by check number, to look up whole arrays at once.
EPOCH = np.datetime64("1970-01-01", "D")
FROM_MONTH_END = np.array([check.counted_from == "month_end" for check in CHECKS])
VALIDITY = np.array([check.validity or 0 for check in CHECKS], dtype=np.int64)
SHORT_VALIDITY = np.array([c.validity_from_age or c.validity or 0 for c in CHECKS], dtype=np.int64)
WINDOW_DAYS = np.array([check.window_days for check in CHECKS], dtype=np.int64)
NEEDS_JOINING = np.array([check.needs_joining for check in CHECKS])


@dataclass(frozen=True)
class Requirement:
    """Who needs a check; None fits everybody, as in the table ``check_requirements``."""

    check: str
    rank: str | None = None
    fleet: str | None = None
    qualification: Literal["training_captain", "examiner", "expatriate"] | None = None


_SPECIAL = {"UPSET_RECOVERY", "RIGHT_HAND_SEAT", "INSTRUCTOR", "ETOPS", "WORK_PERMIT", "VISA"}

REQUIREMENTS: tuple[Requirement, ...] = (
    *(Requirement(check.code) for check in CHECKS if check.code not in _SPECIAL),
    Requirement("RIGHT_HAND_SEAT", qualification="training_captain"),
    Requirement("RIGHT_HAND_SEAT", qualification="examiner"),
    Requirement("INSTRUCTOR", qualification="training_captain"),
    Requirement("INSTRUCTOR", qualification="examiner"),
    Requirement("ETOPS", fleet="A330-200"),
    Requirement("WORK_PERMIT", qualification="expatriate"),
    Requirement("VISA", qualification="expatriate"),
)

# check: share of the pilots of a fleet and rank who hold it without needing it.
OPTIONAL: tuple[tuple[str, str | None, str | None, float], ...] = (
    ("UPSET_RECOVERY", None, None, 0.98),
    ("ETOPS", "B737-800", None, 0.97),
    ("ETOPS", "DHC-8-400", None, 0.25),
    ("RIGHT_HAND_SEAT", None, "captain", 0.95),
    ("INSTRUCTOR", None, "captain", 0.30),
    ("VISA", None, None, 0.96),
    ("WORK_PERMIT", None, None, 0.65),
)


def requirements_of(fleets: tuple[str, ...]) -> tuple[Requirement, ...]:
    """The requirements that concern an airline with these fleets."""
    return tuple(r for r in REQUIREMENTS if r.fleet is None or r.fleet in fleets)


def required(crew: Crew) -> Flags:
    """Pilots x check types: whether any requirement asks it of the pilot."""
    needed = np.zeros((len(crew), len(CHECKS)), dtype=np.bool_)
    for requirement in requirements_of(crew.fleets):
        fits = np.ones(len(crew), dtype=np.bool_)
        if requirement.rank is not None:
            fits &= crew.rank == RANKS.index(requirement.rank)
        if requirement.fleet is not None:
            fits &= crew.fleet == crew.fleets.index(requirement.fleet)
        if requirement.qualification is not None:
            fits &= crew.qualified(requirement.qualification)
        needed[fits, INDEX[requirement.check]] = True
    return needed


def optional_share(crew: Crew) -> Floats:
    """Pilots x check types: the chance of holding a check that is not required."""
    chance = np.zeros((len(crew), len(CHECKS)), dtype=np.float64)
    for code, fleet, rank, share in OPTIONAL:
        fits = np.ones(len(crew), dtype=np.bool_)
        if fleet is not None:
            fits &= crew.fleet == (crew.fleets.index(fleet) if fleet in crew.fleets else -1)
        if rank is not None:
            fits &= crew.rank == RANKS.index(rank)
        chance[fits, INDEX[code]] = share
    return chance


def ends(completed: Days, check: Ints, validity: Ints) -> Days:
    """The day a check completed then runs out, counted anew from its completion."""
    same_day = add_months(completed, validity)
    return np.where(FROM_MONTH_END[check], month_end(same_day), same_day)


def validity_before(expires: Days, check: Ints, months: Ints, born: Days) -> Ints:
    """Months a check ending then was given for: the shorter one from the age limit on."""
    short = np.zeros(len(expires), dtype=np.bool_)
    known = ~np.isnat(born)
    for number, rule in enumerate(CHECKS):
        if rule.age_limit is None:
            continue
        of_age = birthday(np.where(known, born, EPOCH), rule.age_limit)
        affected = check == number
        months = np.where(affected, VALIDITY[number], months)
        short |= affected & known & (add_months(expires, -months) >= of_age)
    return np.where(short, SHORT_VALIDITY[check], months)
