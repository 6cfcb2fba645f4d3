"""Coral Meridian Airways on one day: every row of every seeded table, from pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from . import names
from .bands import holdings
from .certifications import Certifications, certifications
from .checks import CHECKS, requirements_of
from .crew import Crew, crew
from .days import Column
from .history import daily_metrics
from .leave import Leave, leave
from .profiles import BASES, CONTRACTS, PROFILES, RANKS, SEED, Profile

Rows = dict[str, Column]


@dataclass(frozen=True, eq=False)
class Airline:
    """One generated airline: its parts, and the same as rows for PostgreSQL."""

    profile: Profile
    crew: Crew
    certifications: Certifications
    leave: Leave
    tables: dict[str, Rows]

    @property
    def rows(self) -> int:
        """Rows over all tables."""
        return sum(size(rows) for rows in self.tables.values())


def size(rows: Rows) -> int:
    """Rows of one table."""
    return len(next(iter(rows.values())))


def airline(profile: str, as_of: date, seed: int = SEED) -> Airline:
    """The airline of a profile as it stands on ``as_of``; equal arguments give equal rows.

    Tables come in the order in which they can be written. In the columns NaT, None and negative
    integers stand for NULL; moments are UTC.
    """
    plan, today = PROFILES[profile], np.datetime64(as_of, "D")
    people = crew(plan, today, seed)
    held = holdings(plan, people, today, seed)
    records = certifications(people, held, today, seed)
    requests = leave(plan, people, held.lapsing, today, seed)
    tables = {
        **_reference(plan),
        "pilots": _pilots(people, today),
        "pilot_identity": _identity(len(people), seed),
        "certifications": _certifications(records),
        "leave_requests": _leave_requests(requests),
        "daily_metrics": daily_metrics(people, records, requests, today),
    }
    return Airline(plan, people, records, requests, tables)


def _texts(values: Sequence[str | None]) -> Column:
    return np.array(values, dtype=object)


def _numbers(values: Sequence[int | None]) -> Column:
    return np.array([-1 if value is None else value for value in values], dtype=np.int64)


def _reference(plan: Profile) -> dict[str, Rows]:
    """Fleets, bases, contracts, check types and requirements."""
    fleets = plan.fleets
    needs = requirements_of(tuple(fleet.code for fleet in fleets))
    return {
        "fleets": {
            "code": _texts([f.code for f in fleets]),
            "name": _texts([f.name for f in fleets]),
            "hulls": _numbers([f.hulls for f in fleets]),
            "captains_per_hull": _numbers([f.per_hull[0] for f in fleets]),
            "first_officers_per_hull": _numbers([f.per_hull[1] for f in fleets]),
            "minimum_captains": _numbers([f.minimum(0) for f in fleets]),
            "minimum_first_officers": _numbers([f.minimum(1) for f in fleets]),
        },
        "bases": {"code": _texts(list(BASES)), "name": _texts(list(BASES.values()))},
        "contract_types": {
            "code": _texts(list(CONTRACTS)),
            "name": _texts([name for name, _, _ in CONTRACTS.values()]),
            "days_on": _numbers([on for _, on, _ in CONTRACTS.values()]),
            "days_off": _numbers([off for _, _, off in CONTRACTS.values()]),
        },
        "check_types": {
            "code": _texts([c.code for c in CHECKS]),
            "name": _texts([c.name for c in CHECKS]),
            "category": _texts([c.category for c in CHECKS]),
            "position": np.arange(1, len(CHECKS) + 1),
            "never_expires": np.array([c.validity is None for c in CHECKS]),
            "validity": _numbers([c.validity for c in CHECKS]),
            "validity_unit": _texts(["month"] * len(CHECKS)),
            "counted_from": _texts([c.counted_from for c in CHECKS]),
            "renewal_window": _numbers([c.window for c in CHECKS]),
            "window_unit": _texts([c.window_unit for c in CHECKS]),
            "age_limit": _numbers([c.age_limit for c in CHECKS]),
            "validity_from_age": _numbers([c.validity_from_age for c in CHECKS]),
        },
        "check_requirements": {
            "id": np.arange(1, len(needs) + 1),
            "check_type": _texts([n.check for n in needs]),
            "rank": _texts([n.rank for n in needs]),
            "fleet": _texts([n.fleet for n in needs]),
            "qualification": _texts([n.qualification for n in needs]),
        },
    }


def _pilots(people: Crew, today: np.datetime64) -> Rows:
    count = len(people)
    return {
        "id": np.arange(1, count + 1),
        "fleet": _texts(list(people.fleets))[people.fleet],
        "base": people.base,
        "contract": people.contract,
        "rank": _texts(list(RANKS))[people.rank],
        "licence": people.licence,
        "date_of_birth": people.born,
        "commenced_on": people.commenced,
        "seniority": np.arange(1, count + 1),
        "training_captain": people.training_captain,
        "examiner": people.examiner,
        "expatriate": people.expatriate,
        "active": people.active,
        "left_on": people.left,
        "updated_at": np.full(count, today.astype("datetime64[m]") - np.timedelta64(600, "m")),
    }


def _identity(count: int, seed: int) -> Rows:
    given, family = names.given_names(count, seed), names.family_names(count, seed)
    numbers = range(1, count + 1)
    return {
        "pilot_id": np.arange(1, count + 1),
        "employee_number": _texts([names.employee_number(n) for n in numbers]),
        "given_name": given,
        "family_name": family,
        "email": _texts(list(map(names.email, given, family, numbers))),
        "phone": _texts([names.phone(n) for n in numbers]),
    }


def _certifications(records: Certifications) -> Rows:
    return {
        "id": np.arange(1, len(records) + 1),
        "pilot_id": records.pilot + 1,
        "check_type": _texts([check.code for check in CHECKS])[records.check],
        "completed_on": records.completed,
        "expires_on": records.expires,
        "never_expires": records.never,
        "issuer": records.issuer,
        "document_number": records.document,
        "recorded_by": records.recorder,
        "recorded_at": records.recorded,
        "superseded_by": np.where(records.next < 0, -1, records.next + 1),
        "voided_at": records.voided_at,
        "void_reason": records.reason,
    }


def _leave_requests(requests: Leave) -> Rows:
    return {
        "id": np.arange(1, len(requests) + 1),
        "pilot_id": requests.pilot + 1,
        "leave_type": requests.kind,
        "first_day": requests.first,
        "last_day": requests.last,
        "status": requests.status,
        "channel": requests.channel,
        "submitted_at": requests.submitted,
        "decided_at": requests.decided,
        "decided_by": requests.decider,
        "decision_reason": requests.reason,
    }
