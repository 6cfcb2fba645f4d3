"""Who did what: one row for every action, also for those that failed or were refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, text

from fleetcache.errors import FleetcacheError, Unrecorded
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
    done: bool = False


@contextmanager
def audited(
    database: Database, *, actor: str, action: str, subject: str, instance: str
) -> Iterator[Deed]:
    """Do something that leaves a row: done, or refused or failed with the reason, or interrupted.

    The row is first written on trial, so that what cannot be audited is not done: raises
    SourceDown or NotMigrated before it. What the deed itself raises goes on to the caller;
    Unrecorded when it was done and its row was lost after all.
    """
    row = {"actor": actor, "action": action, "subject": subject, "instance": instance}
    deed = Deed()
    try:
        with database.change() as connection:
            with connection.begin_nested() as trial:
                _record(connection, row, "done", None)
                trial.rollback()
            yield deed
            deed.done = True
            _record(connection, row, "done", deed.affected)
    except BaseException as error:
        _failed(database, row, deed, error)
        if deed.done and isinstance(error, FleetcacheError):
            raise Unrecorded(detail=error.technical) from error
        raise


def _failed(database: Database, row: dict[str, str], deed: Deed, error: BaseException) -> None:
    """Leave a row about what was not done, or was done and then could not be recorded."""
    known = error if isinstance(error, FleetcacheError) else None
    outcome = "refused" if known is not None and known.status < 500 else "failed"
    if deed.done:
        outcome = "done"
    reason = known.technical if known is not None else f"interrupted ({type(error).__name__})"
    try:
        with database.change() as connection:
            _record(connection, row, outcome, deed.affected, error=reason)
    except FleetcacheError as unwritten:
        log.error("%s of %s (%s) could not be audited: %s", row["action"], row["subject"], reason, unwritten)


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
