"""One read of everything a page needs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.reading import LAYERS, Reading
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import Unavailable
from fleetcache.figures.shape import Shape
from fleetcache.label import Label

T = TypeVar("T", bound=Shape)


@dataclass(frozen=True)
class Panel:
    """The answers for a page's keys, at what moment (seconds since the epoch) and in how many
    seconds they were read."""

    answers: dict[str, Reading | Unavailable]
    at: float
    took: float

    def value(self, key: str, shape: type[T]) -> T | None:
        """The figure of a key, or None when it is unavailable."""
        answer = self.answers[key]
        if isinstance(answer, Unavailable):
            return None
        assert isinstance(answer.value, shape)
        return answer.value

    @property
    def readings(self) -> list[Reading]:
        """What could be read."""
        return [answer for answer in self.answers.values() if isinstance(answer, Reading)]

    @property
    def failures(self) -> list[Unavailable]:
        """What could not, each with the reason."""
        return [answer for answer in self.answers.values() if isinstance(answer, Unavailable)]

    @property
    def as_of(self) -> date | None:
        """The oldest day any of the figures speaks of."""
        return min((reading.day for reading in self.readings), default=None)

    @property
    def age(self) -> float | None:
        """Seconds since the oldest figure was counted."""
        return max((reading.age(self.at) for reading in self.readings), default=None)

    @property
    def layer(self) -> str | None:
        """The lowest layer that had to be asked."""
        return max((reading.layer for reading in self.readings), key=LAYERS.index, default=None)

    @property
    def stale(self) -> bool:
        """Whether any figure is one that could not be proven current."""
        return any(reading.stale for reading in self.readings)


def read(
    cache: LayeredCache, keys: Iterable[str], *, counted: bool = True, after: Label | None = None
) -> Panel:
    """Read the keys of a page together. A key that no layer can give is an Unavailable in the
    answers, never a missing entry. ``after`` is the label of the reader's own last change, which is in
    what is read."""
    began = time.perf_counter()
    names = list(keys)
    assert all(name in CATALOGUE for name in names)
    answers = cache.read_many(names, counted=counted, after=after)
    return Panel(answers, cache.now(), time.perf_counter() - began)
