"""``dashboard:metrics``: the complete dashboard in one read."""

from __future__ import annotations

from datetime import date
from typing import Any

from fleetcache.figures.compliance import CheckStates, ComplianceRate
from fleetcache.figures.fleet import PilotTotals
from fleetcache.figures.leave import LeaveToday, LeaveTotals
from fleetcache.figures.retirement import RetirementBuckets
from fleetcache.figures.shape import Shape


class HeldChecks(Shape, frozen=True):
    """Certification rows by state."""

    total: int
    current: int
    expiring: int
    expired: int
    undated: int


class Alerts(Shape, frozen=True):
    """``critical_expired`` counts pilots, the other two count items."""

    critical_expired: int
    expiring_this_week: int
    missing_certifications: int


class DashboardMetrics(Shape, frozen=True):
    """The nine raw queries of the dashboard, one field each."""

    pilots: PilotTotals
    certifications: HeldChecks
    compliance: ComplianceRate
    leave: LeaveTotals
    leave_today: LeaveToday
    alerts: Alerts
    retirement: RetirementBuckets
    categories: dict[str, CheckStates]
    as_of_date: date

    @property
    def checks(self) -> CheckStates:
        """All certification rows by state, with the missing ones."""
        held = self.certifications
        return CheckStates(
            total=held.total,
            current=held.current,
            expiring=held.expiring,
            expired=held.expired,
            missing=self.alerts.missing_certifications,
            undated=held.undated,
        )

    def document(self) -> dict[str, Any]:
        """The JSON document of ``GET /api/dashboard/metrics`` without its ``performance``."""
        pilots, checks, leave = self.pilots, self.checks, self.leave
        return {
            "pilots": {
                "total": pilots.total,
                "active": pilots.active,
                "captains": pilots.captains,
                "firstOfficers": pilots.first_officers,
                "trainingCaptains": pilots.training_captains,
                "examiners": pilots.examiners,
            },
            "certifications": {
                "total": checks.total,
                "current": checks.current,
                "expiring": checks.expiring,
                "expired": checks.expired,
                "missing": checks.missing,
                "undated": checks.undated,
                "complianceRate": self.compliance.rate,
                "compliantPilots": self.compliance.compliant,
                "unprovenPilots": self.compliance.unproven,
                "validityRate": checks.validity_rate,
                "fullyCurrentRate": checks.fully_current_rate,
            },
            "leave": {
                "pending": leave.pending,
                "approved": leave.approved,
                "denied": leave.denied,
                "undecidedStarted": leave.undecided_started,
                "onLeaveToday": self.leave_today.on_leave_today,
                "daysThisMonth": self.leave_today.days_this_month,
            },
            "alerts": {
                "criticalExpired": self.alerts.critical_expired,
                "expiringThisWeek": self.alerts.expiring_this_week,
                "missingCertifications": self.alerts.missing_certifications,
            },
            "retirement": {
                "overdue": self.retirement.overdue,
                "years0to2": self.retirement.years0to2,
                "years2to5": self.retirement.years2to5,
                "years5to10": self.retirement.years5to10,
                "unknown": self.retirement.unknown,
            },
            "categories": {
                name: {
                    "total": states.total,
                    "current": states.current,
                    "expiring": states.expiring,
                    "expired": states.expired,
                    "missing": states.missing,
                    "undated": states.undated,
                    "complianceRate": states.category_rate,
                }
                for name, states in self.categories.items()
            },
            "asOfDate": self.as_of_date.isoformat(),
        }
