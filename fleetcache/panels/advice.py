"""Something to act on, in a sentence with a number and a way to the rows behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Gravity = Literal["act", "plan", "know", "fine"]
_ORDER: tuple[Gravity, ...] = ("act", "plan", "know", "fine")


@dataclass(frozen=True)
class Advice:
    """``text`` in Markdown; ``page`` and ``query`` are where the rows stand, under ``link``."""

    gravity: Gravity
    text: str
    page: str
    link: str
    query: Mapping[str, str] | None = None


def gravest_first(advice: Iterable[Advice]) -> list[Advice]:
    """In the order in which a manager wants to read them."""
    return sorted(advice, key=lambda item: _ORDER.index(item.gravity))
