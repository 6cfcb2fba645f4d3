"""The certifications of one check of one pilot: a chain, each row superseded by the one completed next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, column, literal_column, select, table, text

from fleetcache.figures.reference import CheckType
from fleetcache.source import rows, statements
from fleetcache.source.rows import Row

_NEXT = "SELECT nextval(pg_get_serial_sequence('fleetcache.certifications', 'id'))"


def check_types(connection: Connection) -> dict[str, CheckType]:
    """The kinds of checks by their code."""
    kinds = table("check_types", *(column(name) for name in CheckType.__struct_fields__))
    found = connection.execute(select(kinds)).mappings()
    return {row["code"]: CheckType(**row) for row in found}


def certification(connection: Connection, number: int) -> Row | None:
    """One row with its ``version``, or None. It is not held: the pilot is held first, then the chain."""
    shown: Any = literal_column("xmin::text AS version, *")
    found = connection.execute(
        select(shown).select_from(table("certifications")).where(column("id") == number)
    )
    row = found.mappings().first()
    return dict(row) if row is not None else None


def chain(connection: Connection, pilot: int, check: str) -> list[Row]:
    """The rows of a check that were not taken back, the oldest first, held until the end of the transaction."""
    found = connection.execute(text(statements.query("changes/certification_chain")), {"pilot": pilot, "check": check})
    return [dict(row) for row in found.mappings()]


def between(rows_held: Sequence[Row], completed_on: date) -> tuple[Row | None, Row | None]:
    """The rows of a chain between which one completed then belongs."""
    before = [row for row in rows_held if row["completed_on"] <= completed_on]
    after = rows_held[len(before) :]
    return (before[-1] if before else None), (after[0] if after else None)


def put(connection: Connection, values: Row, *, before: Row | None, after: Row | None) -> int:
    """Add a row between two of its chain; its number. Without one ``after`` it is the current one."""
    # One row at a time is current, and supersedes no more than one: the older gives way first.
    number = int(connection.exec_driver_sql(_NEXT).scalar_one())
    _supersede(connection, before, number)
    rows.insert(
        connection, "certifications", {"id": number, **values, "superseded_by": after["id"] if after else None}
    )
    return number


def put_back(connection: Connection, number: int, *, before: Row | None, after: Row | None) -> None:
    """Have a row that was taken out count again, between two of its chain."""
    _supersede(connection, before, number)
    values = {"superseded_by": after["id"] if after else None, "voided_at": None, "void_reason": None}
    rows.update(connection, "certifications", values, key="id", value=number)


def take_out(connection: Connection, number: int, reason: str, *, before: Row | None, after: Row | None) -> None:
    """Void a row, and close its chain behind it: without one ``after``, the one before is current again."""
    values = {"voided_at": rows.now(connection), "void_reason": reason, "superseded_by": None}
    rows.update(connection, "certifications", values, key="id", value=number)
    _supersede(connection, before, after["id"] if after else None)


def _supersede(connection: Connection, row: Row | None, number: int | None) -> None:
    if row is not None:
        rows.update(connection, "certifications", {"superseded_by": number}, key="id", value=row["id"])
