"""Who did what: one row for every action, also for those that failed or were refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, text

from fleetcache.errors import FleetcacheError
from fleetcache.source.database import Database

log = logging.getLogger(__name__)

_INSERT = text("""
    INSERT INTO audit_log (actor, action, subject, affected, instance, outcome, detail)
    VALUES (:actor, :action, :subject, :affected, :instance, :outcome, CAST(:detail AS jsonb))
""")
_RECENT = text("""
    SELECT at, actor, action, subject, affected, instance, outcome, detail->>'error' AS error
    FROM audit_log ORDER BY at DESC, id DESC LIMIT :most
""")


class Action(msgspec.Struct, frozen=True):
    """One row of the audit log; ``error`` says why it failed or was refused."""

    at: datetime
    actor: str
    action: str
    subject: str
    affected: int | None
    instance: str
    outcome: str
    error: str | None


@dataclass
class Deed:
    """What is being done; ``affected`` is filled in by who does it."""

    affected: int | None = None


@contextmanager
def audited(
    database: Database, *, actor: str, action: str, subject: str, instance: str
) -> Iterator[Deed]:
    """Do something that leaves a row: done, or refused or failed with the reason.

    The row is first written on trial, so that what cannot be audited is not done: raises
    SourceDown or NotMigrated before it. A FleetcacheError of the deed itself goes on to the caller.
    """
    row = {"actor": actor, "action": action, "subject": subject, "instance": instance}
    deed = Deed()
    try:
        with database.change() as connection:
            with connection.begin_nested() as trial:
                _record(connection, row, "done", None)
                trial.rollback()
            yield deed
            _record(connection, row, "done", deed.affected)
    except FleetcacheError as error:
        outcome = "refused" if error.status < 500 else "failed"
        try:
            with database.change() as connection:
                _record(connection, row, outcome, None, error=error.technical)
        except FleetcacheError as unwritten:
            log.error("%s of %s: %s, and that could not be audited: %s", action, subject, error, unwritten)
        raise


def _record(
    connection: Connection,
    row: dict[str, str],
    outcome: str,
    affected: int | None,
    *,
    error: str | None = None,
) -> None:
    detail = msgspec.json.encode({"error": error} if error else {}).decode()
    connection.execute(_INSERT, {**row, "outcome": outcome, "affected": affected, "detail": detail})


def recent(database: Database, *, most: int = 50) -> list[Action]:
    """The last actions, newest first. Raises SourceDown or NotMigrated."""
    with database.statement() as connection:
        return [Action(**row) for row in connection.execute(_RECENT, {"most": most}).mappings()]
