"""What an import would write, and what it says about it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from fleetcache.changes.form import checked
from fleetcache.changes.imports.columns import Column, Given
from fleetcache.changes.imports.files import plain
from fleetcache.errors import Invalid

Row = dict[str, Any]
Progress = Callable[[int, int], None]
"""Told how many rows are done, of how many."""
BATCH = 500
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Bad:
    """One fault: the line of the file, the column where it belongs to one, and the reason."""

    line: int
    column: str
    reason: str


@dataclass
class Plan:
    """What the good rows of a file come to: those to add, those to change, and how many are on file as they
    are. ``seen`` is what the import must still find as it was, ``notes`` what else is to be known,
    ``objections`` the rules that stand against it, ``detail`` what the audit says of it, ``links`` whatever
    else of a kind's own the writing needs."""

    new: list[Row] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)
    unchanged: int = 0
    bad: list[Bad] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    links: list[Row] = field(default_factory=list)
    objections: list[str] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)

    def refuse(self, line: int, faults: Mapping[str, str]) -> None:
        """A row is bad."""
        self.bad.extend(Bad(line, column, reason) for column, reason in faults.items())


@dataclass(frozen=True)
class Kind:
    """One kind of import. ``judge`` makes a plan of rows, given the versions that a preview has seen;
    ``write`` carries it out for an actor, ``hold`` keeps others from deciding meanwhile. ``codes`` are those
    that do not come from the database: column -> code -> name."""

    name: str
    columns: tuple[Column, ...]
    judge: Callable[[Any, Sequence[Given], Mapping[str, str] | None], Plan]
    write: Callable[[Any, Plan, str, Progress], None]
    codes: Mapping[str, Mapping[str, str]]
    hold: Callable[[Any, Sequence[Given]], None] = lambda _connection, _given: None


class Lookup:
    """Codes by their code or their name, without regard to letter case, spaces and signs."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._codes = {plain(name): code for code, name in names.items()} | {plain(code): code for code in names}

    def code(self, written: object) -> object:
        """The code that is meant; what is none stays as it was written."""
        return self._codes.get(plain(written), written) if isinstance(written, str) else written


@dataclass(frozen=True)
class Good(Generic[M]):
    """A row that is good by itself: its line, by which ``key`` it is known, and what it says."""

    line: int
    key: Hashable
    form: M
    case: Any = None


def once(plan: Plan, column: str, rows: Sequence[Good[M]]) -> list[Good[M]]:
    """Each row once: one that says the same as an earlier one is bad, and where rows of one key differ nobody
    can say which of them is right, so all of them are."""
    first: dict[Hashable, Good[M]] = {}
    others: dict[Hashable, Good[M]] = {}
    for row in rows:
        if first.setdefault(row.key, row).form != row.form:
            others.setdefault(row.key, row)
    kept = []
    for row in rows:
        one, other = first[row.key], others.get(row.key)
        if other is not None:
            other = other if row.form == one.form else one
            plan.refuse(row.line, {column: f"line {other.line} says otherwise of the same: leave one of them out"})
        elif row is one:
            kept.append(row)
        else:
            plan.refuse(row.line, {column: f"the same as line {one.line}"})
    return kept


def judged(form: type[M], values: Mapping[str, object], row: Given, *, context: Any = None) -> tuple[M | None, dict[str, str]]:
    """A row as a form, None where it is bad, with every fault: those of its cells, and those of the form."""
    try:
        made, faults = checked(form, values, context=context), dict(row.faults)
    except Invalid as error:
        made, faults = None, {**error.faults, **row.faults}
    return (None if faults else made), faults


def batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Rows in portions that one statement takes."""
    for begin in range(0, len(rows), BATCH):
        yield rows[begin : begin + BATCH]
