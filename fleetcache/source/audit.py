"""Who did what: one row for every action and change, also for those that failed or were refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from fleetcache.errors import FleetcacheError, Invalid, Unrecorded, Unsure
from fleetcache.source.database import Database

log = logging.getLogger(__name__)

MOST = 2000
LONGEST = 500
"""Characters of a subject."""
_INSERT = text("""
    INSERT INTO audit_log (actor, origin, action, subject, affected, instance, outcome, detail)
    VALUES (:actor, :origin, :action, :subject, :affected, :instance, :outcome, CAST(:detail AS jsonb))
    RETURNING pg_current_xact_id()::text
""")
_OUTCOME = text("SELECT pg_xact_status(CAST(:transaction AS xid8))")
_FOUND = text("""
    SELECT at, actor, origin, action, subject, affected, instance, outcome, detail->>'error' AS error,
           nullif(detail - 'error', '{}')::text AS detail
    FROM audit_log
    WHERE (CAST(:actor AS text) IS NULL OR actor = :actor)
      AND (CAST(:action AS text) IS NULL OR action = :action)
      AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome)
      AND (CAST(:since AS date) IS NULL OR at >= CAST(:since AS date)::timestamp AT TIME ZONE zone)
      AND (CAST(:until AS date) IS NULL OR at < (CAST(:until AS date) + 1)::timestamp AT TIME ZONE zone)
      AND (CAST(:search AS text) IS NULL
           OR strpos(lower(concat_ws(' ', actor, action, subject, origin, detail)), lower(:search)) > 0)
    ORDER BY id DESC LIMIT :most
""".replace("zone", "(SELECT time_zone FROM rules)"))
_NAMES = text("""
    WITH last AS MATERIALIZED (SELECT actor, action FROM audit_log ORDER BY id DESC LIMIT 20000)
    SELECT (SELECT array_agg(DISTINCT actor) FROM last) AS actors, (SELECT array_agg(DISTINCT action) FROM last) AS actions
