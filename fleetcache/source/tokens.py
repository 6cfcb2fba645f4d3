"""Tokens of programs as they are kept: never the secret, only its digest."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection, text

from fleetcache.source.database import Database

_ADD = text("""
    INSERT INTO api_tokens (name, role, digest, created_by, expires_at)
    VALUES (:name, :role, :digest, :created_by, now() + make_interval(days => CAST(:days AS integer)))
    RETURNING expires_at
""")
_ALL = text("""
    SELECT name, role, created_at, created_by, used_at, expires_at, revoked_at,
           coalesce(expires_at <= now(), false) AS expired
    FROM api_tokens ORDER BY revoked_at IS NOT NULL, name, id
""")
_REVOKE = text("UPDATE api_tokens SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL")
# That it was used is noted in passing: nobody waits for a row that another holds.
_FIND = text("""
    WITH used AS (
        UPDATE api_tokens SET used_at = now()
        WHERE id = (SELECT id FROM api_tokens WHERE digest = :digest FOR UPDATE SKIP LOCKED)
    )
    SELECT name, role, extract(epoch FROM expires_at)::float8 AS expires_at
    FROM api_tokens
    WHERE digest = :digest AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
""")


class Known(msgspec.Struct, frozen=True):
    """A token that may be used; ``expires_at`` in seconds since the epoch, None for never."""

    name: str
    role: str
    expires_at: float | None


class Listed(msgspec.Struct, frozen=True):
    """A token as it is listed, one that was revoked or has expired too."""

    name: str
    role: str
    created_at: datetime
    created_by: str
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    expired: bool


def add(
    connection: Connection, *, name: str, role: str, digest: bytes, created_by: str, days: int | None
) -> datetime | None:
    """Keep a token; when it expires, None for never. Raises Invalid for a name that is in use."""
    values = {"name": name, "role": role, "digest": digest, "created_by": created_by, "days": days}
    expires_at: datetime | None = connection.execute(_ADD, values).scalar_one()
    return expires_at


def revoke(connection: Connection, name: str) -> int:
    """Let a token be used no more; how many there were (0 or 1)."""
    return connection.execute(_REVOKE, {"name": name}).rowcount


def find(database: Database, digest: bytes) -> Known | None:
    """The token with this digest if it may be used now, noting that it was. Raises SourceDown or
    NotMigrated."""
    with database.change() as connection:
        row = connection.execute(_FIND, {"digest": digest}).mappings().first()
    return None if row is None else Known(**row)


def listed(database: Database) -> list[Listed]:
    """Every token there is or was, those in use first. Raises SourceDown or NotMigrated."""
    with database.statement() as connection:
        return [Listed(**row) for row in connection.execute(_ALL).mappings()]
