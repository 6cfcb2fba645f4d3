"""The triggers that count changes and note those from outside: what they have to be, and whether they are."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from fleetcache.catalogue import TABLES
from fleetcache.source.database import Database

# pg_trigger.tgtype of statement-level triggers: bits of BEFORE, INSERT, DELETE, UPDATE and TRUNCATE. The rows a
# statement touched have a name only in a trigger of one event.
_EVENTS = {
    "note_insert": (4, "AFTER INSERT ON {table} REFERENCING NEW TABLE AS touched"),
    "note_delete": (8, "AFTER DELETE ON {table} REFERENCING OLD TABLE AS touched"),
    "note_update": (16, "AFTER UPDATE ON {table} REFERENCING NEW TABLE AS touched"),
    "note_truncate": (2 + 32, "BEFORE TRUNCATE ON {table}"),
}
_ALWAYS = "A"
_AUDITED: dict[str, str | None] = {**TABLES, "api_tokens": None}
"""Of which topic a change of each table is; None: of none, it is only noted when it comes from outside."""
_FOUND = """
    SELECT c.relname, t.tgname, t.tgtype::integer, t.tgenabled::text, encode(t.tgargs, 'escape')
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgfoid = to_regprocedure('fleetcache.note_change()') AND c.relnamespace = 'fleetcache'::regnamespace
      AND t.tgqual IS NULL AND t.tgattr = '' AND t.tgparentid = 0
      AND (t.tgtype = 34 OR 'touched' IN (t.tgnewtable, t.tgoldtable))
"""
_COLUMNS = (
    "fleet, base, contract, rank, licence, date_of_birth, commenced_on, seniority, training_captain, examiner,"
    " expatriate, active, left_on"
)
_KEEPS = """
    SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'fleetcache.pilots'::regclass AND tgname = 'keep_pilot'
                   AND tgfoid = to_regprocedure('fleetcache.keep_pilot()') AND tgenabled = 'A')
"""
_KEEP = f"""
    CREATE OR REPLACE TRIGGER keep_pilot AFTER UPDATE ON fleetcache.pilots FOR EACH ROW
        WHEN (({", ".join(f"OLD.{name}" for name in _COLUMNS.split(", "))})
              IS DISTINCT FROM ({", ".join(f"NEW.{name}" for name in _COLUMNS.split(", "))}))
        EXECUTE FUNCTION fleetcache.keep_pilot();
    ALTER TABLE fleetcache.pilots ENABLE ALWAYS TRIGGER keep_pilot
"""

# What is written into a table that inherits from one of ours is read with it and counted by no trigger of ours.
_PARENTS = f"""
    SELECT DISTINCT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
    WHERE c.relnamespace = 'fleetcache'::regnamespace AND c.relname IN ({", ".join(f"'{table}'" for table in TABLES)})
"""


# What another version of the program, or somebody else, has made of the function: it counts twice, or fails.
_STRAYS = f"""
    SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgfoid = to_regprocedure('fleetcache.note_change()') AND NOT t.tgisinternal
      AND t.tgname NOT IN ({", ".join(f"'{name}'" for name in _EVENTS)})
"""


def faults(database: Database) -> list[str]:
    """The tables whose changes are not all counted, or not once, sorted. Raises SourceDown."""
    with database.statement() as connection:
        rows = {tuple(row) for row in connection.exec_driver_sql(_FOUND)}
        parents = {row[0] for row in connection.exec_driver_sql(_PARENTS)}
        strays = {row[0] for row in connection.exec_driver_sql(_STRAYS)}
    return sorted(({table for table, _ in _lacking(rows)} & set(TABLES)) | parents | strays)


def make(connection: psycopg.Connection[Any]) -> list[str]:
    """Make those that are not as they should be; on which tables. What changed while they were off was
    not counted, so versions of before are not compared with later ones."""
    strays = connection.execute(_STRAYS.encode()).fetchall()
    for table, name in strays:
        dropped = sql.SQL("DROP TRIGGER {} ON {}")
        connection.execute(dropped.format(sql.Identifier(name), sql.Identifier("fleetcache", table)))
    lacking = _lacking(set(connection.execute(_FOUND).fetchall()))
    for table, name in lacking:
        connection.execute(
            sql.SQL(
                "CREATE OR REPLACE TRIGGER {name} {event} FOR EACH STATEMENT EXECUTE"
                " FUNCTION fleetcache.note_change({topic});"
                " ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
            ).format(
                name=sql.Identifier(name),
                event=sql.SQL(_EVENTS[name][1]).format(table=sql.Identifier("fleetcache", table)),
                table=sql.Identifier("fleetcache", table),
                topic=sql.Literal(_AUDITED[table]) if _AUDITED[table] else sql.SQL(""),
            )
        )
    if lacking or strays:
        connection.execute("SELECT fleetcache.renew_epoch()")
    if connection.execute(_KEEPS).fetchone() != (True,):
        connection.execute(_KEEP.encode())
    return sorted({table for table, _ in (*lacking, *strays)})


def _lacking(found: set[Any]) -> list[tuple[str, str]]:
    return [
        (table, name)
        for table, topic in _AUDITED.items()
        for name, (kind, _) in _EVENTS.items()
        if (table, name, kind, _ALWAYS, f"{topic}\\000" if topic else "") not in found
    ]
