"""What writers, readers and faults leave behind for the judge: one line each, written at once, so that
whoever is killed has told everything up to then."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """The moment, in seconds that mean the same in every process of this machine."""
    return time.clock_gettime(_CLOCK)


class Read(msgspec.Struct, frozen=True, array_like=True):
    """One key as one reader got it. ``bound`` is what this kind of read promises (seconds), ``seen`` the
    counters in the value, ``due`` when it was to begin, ``why`` it is stale or no higher layer served it,
    ``error`` why there was no value."""

    instance: str
    kind: str
    key: str
    bound: float
    due: float
    begin: float
    end: float
    stale: bool = False
    layer: str = ""
    seen: tuple[tuple[str, int], ...] = ()
    why: str | None = None
    error: str | None = None


class Write(msgspec.Struct, frozen=True, array_like=True):
    """A counter is about to become ``n``, or (``acknowledged``) the commit of that has returned."""

    counter: str
    n: int
    at: float
    acknowledged: bool


class Fault(msgspec.Struct, frozen=True, array_like=True):
    """Something that was done to the system, from when to when."""

    kind: str
    at: float
    until: float
    detail: str = ""


class Log:
    """A file of records that any number of threads and processes append to."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def add(self, records: Iterable[msgspec.Struct]) -> None:
        """Write some records in one go."""
        os.write(self._file, b"".join(msgspec.json.encode(one) + b"\n" for one in records))


def load(path: Path, kind: type[T]) -> Iterator[T]:
    """All records of a file; what was cut off by a kill is left out."""
    if path.exists():
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield msgspec.json.decode(line, type=kind)
