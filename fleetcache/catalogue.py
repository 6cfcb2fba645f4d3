"""The table of keys: everything that is cached, and the only list of it.

Reading, times to live, the materialized view, warming, the admin page and the tests all go
through it. Order is the order of warming: dearest first.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetcache.errors import BadPattern, UnknownKey
from fleetcache.figures.compliance import (
    CertificationsExpired,
    CertificationsExpiring,
    CertificationStats,
    ComplianceRate,
)
from fleetcache.figures.dashboard import DashboardMetrics
from fleetcache.figures.fleet import FleetStats, PilotCount
from fleetcache.figures.leave import LeaveApproved, LeavePending, LeaveStats
from fleetcache.figures.reference import CheckTypes, ContractTypes, Settings
from fleetcache.figures.retirement import RetirementForecast, RetirementWithin
from fleetcache.figures.shape import Shape

PILOTS, CERTIFICATIONS, LEAVE, SETTINGS, REFERENCE = "pilots", "certifications", "leave", "settings", "reference"
HISTORY, IDENTITY = "history", "identity"
TABLES = {
    "pilots": PILOTS,
    "certifications": CERTIFICATIONS,
    "leave_requests": LEAVE,
    "settings": SETTINGS,
    "fleets": REFERENCE,
    "bases": REFERENCE,
    "contract_types": REFERENCE,
    "check_types": REFERENCE,
    "check_requirements": REFERENCE,
    "daily_metrics": HISTORY,
    "pilot_identity": IDENTITY,
}
"""Of which topic a change of each table is. No key depends on names; lists of them do."""
_CREW = frozenset({PILOTS, CERTIFICATIONS, SETTINGS, REFERENCE})
_ALL = _CREW | {LEAVE}


@dataclass(frozen=True)
class Entry:
    """One key: its logical name, shape, time to live (seconds), the topics it depends on and
    the query (a file, or a folder of nine) that counts it. ``together`` queries give a whole
    family of keys at once."""

    name: str
    shape: type[Shape]
    ttl: int
    topics: frozenset[str]
    query: str
    together: bool = False

    @property
    def nothing_ttl(self) -> None:
        """There is always something."""

    @property
    def family(self) -> list[str]:
        """The keys that one load of this one gives along with it."""
        return [e.name for e in CATALOGUE.values() if e.query == self.query] if self.together else []


def _count(name: str) -> Entry:
    return Entry(name, PilotCount, 300, frozenset({PILOTS}), "fleet_counts", together=True)


CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("fleet:leave:stats", LeaveStats, 120, _CREW | {LEAVE}, "fleet_leave_stats"),
        Entry("dashboard:metrics", DashboardMetrics, 60, _ALL, "dashboard_metrics"),
        Entry("fleet:stats", FleetStats, 300, _ALL | {HISTORY}, "fleet_stats"),
        Entry("fleet:retirement:forecast", RetirementForecast, 600, _CREW, "fleet_retirement_forecast"),
        Entry("fleet:certifications:stats", CertificationStats, 300, _CREW, "fleet_certifications_stats"),
        Entry(
            "fleet:certifications:expired",
            CertificationsExpired,
            300,
            _CREW | {LEAVE},
            "fleet_certifications_expired",
        ),
        Entry(
            "fleet:certifications:expiring",
            CertificationsExpiring,
            300,
            _CREW,
            "fleet_certifications_expiring",
        ),
        Entry("fleet:compliance:rate", ComplianceRate, 300, _CREW, "fleet_compliance_rate"),
        Entry(
            "fleet:retirement:nearing",
            RetirementWithin,
            600,
            frozenset({PILOTS, SETTINGS}),
            "fleet_retirement_nearing",
        ),
        Entry(
            "fleet:retirement:due_soon",
            RetirementWithin,
            600,
            frozenset({PILOTS, SETTINGS}),
            "fleet_retirement_due_soon",
        ),
        Entry(
            "fleet:leave:pending",
            LeavePending,
            120,
            frozenset({PILOTS, LEAVE, SETTINGS}),
            "fleet_leave_pending",
        ),
        Entry(
            "fleet:leave:approved",
            LeaveApproved,
            120,
            frozenset({PILOTS, LEAVE, SETTINGS}),
            "fleet_leave_approved",
        ),
        _count("fleet:pilots:count"),
        _count("fleet:captains:count"),
        _count("fleet:first_officers:count"),
        _count("fleet:training_captains:count"),
        _count("fleet:examiners:count"),
        Entry("ref:check_types", CheckTypes, 7200, frozenset({REFERENCE}), "ref_check_types"),
        Entry(
            "ref:contract_types", ContractTypes, 7200, frozenset({REFERENCE}), "ref_contract_types"
        ),
        Entry("ref:settings", Settings, 7200, frozenset({SETTINGS}), "ref_settings"),
    )
}

ALIASES = {"dashboard:metrics:v3": "dashboard:metrics"}
NAMESPACES = ("dashboard", "fleet", "ref")


def entry(name: str) -> Entry:
    """The entry of a logical key, by its name or an alias of it. Raises UnknownKey."""
    found = CATALOGUE.get(ALIASES.get(name, name))
    if found is None:
        raise UnknownKey(f"“{name}” is not the name of a cached value.")
    return found


def checked_pattern(pattern: str) -> str:
    """``pattern`` itself when it may be used for invalidation. Raises BadPattern."""
    if not pattern.startswith(tuple(f"{namespace}:" for namespace in NAMESPACES)):
        raise BadPattern(f"The pattern “{pattern}” does not start with fleet:, ref: or dashboard:.")
    if len(pattern) > 200 or any(ord(letter) < 32 for letter in pattern):
        raise BadPattern("The pattern is too long, or has control characters in it.")
    return pattern
