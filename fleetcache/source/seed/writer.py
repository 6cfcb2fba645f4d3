"""Writes the airline into PostgreSQL, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg

from .airline import airline
from .copying import copy_in
from .profiles import SEED
from .state import fingerprint

IDENTITY_COLUMNS = ("pilots", "check_requirements", "certifications", "leave_requests")


def seed(
    connection: psycopg.Connection[Any],
    *,
    profile: str,
    as_of: date,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Replace what an earlier seed wrote by the airline of ``profile`` as of a fleet day.

    All or nothing: readers see the old rows until the commit, other writers wait. Inside a
    transaction of the caller's it becomes part of that. ``settings`` are left alone.
    The connection is the owner's, with ``fleetcache`` first in its search path.
    ``progress(rows_done, rows_total)`` is called as rows are written.
    """
    made = airline(profile, as_of, seed)
    written = 0

    def wrote(rows: int) -> None:
        nonlocal written
        written += rows
        if progress is not None:
            progress(written, made.rows)

    wrote(0)
    names = list(made.tables)
    with connection.transaction(), connection.cursor() as cursor:
        # Other writers wait; an edit between clearing and the fingerprint would go unnoticed.
        cursor.execute(f"LOCK TABLE demo, {', '.join(names)} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(
            "SELECT set_config('fleetcache.role', 'admin', true), set_config('fleetcache.actor', 'fleetcache', true)"
        )
        # Not TRUNCATE: a snapshot taken before it would find the tables empty.
        for table in reversed(names):
            cursor.execute(f"DELETE FROM {table}")
        for table, rows in made.tables.items():
            if table != "pilot_identity":
                copy_in(cursor, table, rows, wrote)
                continue
            # COPY is refused under row-level security; INSERT is not.
            cursor.execute("CREATE TEMP TABLE seeded_identity (LIKE pilot_identity)")
            copy_in(cursor, "seeded_identity", rows, wrote)
            columns = ", ".join(rows)
            cursor.execute(
                f"INSERT INTO pilot_identity ({columns}) SELECT {columns} FROM seeded_identity"
            )
            cursor.execute("DROP TABLE seeded_identity")
        for table in IDENTITY_COLUMNS:
            # Never backwards: the sequence keeps its value even if this is rolled back.
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            cursor.execute(
                f"SELECT setval({sequence}, greatest(pg_sequence_last_value({sequence}::regclass),"
                f" (SELECT max(id) FROM {table})))"
            )
        cursor.execute(f"ANALYZE {', '.join(names)}")
        cursor.execute("DELETE FROM demo")
        cursor.execute(
            "INSERT INTO demo (profile, seed, as_of, fingerprint) VALUES (%s, %s, %s, %s)",
            [profile, seed, as_of, fingerprint(connection)],
        )