""")


class Action(msgspec.Struct, frozen=True):
    """One row of the audit log; ``error`` says why it failed or was refused, ``detail`` (JSON) what else
    was noted."""

    at: datetime
    actor: str
    origin: str
    action: str
    subject: str
    affected: int | None
    instance: str
    outcome: str
    error: str | None
    detail: str | None


@dataclass(frozen=True)
class By:
    """Who acts, with which role, from where, and which instance does it for them."""

    actor: str
    role: str
    origin: str
    instance: str


@dataclass
class Deed:
    """What is being done, on ``connection``; the rest is filled in by who does it. ``detail`` must hold no
    personal data: people are named by the number of their row."""

    connection: Connection
    subject: str
    affected: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    done: bool = False
    transaction: str = ""


@contextmanager
def audited(database: Database, by: By, *, action: str, subject: str) -> Iterator[Deed]:
    """Do something outside the database that leaves a row: done, or refused or failed with the reason,
    or interrupted.

    The row is first written on trial, so that what cannot be audited is not done: raises
    SourceDown or NotMigrated before it. What the deed itself raises goes on to the caller;
    Unrecorded when it was done and its row was lost after all.
    """
    deed = None
    try:
        with database.change() as connection:
            deed = Deed(connection, subject)
            with connection.begin_nested() as trial:
                _record(connection, by, action, deed, "done")
                trial.rollback()
            yield deed
            deed.done = True
            _record(connection, by, action, deed, "done")
    except BaseException as error:
        outside = deed is not None and deed.done
        _failed(database, by, action, deed, subject, error, done=outside)
        if outside and isinstance(error, FleetcacheError):
            raise Unrecorded(detail=error.technical) from error
        raise


@contextmanager
def recorded(database: Database, by: By, *, action: str, subject: str) -> Iterator[Deed]:
    """Change rows in one transaction with the row that says so: both are there, or neither. What was
    refused or failed leaves a row of its own.

    Raises SourceDown, NotMigrated, Busy or Invalid, and what the deed itself raises; Unsure when the
    connection was lost at the end and nobody can say whether it was done.
    """
    deed = None
    try:
        with database.change(actor=by.actor, role=by.role) as connection:
            deed = Deed(connection, subject)
            yield deed
            # What is only checked at the end is checked before anybody is told that it is done.
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            deed.transaction = _record(connection, by, action, deed, "done")
    except BaseException as error:
        if deed is not None and deed.transaction and isinstance(error, FleetcacheError) and _came_through(database, deed):
            return
        _failed(database, by, action, deed, subject, error, done=False)
        raise


def _came_through(database: Database, deed: Deed) -> bool:
    """Whether a transaction of which only the end was not heard was carried out. Raises Unsure."""
    try:
        with database.statement() as connection:
            status = connection.execute(_OUTCOME, {"transaction": deed.transaction}).scalar()
    except FleetcacheError as error:
        raise Unsure(detail=error.technical) from error
    if status == "in progress":
        raise Unsure()
    return bool(status == "committed")


def _failed(
    database: Database, by: By, action: str, deed: Deed | None, subject: str, error: BaseException, *, done: bool
) -> None:
    """Leave a row about what was not done, or was done and then could not be recorded."""
    known = error if isinstance(error, FleetcacheError) else None
    outcome = "refused" if known is not None and known.status < 500 else "failed"
    reason = f"interrupted ({type(error).__name__})"
    if known is not None:  # what a server says of a refusal may hold what was sent
        reason = str(known) if outcome == "refused" else known.technical
    detail = deed.detail if deed is not None else {}
    for noted in (detail, {}):  # what was noted may itself be what cannot be written
        try:
            with database.change() as connection:
                row = Deed(connection, deed.subject if deed else subject, detail=noted)
                row.affected = deed.affected if deed is not None and done else None
                _record(connection, by, action, row, "done" if done else outcome, error=written(reason, most=None))
            return
        except Invalid:
            continue
        except FleetcacheError as unwritten:
            log.error("%s of %s could not be audited: %s", action, subject, unwritten)
            return
    log.error("%s of %s could not be audited", action, subject)


def refused(database: Database, by: By, *, action: str, subject: str, error: FleetcacheError) -> None:
    """Leave a row about something that was refused before it began."""
    _failed(database, by, action, None, subject, error, done=False)


def _record(
    connection: Connection, by: By, action: str, deed: Deed, outcome: str, *, error: str | None = None
) -> str:
    """Write the row; the transaction it is in. Raises Invalid for what is no text."""
    detail = {**deed.detail, **({"error": error} if error else {})}
    try:
        noted = msgspec.json.encode(detail).decode()
    except UnicodeEncodeError as fault:
        raise Invalid("Some of the text cannot be written.") from fault
    row = {
        "actor": by.actor,
        "origin": by.origin,
        "instance": by.instance,
        "action": action,
        "subject": written(deed.subject),
        "affected": deed.affected,
        "outcome": outcome,
        "detail": noted,
    }
    return str(connection.execute(_INSERT, row).scalar_one())


def written(text: str, *, most: int | None = LONGEST) -> str:
    """Text as it goes into a row: what somebody sends may be long, and hold what no text may, or what moves
    the cursor of whoever reads it."""
    shown = "".join(letter if letter.isprintable() else " " if letter == "\n" else "�" for letter in text[:most])
    return shown + ("…" if most is not None and len(text) > most else "")


def found(
    database: Database,
    *,
    actor: str | None = None,
    action: str | None = None,
    outcome: str | None = None,
    since: date | None = None,
    until: date | None = None,
    search: str | None = None,
    most: int = MOST,
) -> list[Action]:
    """The actions that fit every filter, newest first; ``since`` and ``until`` are days of the fleet's
    calendar, both included. Raises SourceDown or NotMigrated."""
    wanted = {"actor": actor, "action": action, "outcome": outcome, "since": since, "until": until}
    with database.statement() as connection:
        rows = connection.execute(_FOUND, {**wanted, "search": search or None, "most": most})
        return [Action(**row) for row in rows.mappings()]


def names(database: Database) -> tuple[list[str], list[str]]:
    """Everybody who acted, and every kind of action, sorted. Raises SourceDown or NotMigrated."""
    with database.statement() as connection:
        row = connection.execute(_NAMES).one()
    return sorted(row.actors or []), sorted(row.actions or [])
