"""The value that is cached: a JSON document of about 4 KB, as a dashboard's figures are."""

from __future__ import annotations

from typing import Any

import msgspec


class Base(msgspec.Struct, frozen=True):
    """Figures of one base."""

    code: str
    captains: int
    first_officers: int
    available: int
    on_leave: int
    compliance: float
    months: tuple[int, ...]


class Roster(msgspec.Struct, frozen=True):
    """Figures of a fleet."""

    title: str
    total: int
    bases: tuple[Base, ...]


def roster(title: str) -> Roster:
    """The document, told apart by its title."""
    bases = tuple(
        Base(f"B{n:02}", 40 + n, 60 + n, 80 + n, 7 + n, 97.25 - n / 8, tuple(range(n, n + 12)))
        for n in range(28)
    )
    return Roster(title, sum(base.captains + base.first_officers for base in bases), bases)


def plain(title: str) -> dict[str, Any]:
    """The same as dicts and lists, as peers cache it."""
    document: dict[str, Any] = msgspec.to_builtins(roster(title))
    return document


def title(document: Any) -> str:
    """Which document it is: plain, a Roster, or a reading of one."""
    if isinstance(document, dict):
        return str(document["title"])
    return str(getattr(document, "value", document).title)
