"""The last layer: figures counted from the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy import Connection

from fleetcache.catalogue import CATALOGUE, Entry
from fleetcache.errors import FleetcacheError
from fleetcache.source import statements
from fleetcache.source.database import Database
from fleetcache.source.loaded import Loaded, parse

EPOCH = """
    (SELECT system_identifier::text FROM pg_control_system())
    || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
    || '.' || (SELECT oid FROM pg_database WHERE datname = current_database())
    || '.' || to_regclass('fleetcache.certifications')::oid
"""
"""Which database, and which life of it: equal only while versions may be compared."""

MOMENT = f"""
    SELECT extract(epoch FROM now())::float8, today, extract(epoch FROM day_ends_at)::float8, {EPOCH}
    FROM rules
"""


@dataclass(frozen=True)
class Moment:
    """When and of what a snapshot speaks."""

    at: float
    day: date
    day_ends_at: float
    epoch: str


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
    with _moment(database, today) as (connection, moment):
        if statements.is_folder(entry.query):
            fields = {
                field: msgspec.Raw(_text(connection, sql).encode())
                for field, sql in statements.parts(entry.query).items()
            }
            payloads = {entry.name: msgspec.json.encode(fields)}
        elif entry.together:
            family = msgspec.json.decode(
                _text(connection, statements.query(entry.query)), type=dict[str, msgspec.Raw]
            )
            payloads = {name: bytes(payload) for name, payload in family.items()}
        else:
            payloads = {entry.name: _text(connection, statements.query(entry.query)).encode()}
    return {
        name: Loaded(
            value=parse(CATALOGUE[name].shape, payload, key=name, where="the raw queries"),
            computed_at=moment.at,
            day=moment.day,
            day_ends_at=moment.day_ends_at,
            epoch=moment.epoch,
        )
        for name, payload in payloads.items()
    }


def epoch(database: Database) -> str:
    """The epoch of the database that answers now."""
    with database.statement() as connection:
        return str(connection.exec_driver_sql(f"SELECT {EPOCH}").scalar_one())


@contextmanager
def _moment(database: Database, today: date | None) -> Iterator[tuple[Connection, Moment]]:
    with database.snapshot(today=today) as connection:
        yield connection, Moment(*connection.exec_driver_sql(MOMENT).one())


def _text(connection: Connection, sql: str) -> str:
    return str(connection.exec_driver_sql(f"SELECT ({sql})::text").scalar_one())
