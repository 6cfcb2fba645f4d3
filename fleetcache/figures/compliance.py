"""Certifications and what they add up to."""

from __future__ import annotations

from datetime import date

from fleetcache.definitions import rate
from fleetcache.figures.shape import Shape


class ComplianceRate(Shape, frozen=True):
    """``fleet:compliance:rate``. The three counts add up to ``active``."""

    active: int
    compliant: int
    unproven: int
    non_compliant: int

    @property
    def rate(self) -> float | None:
        """Pilot compliance in percent; None without active pilots."""
        return rate(self.compliant, self.active)


class CheckStates(Shape, frozen=True):
    """Rows by state. ``total`` = current + expiring + expired + undated; ``missing`` comes on top."""

    total: int
    current: int
    expiring: int
    expired: int
    missing: int
    undated: int

    @property
    def validity_rate(self) -> float | None:
        """(current + expiring) / dated, percent."""
        return rate(self.current + self.expiring, self.total - self.undated)

    @property
    def fully_current_rate(self) -> float | None:
        """current / dated, percent."""
        return rate(self.current, self.total - self.undated)

    @property
    def category_rate(self) -> float | None:
        """(current + expiring) / (current + expiring + expired + missing), percent."""
        valid = self.current + self.expiring
        return rate(valid, valid + self.expired + self.missing)


class CheckCell(Shape, frozen=True):
    """Rows of one check, fleet and rank, by band; ``missing`` have no row."""

    category: str
    check: str
    fleet: str
    rank: str
    expired: int
    days0to7: int
    days8to30: int
    days31to60: int
    days61to90: int
    later: int
    undated: int
    missing: int


class CertificationStats(Shape, frozen=True):
    """``fleet:certifications:stats``."""

    cells: tuple[CheckCell, ...]


class ExpiringCell(Shape, frozen=True):
    """Rows of one category, fleet and rank that expire on one day."""

    day: date
    category: str
    fleet: str
    rank: str
    count: int


class CertificationsExpiring(Shape, frozen=True):
    """``fleet:certifications:expiring``: today and the next 90 days; days without any are left out."""

    days: tuple[ExpiringCell, ...]


class ExpiredCell(Shape, frozen=True):
    """Rows of one check, fleet and rank that are expired or missing; ``required`` of the expired ones."""

    category: str
    check: str
    fleet: str
    rank: str
    expired: int
    expired_required: int
    missing: int
    undated: int


class NonCompliantCell(Shape, frozen=True):
    """Pilots of one fleet and rank. ``non_compliant_on_leave`` of the non-compliant are on leave today."""

    fleet: str
    rank: str
    active: int
    compliant: int
    unproven: int
    non_compliant: int
    non_compliant_on_leave: int
    past_limit: int
    with_expired: int


class CertificationsExpired(Shape, frozen=True):
    """``fleet:certifications:expired``: what is lapsed now, and the pilots it keeps on the ground."""

    cells: tuple[ExpiredCell, ...]
    pilots: tuple[NonCompliantCell, ...]
