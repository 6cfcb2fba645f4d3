"""The figures that people look at first, flat: what a change of the settings would do to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleetcache.catalogue import CATALOGUE
from fleetcache.source import raw

KEYS = ("dashboard:metrics", "fleet:stats", "fleet:retirement:forecast", "fleet:leave:stats")
TOPICS = frozenset[str]().union(*(CATALOGUE[key].topics for key in KEYS))
SECTIONS = ("pilots", "certifications", "leave", "alerts", "retirement")

Figure = int | float | None


@dataclass(frozen=True)
class Moved:
    """One figure of the headline before and after."""

    figure: str
    before: Figure
    after: Figure


def headline(connection: Any) -> dict[str, Figure]:
    """The figures as one transaction sees them, its own changes included. Raises BadPayload, SourceDown."""
    found: dict[str, Any] = {}
    for key in KEYS:
        found.update({name: one.value for name, one in raw.counted(connection, CATALOGUE[key]).items()})
    document = found["dashboard:metrics"].document()
    figures: dict[str, Figure] = {
        f"{section}.{name}": value for section in SECTIONS for name, value in document[section].items()
    }
    fleets = found["fleet:stats"].fleets
    figures["strength.required"] = sum(one.required_captains + one.required_first_officers for one in fleets)
    figures["strength.instructors"] = sum(one.required_training_captains + one.required_examiners for one in fleets)
    for name in ("ready", "potential", "developing", "not_yet"):
        label = "notYet" if name == "not_yet" else name
        figures[f"succession.{label}"] = sum(getattr(cell, name) for cell in found["fleet:retirement:forecast"].succession)
    lines = found["fleet:leave:stats"].availability
    figures["availability.daysBelow"] = sum(crew < line.minimum for line in lines for crew in line.if_renewed)
    return figures


def moved(before: Mapping[str, Figure], after: Mapping[str, Figure]) -> tuple[Moved, ...]:
    """The figures that differ."""
    return tuple(Moved(name, value, after[name]) for name, value in before.items() if after[name] != value)
