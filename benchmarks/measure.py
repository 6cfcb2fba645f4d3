"""Medians, ratios, turns and tables: what every benchmark shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """One result: ``text`` says what was done and what the columns mean."""

    title: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table as Markdown, its numbers aligned right."""
        ruler = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [f"| {' | '.join(row)} |" for row in (self.columns, ruler, *self.rows)]
        return "\n".join([f"## {self.title}", "", self.text, "", *lines, ""])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return percentile(values, 0.5)


def turns(contestants: Sequence[T], rounds: int, what: str) -> Iterator[T]:
    """Every contestant once a round, each round beginning with another; progress on stderr."""
    told = -1
    for place in range(rounds):
        first = place % len(contestants)
        for turn, contestant in enumerate([*contestants[first:], *contestants[:first]]):
            tenths = 10 * (place * len(contestants) + turn) // (rounds * len(contestants))
            if tenths > told:
                told = tenths
                print(f"{what}: {10 * tenths} %", file=sys.stderr, flush=True)
            yield contestant


def soon(seconds: float = 0.1) -> int:
    """A moment, in nanoseconds, that processes can agree on: the clock is the machine's."""
    return time.monotonic_ns() + int(seconds * 1e9)


def wait_for(moment: int) -> None:
    """Sleep until the moment has come."""
    time.sleep(max(0.0, (moment - time.monotonic_ns()) / 1e9))


def us(nanoseconds: float) -> str:
    """Microseconds, with three digits that matter."""
    value = nanoseconds / 1e3
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def ms(seconds: float) -> str:
    """Milliseconds, with a decimal where it says something."""
    value = seconds * 1e3
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def times(ratio: float) -> str:
    """How many times the base."""
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"
