"""Bringing a database to the shape this program needs, and recreating what was dropped from it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import psycopg
from psycopg import sql

from fleetcache.errors import ForeignDatabase, InTheWay, NotMigrated
from fleetcache.source import statements, triggers
from fleetcache.source.database import plain_url
from fleetcache.source.faults import readable

_LOCK = 0x666C6565  # "flee", one migration at a time over all instances

_OURS = "made by fleetcache"
_DERIVED = f"""
    SELECT CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind, c.oid::regclass::text AS name
    FROM pg_class c WHERE c.relnamespace = 'fleetcache'::regnamespace AND c.relkind IN ('v', 'm')
      AND obj_description(c.oid, 'pg_class') = '{_OURS}'
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text
    FROM pg_proc p WHERE p.pronamespace = 'fleetcache'::regnamespace
      AND obj_description(p.oid, 'pg_proc') = '{_OURS}'
"""
_NEW = """
    SELECT CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, c.oid::regclass::text
    FROM pg_class c WHERE c.relnamespace = 'fleetcache'::regnamespace AND c.relkind IN ('v', 'm') AND c.relname = ANY(%(names)s)
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text
    FROM pg_proc p WHERE p.pronamespace = 'fleetcache'::regnamespace AND p.prokind = 'f' AND p.proname = ANY(%(names)s)
"""
_FOREIGN = """
    SELECT count(*) FROM (
        SELECT oid, relnamespace AS home, 'pg_class'::regclass AS kind FROM pg_class
        UNION ALL SELECT oid, pronamespace, 'pg_proc'::regclass FROM pg_proc
        UNION ALL SELECT oid, typnamespace, 'pg_type'::regclass FROM pg_type) AS object
    JOIN pg_namespace n ON n.oid = object.home
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.objid = object.oid AND d.classid = object.kind AND d.deptype = 'e')
"""
_APPS = """
    SELECT r.rolname FROM pg_class c CROSS JOIN aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
    WHERE c.oid = 'fleetcache.settings'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
"""
_FINGERPRINT = f"""
    SELECT md5(coalesce(string_agg(name, ',' ORDER BY name), '')) FROM (
        {_DERIVED}
        UNION ALL
        SELECT 'INDEX', indexrelid::regclass::text FROM pg_index
        WHERE indrelid = to_regclass('fleetcache.figures')) AS derived(kind, name)
