"""The last layer: figures counted from the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import msgspec
from sqlalchemy import Connection

from fleetcache.catalogue import CATALOGUE, TABLES, Entry
from fleetcache.decoding import decode
from fleetcache.errors import FleetcacheError
from fleetcache.source import labels, statements
from fleetcache.source.database import Database
from fleetcache.source.labels import LABEL
from fleetcache.source.loaded import Loaded, parse

_MOMENT = f"SELECT extract(epoch FROM now())::float8 AS at, {LABEL} FROM rules r"


def load(database: Database, names: Sequence[str]) -> dict[str, Loaded | FleetcacheError]:
    """Count keys from the tables, each in a snapshot of its own: for each its value, or why not."""
    found: dict[str, Loaded | FleetcacheError] = {}
    for name in names:
        if name not in found:
            try:
                found.update(count(database, CATALOGUE[name]))
            except FleetcacheError as error:
                found[name] = error
    return found


def count(database: Database, entry: Entry, *, today: date | None = None) -> dict[str, Loaded]:
    """Count one key from the tables; a family that is counted together comes whole.

    The dashboard's nine queries run in one read-only snapshot with one ``today``. Raises
    SourceDown, NotMigrated or BadPayload.
    """
    with database.snapshot(today=today) as connection:
        hold(connection, [entry])
        return counted(connection, entry)


def hold(connection: Connection, entries: Iterable[Entry]) -> None:
    """Let nobody empty a table that these keys are counted from: that would show in snapshots of before as
    well. To be called before the first query of a snapshot."""
    topics = frozenset[str]().union(*(entry.topics for entry in entries))
    tables = ", ".join(table for table, topic in TABLES.items() if topic in topics)
    connection.exec_driver_sql(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")


def counted(connection: Connection, entry: Entry) -> dict[str, Loaded]:
    """The same, in a snapshot that is open already."""
    at, *label = connection.exec_driver_sql(_MOMENT).one()
    if statements.is_folder(entry.query):
        fields = {
            field: msgspec.Raw(_text(connection, sql).encode())
            for field, sql in statements.parts(entry.query).items()
        }
        payloads = {entry.name: msgspec.json.encode(fields)}
    elif entry.together:
        family = decode(_text(connection, statements.query(entry.query)), dict[str, msgspec.Raw])
        payloads = {name: bytes(payload) for name, payload in family.items()}
    else:
        payloads = {entry.name: _text(connection, statements.query(entry.query)).encode()}
    current = labels.parse(*label)
    return {
        name: Loaded(
            value=parse(CATALOGUE[name].shape, payload, key=name, where="the raw queries"),
            computed_at=at,
            label=current.only(CATALOGUE[name].topics),
            current=current,
        )
        for name, payload in payloads.items()
    }


def _text(connection: Connection, sql: str) -> str:
    return str(connection.exec_driver_sql(f"SELECT ({sql})::text").scalar_one())
