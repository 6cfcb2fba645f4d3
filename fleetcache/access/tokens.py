"""Tokens by which programs sign in. The secret is shown once; what is kept is its digest."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from fleetcache.access.roles import ROLES, Person, Role
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import Invalid, NotFound, NotSignedIn
from fleetcache.source import audit, tokens
from fleetcache.source.audit import By, written
from fleetcache.source.database import Database

REMEMBERED_SECONDS = 60.0
"""For so long a token is taken without asking the database, and so after it was revoked."""
LONGEST_DAYS = 3650
_PREFIX = "fc_"  # scanners that look for leaked secrets know one by how it begins
_SECRET = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Made:
    """A new token: its ``secret``, which nobody can be shown again, and when it expires (None: never)."""

    secret: str
    expires_at: datetime | None


def create(
    database: Database, by: Person, *, instance: str, name: str, role: str, days: int | None = None
) -> Made:
    """Make a token with a role, which expires in ``days`` or never.

    Raises Forbidden, Invalid for a name that cannot be used or is, SourceDown.
    """
    with audit.recorded(database, _by(by, instance), action="token.create", subject=name) as deed:
        by.must("tokens.change")
        faults = {}
        if not _NAME.fullmatch(name):
            faults["name"] = "letters, digits, dot, dash and underscore only, at most 64"
        if role not in ROLES:
            faults["role"] = f"is none of {', '.join(ROLES)}"
        if days is not None and not 0 < days <= LONGEST_DAYS:
            faults["days"] = f"is not between 1 and {LONGEST_DAYS}"
        if faults:
            raise Invalid(faults=faults)
        secret = _PREFIX + secrets.token_urlsafe(32)
        expires_at = tokens.add(
            deed.connection, name=name, role=role, digest=digest(secret), created_by=by.name, days=days
        )
        deed.affected = 1
        deed.detail.update(role=role, days=days)
    return Made(secret, expires_at)


def revoke(database: Database, by: Person, *, instance: str, name: str) -> None:
    """Let a token be used no more, by any instance at the latest after ``REMEMBERED_SECONDS``. Raises
    Forbidden, NotFound, SourceDown."""
    with audit.recorded(database, _by(by, instance), action="token.revoke", subject=name) as deed:
        by.must("tokens.change")
        deed.affected = tokens.revoke(deed.connection, name)
        if not deed.affected:
            raise NotFound(
                f"There is no token “{written(name)}” in use.", hint="See `python -m fleetcache token list`."
            )


def digest(secret: str) -> bytes:
    """What is kept of a secret. It is long and drawn at random, so it needs no salt and no slow digest."""
    return hashlib.sha256(secret.encode()).digest()


def _by(person: Person, instance: str) -> By:
    return By(person.name, person.role, person.origin, instance)


class Tokens:
    """Says who has a token, and remembers for a while who did. Safe to use from many threads."""

    def __init__(self, database: Database, *, clock: Clock = SYSTEM) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[bytes, tuple[tokens.Known, float]] = {}

    def remembered(self, secret: str, *, address: str) -> Person | None:
        """Whoever has this token, if it was verified less than ``REMEMBERED_SECONDS`` ago."""
        known, asked_at = self._known.get(digest(secret), (None, 0.0))
        if known is None or self._clock.monotonic() - asked_at >= REMEMBERED_SECONDS:
            return None
        if known.expires_at is not None and known.expires_at <= self._clock.now():
            return None
        return _person(known, address)

    def holder(self, secret: str, *, address: str) -> Person:
        """Whoever has this token and asks from ``address``. Raises NotSignedIn, SourceDown, NotMigrated."""
        if found := self.remembered(secret, address=address):
            return found
        if not _SECRET.fullmatch(secret):
            raise NotSignedIn("That is not a token of fleetcache.")
        asked_at = self._clock.monotonic()
        known = tokens.find(self._database, digest(secret))
        if known is None:
            self._known.pop(digest(secret), None)
            raise NotSignedIn("The token is not known, has expired or was revoked.")
        self._known = {
            key: entry for key, entry in self._known.items() if asked_at - entry[1] < REMEMBERED_SECONDS
        }
        self._known[digest(secret)] = known, asked_at
        return _person(known, address)


def _person(known: tokens.Known, address: str) -> Person:
    return Person(f"token {known.name}", cast(Role, known.role), f"API token {known.name}, {address}")
