"""Rows as they are changed: one at a time, by their key, and only if they are still what was shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, column, literal_column, select, table
from sqlalchemy import delete as delete_from
from sqlalchemy import insert as insert_into
from sqlalchemy import update as update_of

Row = dict[str, Any]

VERSION = "version"


def locked(connection: Connection, name: str, *, key: str, value: Any) -> Row | None:
    """The row of table ``name`` whose ``key`` is ``value``, held until the end of the transaction, or None.

    Its ``version`` is the transaction that wrote it (``xmin``), which every writer moves, whichever way
    it came: a row of another version is not the one that was shown.
    """
    shown: Any = literal_column(f"xmin::text AS {VERSION}, *")
    wanted = select(shown).select_from(table(name)).where(column(key) == value)
    found = connection.execute(wanted.with_for_update()).mappings().first()
    return dict(found) if found is not None else None


def listed(connection: Connection, name: str, *, order: str) -> list[Row]:
    """All rows of a small table, in the order of one column."""
    every: Any = literal_column("*")
    wanted = select(every).select_from(table(name)).order_by(column(order))
    return [dict(row) for row in connection.execute(wanted).mappings()]


def insert(connection: Connection, name: str, values: Mapping[str, Any], *, key: str = "id") -> Any:
    """Add a row; its ``key``."""
    into = table(name, *map(column, values))
    return connection.execute(insert_into(into).values(dict(values)).returning(column(key))).scalar_one()


def update(connection: Connection, name: str, values: Mapping[str, Any], *, key: str, value: Any) -> int:
    """Change the row whose ``key`` is ``value``; how many there were."""
    of = table(name, *map(column, values))
    return connection.execute(update_of(of).values(dict(values)).where(column(key) == value)).rowcount


def delete(connection: Connection, name: str, *, key: str, value: Any) -> int:
    """Remove the row whose ``key`` is ``value``; how many there were."""
    return connection.execute(delete_from(table(name)).where(column(key) == value)).rowcount


def now(connection: Connection) -> datetime:
    """The moment at which the transaction began, by the clock of the database."""
    at: datetime = connection.exec_driver_sql("SELECT now()").scalar_one()
    return at


def json(value: Any) -> Jsonb:
    """A value for a column of JSON."""
    return Jsonb(value, dumps=lambda given: msgspec.json.encode(given).decode())
