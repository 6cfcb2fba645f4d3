"""Who did what: one row for every action, also for those that failed or were refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from fleetcache.source.database import Database

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


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    affected: int | None,
    instance: str,
    outcome: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one row in the transaction of ``connection``; ``outcome`` is done, failed or refused."""
    connection.execute(
        _INSERT,
        {
            "actor": actor,
            "action": action,
            "subject": subject,
            "affected": affected,
            "instance": instance,
            "outcome": outcome,
            "detail": msgspec.json.encode(detail or {}).decode(),
        },
    )


def recent(database: Database, *, most: int = 50) -> list[Action]:
    """The last actions, newest first. Raises SourceDown or NotMigrated."""
    with database.statement() as connection:
        return [Action(**row) for row in connection.execute(_RECENT, {"most": most}).mappings()]
