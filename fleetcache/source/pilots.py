"""One pilot as changed: the row that is counted and the one with the names, together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from fleetcache.source import rows, statements

Row = dict[str, Any]

IDENTITY = ("employee_number", "given_name", "family_name", "email", "phone")
"""The columns that stand apart, under row-level security."""


@dataclass(frozen=True)
class Known:
    """What a pilot's values are checked against: the day, what there is, and who has which seniority and
    which employee number. ``pilot`` is the one whose values they are, None for a new one."""

    today: date
    fleets: tuple[str, ...]
    bases: tuple[str, ...]
    contracts: tuple[str, ...]
    seniorities: dict[int, int] = field(repr=False)
    numbers: dict[str, int] = field(repr=False)
    pilot: int | None = None


def known(connection: Connection, pilot: int | None = None) -> Known:
    """What the values of ``pilot``, or of a new one, are checked against. Needs a signed-in role."""
    row = connection.execute(text(statements.query("changes/pilot_known"))).mappings().one()
    return Known(
        today=row["today"],
        fleets=tuple(row["fleets"]),
        bases=tuple(row["bases"]),
        contracts=tuple(row["contracts"]),
        seniorities={int(seniority): number for seniority, number in row["seniorities"].items()},
        numbers=dict(row["numbers"]),
        pilot=pilot,
    )


def pilot(connection: Connection, number: int) -> Row | None:
    """One pilot with names, contact data and ``version``, or None. Needs a signed-in role."""
    found = connection.execute(text(statements.query("changes/pilot")), {"pilot": number}).mappings().first()
    return dict(found) if found is not None else None


def held(connection: Connection, number: int) -> Row | None:
    """The same, with both rows held until the end of the transaction."""
    rows.locked(connection, "pilots", key="id", value=number)
    rows.locked(connection, "pilot_identity", key="pilot_id", value=number)
    return pilot(connection, number)


def add(connection: Connection, values: Row) -> int:
    """Add a pilot; the number of the row."""
    number = int(rows.insert(connection, "pilots", _counted(values)))
    rows.insert(connection, "pilot_identity", {"pilot_id": number, **_identity(values)}, key="pilot_id")
    return number


def change(connection: Connection, number: int, values: Row) -> None:
    """Change some columns of a pilot, whichever row they are in."""
    if counted := _counted(values):
        counted["updated_at"] = rows.now(connection)
        rows.update(connection, "pilots", counted, key="id", value=number)
    if (identity := _identity(values)) and not rows.update(
        connection, "pilot_identity", identity, key="pilot_id", value=number
    ):
        rows.insert(connection, "pilot_identity", {"pilot_id": number, **identity}, key="pilot_id")


def belongings(connection: Connection, number: int) -> dict[str, int]:
    """How many rows of which kind go with a pilot who is removed."""
    found = connection.execute(text(statements.query("changes/pilot_belongings")), {"pilot": number})
    return dict(found.mappings().one())


def _counted(values: Row) -> Row:
    return {name: value for name, value in values.items() if name not in IDENTITY}


def _identity(values: Row) -> Row:
    return {name: value for name, value in values.items() if name in IDENTITY}