"""


def _quiet(step: str) -> None:
    """Progress nobody asked for."""


def migrate(
    url: str, *, app_role: str | None = None, progress: Callable[[str], None] = _quiet
) -> list[str]:
    """Apply what is missing to the database at ``url`` (connected as the owner).

    Numbered migrations run once each. The facts and the materialized view are made again when
    their definition changed or any of them is missing; objects of yours beside them are left
    alone; grants are made every time. Instances that
    start together wait for one another. Returns what was done, in words; empty when nothing was.

    Raises ForeignDatabase for a database with tables of somebody else and none of ours (it is
    left as it was), NotMigrated when something is missing and the role at ``url`` is not the owner,
    InTheWay
    when something of yours depends on what has to be made again, SourceDown when the database cannot
    be reached.
    """
    done: list[str] = []

    def say(step: str) -> None:
        done.append(step)
        progress(step)

    try:
        with psycopg.connect(plain_url(url), connect_timeout=5) as connection:
            connection.execute("SET lock_timeout = '30s'")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            _own(connection)
            connection.execute("SET LOCAL search_path = fleetcache, pg_temp")
            if not _may_change(connection):
                _check(connection)
                return done
            _numbered(connection, say)
            _counting(connection, say)
            _derived(connection, say)
            _grant(connection, app_role)
    except psycopg.Error as error:
        raise readable(error) from error
    return done


def _own(connection: psycopg.Connection) -> None:
    """Make our schema, unless the database belongs to somebody else."""
    if connection.execute("SELECT to_regnamespace('fleetcache') IS NOT NULL").fetchone() == (True,):
        return
    foreign = connection.execute(_FOREIGN).fetchone()
    if foreign != (0,):
        raise ForeignDatabase()
    connection.execute("CREATE SCHEMA fleetcache")


def _may_change(connection: psycopg.Connection) -> bool:
    """Whether the role that is connected owns our schema."""
    owner = "SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'fleetcache'"
    return connection.execute(owner.encode()).fetchone() == (True,)


def _check(connection: psycopg.Connection) -> None:
    """For a role that may not mend anything: is there anything to mend?"""
    applied = {row[0] for row in connection.execute("SELECT number FROM migrations")}
    here = connection.execute("SELECT obj_description('fleetcache'::regnamespace, 'pg_namespace')")
    if {number for number, _, _ in statements.migrations()} - applied or here.fetchone() != (
        _label(connection),
    ):
        raise NotMigrated(
            hint="Run `python -m fleetcache migrate` with the owner's role in DATABASE_URL."
        )


def _numbered(connection: psycopg.Connection, say: Callable[[str], None]) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations ("
        "number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    applied = {row[0] for row in connection.execute("SELECT number FROM migrations")}
    for number, name, script in statements.migrations():
        if number not in applied:
            connection.execute(script.encode())
            connection.execute("INSERT INTO migrations (number, name) VALUES (%s, %s)", [number, name])
            say(f"applied {name}")


def _counting(connection: psycopg.Connection, say: Callable[[str], None]) -> None:
    """Have every change counted."""
    connection.execute(statements.versions().encode())
    if tables := triggers.make(connection):
        say(f"made the triggers that count changes of {', '.join(tables)}")


def _derived(connection: psycopg.Connection, say: Callable[[str], None]) -> None:
    """Make the functions, facts and view again unless all of them are there as this program has them."""
    known = connection.execute(
        "SELECT obj_description('fleetcache'::regnamespace, 'pg_namespace')"
    ).fetchone()
    if known == (_label(connection),):
        return
    _drop_ours(connection)
    connection.execute(statements.facts().encode())
    connection.execute(statements.view().encode())
    for kind, name in connection.execute(_NEW, {"names": statements.derived()}).fetchall():
        connection.execute(f"COMMENT ON {kind} {name} IS '{_OURS}'".encode())
    connection.execute(sql.SQL("COMMENT ON SCHEMA fleetcache IS {}").format(_label(connection)))
    say("made the facts and the materialized view")


def _drop_ours(connection: psycopg.Connection) -> None:
    """Drop what an earlier migrate made, and nothing that hangs on it: round by round, for the
    objects lean on one another."""
    left = connection.execute(_DERIVED).fetchall()
    while left:
        kept, fault = [], None
        for kind, name in left:
            try:
                with connection.transaction():
                    connection.execute(f"DROP {kind} IF EXISTS {name}".encode())
            except psycopg.errors.DependentObjectsStillExist as error:
                kept.append((kind, name))
                fault = error
        if len(kept) == len(left):
            detail = fault.diag.message_detail if fault is not None else None
            raise InTheWay(detail=detail) from fault
        left = kept


def _label(connection: psycopg.Connection) -> str:
    """The scripts of this program and the names of what is there now."""
    row = connection.execute(_FINGERPRINT).fetchone()
    assert row is not None
    scripts = hashlib.sha256((statements.facts() + statements.view()).encode()).hexdigest()
    return f"{scripts[:16]} {row[0]}"


def _grant(connection: psycopg.Connection, app_role: str | None) -> None:
    """Let the app's role in, and let plain psql find the tables without a prefix."""
    row = connection.execute("SELECT current_user, current_database()").fetchone()
    assert row is not None
    owner, database = row
    # Views that were made again have lost what they granted: also to an app's role that is not this one.
    roles = {row[0] for row in connection.execute(_APPS)} | ({app_role} if app_role else set())
    for role in sorted(roles - {owner}):
        connection.execute(sql.SQL(statements.grants()).format(app=sql.Identifier(role)))
    connection.execute(
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = fleetcache, public").format(
            sql.Identifier(owner), sql.Identifier(database)
        )
    )
