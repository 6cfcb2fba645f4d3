"""Something to act on, in a sentence with a number and a way to the rows behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from fleetcache.panels.behind import Behind

Gravity = Literal["act", "plan", "know", "fine"]
_ORDER: tuple[Gravity, ...] = ("act", "plan", "know", "fine")


@dataclass(frozen=True)
class Advice:
    """``text`` in Markdown. Under ``link`` stands where to go: to the rows ``behind`` the number in the sentence, of
    which there are ``count``, or to a ``page`` with a ``query``."""

    gravity: Gravity
    text: str
    page: str
    link: str
    query: Mapping[str, str] | None = None
    behind: Behind | None = None
    count: int | None = None


def gravest_first(advice: Iterable[Advice]) -> list[Advice]:
    """In the order in which a manager wants to read them."""
    return sorted(advice, key=lambda item: _ORDER.index(item.gravity))
