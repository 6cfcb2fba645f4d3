"""The triggers that count changes: what they have to be, and whether they are."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from fleetcache.catalogue import TABLES
from fleetcache.source.database import Database

# pg_trigger.tgtype: statement-level, after INSERT, DELETE or UPDATE; and before TRUNCATE.
_WRITE, _TRUNCATE = 4 + 8 + 16, 2 + 32
_EVENTS = {
    "note_change": (_WRITE, "AFTER INSERT OR UPDATE OR DELETE"),
    "note_truncate": (_TRUNCATE, "BEFORE TRUNCATE"),
}
_ALWAYS = "A"
_FOUND = """
    SELECT c.relname, t.tgname, t.tgtype::integer, t.tgenabled::text, encode(t.tgargs, 'escape')
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgfoid = to_regprocedure('fleetcache.note_change()') AND c.relnamespace = 'fleetcache'::regnamespace
      AND t.tgqual IS NULL AND t.tgattr = ''
"""

# What is written into a table that inherits from one of ours is read with it and counted by no trigger of ours.
_PARENTS = f"""
    SELECT DISTINCT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
    WHERE c.relnamespace = 'fleetcache'::regnamespace AND c.relname IN ({", ".join(f"'{table}'" for table in TABLES)})
"""


def faults(database: Database) -> list[str]:
    """The tables whose changes are not all counted, sorted. Raises SourceDown."""
    with database.statement() as connection:
        rows = {tuple(row) for row in connection.exec_driver_sql(_FOUND)}
        parents = {row[0] for row in connection.exec_driver_sql(_PARENTS)}
    return sorted({table for table, _ in _lacking(rows)} | parents)


def make(connection: psycopg.Connection[Any]) -> list[str]:
    """Make those that are not as they should be; on which tables. What changed while they were off was
    not counted, so versions of before are not compared with later ones."""
    lacking = _lacking(set(connection.execute(_FOUND).fetchall()))
    for table, name in lacking:
        connection.execute(
            sql.SQL(
                "CREATE OR REPLACE TRIGGER {name} {when} ON {table} FOR EACH STATEMENT"
                " EXECUTE FUNCTION fleetcache.note_change({topic});"
                " ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
            ).format(
                name=sql.Identifier(name),
                when=sql.SQL(_EVENTS[name][1]),
                table=sql.Identifier("fleetcache", table),
                topic=sql.Literal(TABLES[table]),
            )
        )
    if lacking:
        connection.execute("SELECT fleetcache.renew_epoch()")
    return sorted({table for table, _ in lacking})


def _lacking(found: set[Any]) -> list[tuple[str, str]]:
    return [
        (table, name)
        for table, topic in TABLES.items()
        for name, (kind, _) in _EVENTS.items()
        if (table, name, kind, _ALWAYS, f"{topic}\\000") not in found
    ]
