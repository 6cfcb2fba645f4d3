"""Who may not fly on paper, who lapses next, and how the checks of the fleet stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol, TypeVar

from fleetcache.definitions import BANDS, CALENDAR_DAYS, EXPIRING_DAYS
from fleetcache.figures.compliance import (
    CertificationsExpired,
    CertificationsExpiring,
    CertificationStats,
    CheckCell,
    CheckStates,
    ComplianceRate,
)
from fleetcache.figures.dashboard import DashboardMetrics
from fleetcache.figures.reference import CheckTypes
from fleetcache.glossary import GLOSSARY
from fleetcache.panels.behind import Behind, Opens, behind

KEYS = (
    "dashboard:metrics",
    "fleet:certifications:stats",
    "fleet:certifications:expired",
    "fleet:certifications:expiring",
    "ref:check_types",
    "ref:settings",
)
ALL_BANDS = ("expired", "missing", "undated", *(name for name, day in BANDS if day is not None))
"""From the gravest to the farthest, as the bars are stacked."""
_EXPIRING = tuple(name for name, day in BANDS if day is not None and day <= EXPIRING_DAYS)
_CURRENT = tuple(name for name, day in BANDS if day is not None and day > EXPIRING_DAYS)
COUNTS = {
    "Valid": "certifications.valid",
    "Of": "certifications.judged",
    "Expired": "certifications.expired",
    "Missing": "certifications.missing",
    "Undated": "certifications.undated",
    "Expiring": "certifications.expiring",
    "Current": "certifications.current",
}
"""The counts of ``validity``, each with its figure."""

Shown = dict[str, Any]


class _Group(Protocol):
    @property
    def fleet(self) -> str: ...

    @property
    def rank(self) -> str: ...


G = TypeVar("G", bound=_Group)


def chosen(cells: Iterable[G], *, fleet: str | None, rank: str | None) -> list[G]:
    """The cells of a fleet and rank, or of all."""
    return [cell for cell in cells if fleet in (None, cell.fleet) and rank in (None, cell.rank)]


def fleets(stats: CertificationStats | None, expired: CertificationsExpired | None) -> list[str]:
    """Every fleet that a figure speaks of, in order of name."""
    named = {cell.fleet for cell in stats.cells} if stats is not None else set()
    named |= {cell.fleet for cell in expired.pilots} if expired is not None else set()
    return sorted(named)


def pilots(
    dashboard: DashboardMetrics | None,
    expired: CertificationsExpired | None,
    *,
    fleet: str | None = None,
    rank: str | None = None,
) -> ComplianceRate | None:
    """Pilots by compliance: the headline when nothing is filtered, else counted from the cells of
    the group; None when the figure it needs is unavailable."""
    if dashboard is not None and fleet is None and rank is None:
        return dashboard.compliance
    if expired is None:
        return None
    cells = chosen(expired.pilots, fleet=fleet, rank=rank)
    return ComplianceRate(
        active=sum(cell.active for cell in cells),
        compliant=sum(cell.compliant for cell in cells),
        unproven=sum(cell.unproven for cell in cells),
        non_compliant=sum(cell.non_compliant for cell in cells),
    )


def checks(
    dashboard: DashboardMetrics | None,
    stats: CertificationStats | None,
    *,
    fleet: str | None = None,
    rank: str | None = None,
) -> CheckStates | None:
    """Certification rows by state, of everybody or of a group; None when unavailable."""
    if dashboard is not None and fleet is None and rank is None:
        return dashboard.checks
    return None if stats is None else states(chosen(stats.cells, fleet=fleet, rank=rank))


def bands(cells: Iterable[CheckCell]) -> dict[str, int]:
    """Rows of each of ALL_BANDS, added up."""
    counted = dict.fromkeys(ALL_BANDS, 0)
    for cell in cells:
        for band in ALL_BANDS:
            counted[band] += getattr(cell, band)
    return counted


def states(cells: Iterable[CheckCell]) -> CheckStates:
    """Cells added up by state: bands up to the expiring days are expiring, later ones current."""
    counted = bands(cells)
    return CheckStates(
        total=sum(counted.values()) - counted["missing"],
        current=sum(counted[band] for band in _CURRENT),
        expiring=sum(counted[band] for band in _EXPIRING),
        expired=counted["expired"],
        missing=counted["missing"],
        undated=counted["undated"],
    )


def band_label(band: str) -> str:
    """How a band is named on a page."""
    return GLOSSARY[band_figure(band)].label


def band_figure(band: str) -> str:
    """Which figure counts the rows of a band."""
    return f"bands.{band}" if f"bands.{band}" in GLOSSARY else f"certifications.{band}"


def categories(types: CheckTypes | None, cells: Sequence[CheckCell]) -> list[str]:
    """Every category, in the order of the check types; those without any row too."""
    ordered = sorted(types.check_types, key=lambda one: one.position) if types is not None else ()
    return list(dict.fromkeys([*(one.category for one in ordered), *(c.category for c in cells)]))


def grouped(
    cells: Sequence[CheckCell], names: Iterable[str], field: str
) -> dict[str, list[CheckCell]]:
    """The cells of each of ``names`` by ``field`` (category or fleet); names without any stay."""
    return {name: [cell for cell in cells if getattr(cell, field) == name] for name in names}


def band_series(groups: Mapping[str, Sequence[CheckCell]]) -> dict[str, list[int]]:
    """Name of a band -> rows of each group, for stacked bars."""
    counted = [bands(cells) for cells in groups.values()]
    return {band_label(band): [one[band] for one in counted] for band in ALL_BANDS}


def validity(groups: Mapping[str, Sequence[CheckCell]], title: str) -> list[Shown]:
    """One row per group with its validity in percent (None without any check), n and d of it, and
    the rows by state."""
    found = []
    for name, cells in groups.items():
        one = states(cells)
        valid = one.current + one.expiring
        found.append(
            {
                title: name,
                "Validity": one.category_rate,
                "Valid": valid,
                "Of": valid + one.expired + one.missing,
                "Expired": one.expired,
                "Missing": one.missing,
                "Undated": one.undated,
                "Expiring": one.expiring,
                "Current": one.current,
            }
        )
    return found


def opens(names: Sequence[str], field: str, *, fleet: str | None, rank: str | None) -> Opens:
    """What stands behind the counts of ``validity`` and ``band_series``, given the ``names`` of their groups by
    ``field`` (category or fleet)."""

    def of(figure: str) -> Callable[[int], Behind]:
        return lambda place: behind(figure, **{"fleet": fleet, "rank": rank, field: names[place]})

    bands = {band_label(band): of(band_figure(band)) for band in ALL_BANDS}
    return bands | {column: of(figure) for column, figure in COUNTS.items()}


@dataclass(frozen=True)
class Lapsing:
    """One day of the expiry calendar: rows that expire on it, by category in the usual order."""

    day: date
    count: int
    categories: tuple[tuple[str, int], ...]


def calendar(
    expiring: CertificationsExpiring,
    today: date,
    order: Sequence[str],
    *,
    fleet: str | None = None,
    rank: str | None = None,
) -> list[Lapsing]:
    """Today and every day of the calendar ahead, also those on which nothing expires."""
    counted: dict[date, dict[str, int]] = {}
    for cell in chosen(expiring.days, fleet=fleet, rank=rank):
        on_day = counted.setdefault(cell.day, dict.fromkeys(order, 0))
        on_day[cell.category] = on_day.get(cell.category, 0) + cell.count
    found = []
    for n in range(CALENDAR_DAYS + 1):
        day = today + timedelta(days=n)
        on_day = counted.get(day, {})
        parts = tuple((name, count) for name, count in on_day.items() if count)
        found.append(Lapsing(day, sum(on_day.values()), parts))
    return found
