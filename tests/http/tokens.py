"""Tokens for tests that need some of their own."""

from __future__ import annotations

import hashlib
import secrets

from tests.conftest import TestDatabase


def token(database: TestDatabase, role: str, name: str | None = None) -> dict[str, str]:
    """The header of a new token with a role: of one that no other test uses up the limit of."""
    secret = "fc_" + secrets.token_urlsafe(32)
    with database.owner() as connection:
        connection.execute(
            "INSERT INTO api_tokens (name, role, digest) VALUES (%s, %s, %s)",
            (name or f"{role}-{secrets.token_hex(3)}", role, hashlib.sha256(secret.encode()).digest()),
        )
    return {"Authorization": f"Bearer {secret}"}
