"""Which columns each kind of import has, and which columns of a file they are found in."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleetcache.changes.imports.cells import DayOrder, Sort, value
from fleetcache.changes.imports.files import Line, Sheet, plain
from fleetcache.errors import Invalid


@dataclass(frozen=True)
class Column:
    """One column of ours: what it holds, and two examples for the template."""

    name: str
    sort: Sort
    meaning: str
    examples: tuple[str, str]
    required: bool = False


@dataclass(frozen=True)
class Matched:
    """Where each of our columns is in a file, by its place there, the columns of the file that are ignored,
    and how many it has. ``days`` is how the file writes its days."""

    places: Mapping[str, int]
    ignored: tuple[str, ...]
    width: int
    days: DayOrder = "iso"


@dataclass(frozen=True)
class Given:
    """One row of a file in our columns; an empty cell is not there. ``faults`` are the cells that mean
    nothing, and why."""

    line: int
    values: Mapping[str, object]
    faults: Mapping[str, str]


def guessed(sheet: Sheet, columns: Sequence[Column]) -> dict[str, str]:
    """Which column of a file each of ours is by its name, without regard to letter case, spaces and
    underscores: ours -> theirs."""
    there = {plain(name): name for name in sheet.header if name}
    return {column.name: there[plain(column.name)] for column in columns if plain(column.name) in there}


def match(
    sheet: Sheet, columns: Sequence[Column], *, chosen: Mapping[str, str] | None = None, days: DayOrder = "iso"
) -> Matched:
    """Where our columns are in a file: as guessed, unless ``chosen`` says otherwise (ours -> theirs, an empty
    text for none).

    Raises Invalid when one that is needed is not there, a chosen one does not exist, or two are the same.
    """
    wanted = chosen or {}
    there = {plain(name): place for place, name in enumerate(sheet.header) if name}
    if strangers := wanted.keys() - {column.name for column in columns}:
        names = ", ".join(column.name for column in columns)
        raise Invalid(f"There is no column “{min(strangers)}” to import; there are {names}.")
    if absent := [theirs for theirs in wanted.values() if theirs and plain(theirs) not in there]:
        raise Invalid(f"{sheet.name} has no column “{absent[0]}”; it has {', '.join(filter(None, sheet.header))}.")
    places = {ours: there[plain(theirs)] for ours, theirs in wanted.items() if theirs}
    for place in places.values():
        if len(same := [ours for ours, other in places.items() if other == place]) > 1:
            raise Invalid(f"The column “{sheet.header[place]}” is taken as {' and as '.join(same)}: choose one.")
    for ours, theirs in guessed(sheet, columns).items():
        if ours not in wanted and there[plain(theirs)] not in places.values():
            places[ours] = there[plain(theirs)]
    if missing := [column.name for column in columns if column.required and column.name not in places]:
        raise Invalid(
            f"{sheet.name} has no column {', '.join(f'“{name}”' for name in missing)}.",
            hint="Name it so in the first row, or say which column of the file it is.",
        )
    ignored = tuple(name for place, name in enumerate(sheet.header) if name and place not in places.values())
    return Matched(places, ignored, len(sheet.header), days)


def given(line: Line, columns: Sequence[Column], matched: Matched) -> Given:
    """One row of a file in our columns."""
    values: dict[str, object] = {}
    faults: dict[str, str] = {}
    for column in columns:
        place = matched.places.get(column.name)
        if place is None or place >= len(line.cells):
            continue
        try:
            found = value(line.cells[place], column.sort, matched.days)
        except ValueError as error:
            faults[column.name] = str(error)
        else:
            if found is not None:
                values[column.name] = found
    if any(cell != "" for cell in line.cells[matched.width :]):
        faults[""] = "has more cells than there are columns: put a text that holds a separator between quotation marks"
    return Given(line.number, values, faults)


def template(columns: Sequence[Column]) -> str:
    """A CSV file to fill in: the header, and two rows as examples."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow([column.name for column in columns])
    for example in (0, 1):
        rows.writerow([column.examples[example] for column in columns])
    return written.getvalue()

