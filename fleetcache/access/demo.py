"""The demo's sign-in: three people to choose from, and the signed cookie that says who was chosen."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer
from streamlit import config

from fleetcache.access.roles import Role
from fleetcache.access.signin import SECRET_LENGTH, SignIn

log = logging.getLogger(__name__)

COOKIE = "fleetcache_demo"
LONGEST_COOKIE = 500
"""Ours have about 80 characters; what is longer is not kept to be recognised."""


@dataclass(frozen=True)
class DemoPerson:
    """Somebody who is nobody: a title, and what they may see."""

    title: str
    role: Role
    icon: str
    sees: str


PEOPLE: dict[Role, DemoPerson] = {
    "viewer": DemoPerson(
        "Demo roster planner", "viewer", ":material/visibility:", "Sees every dashboard; changes nothing."
    ),
    "manager": DemoPerson(
        "Demo crew manager",
        "manager",
        ":material/groups:",
        "Decides leave, edits pilots and checks, imports files.",
    ),
    "admin": DemoPerson(
        "Demo administrator",
        "admin",
        ":material/admin_panel_settings:",
        "Also the cache, the audit and the settings.",
    ),
}


class Tickets:
    """Issues and reads the cookie."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt=COOKIE)
        # A page asks a dozen times who is there, and a cookie says the same each time.
        self._known = lru_cache(maxsize=1000)(self._read)

    def issue(self, role: Role) -> str:
        """A cookie for the person with this role, as of now."""
        return self._signer.dumps([role, secrets.token_hex(8)])

    def read(self, cookie: str | None) -> SignIn | None:
        """What a cookie says; None for one that is not ours."""
        return self._known(cookie) if cookie and len(cookie) <= LONGEST_COOKIE else None

    def _read(self, cookie: str) -> SignIn | None:
        try:
            (role, id), signed = self._signer.loads(cookie, return_timestamp=True)
            return SignIn(PEOPLE[role].title, role, signed.timestamp(), id)
        except (BadData, KeyError, TypeError, ValueError):
            return None


@lru_cache
def tickets(home: Path) -> Tickets:
    """Those of all instances that belong together: they share Streamlit's cookie secret if somebody set one,
    else a secret kept in FLEETCACHE_HOME, which instances on one machine have in common, and which outlives
    a restart. The database would not do: whoever may read it could sign in as anybody."""
    if config.is_manually_set("server.cookieSecret"):
        given = str(config.get_option("server.cookieSecret"))
        if len(given) >= SECRET_LENGTH:
            return Tickets(given)
        log.warning("Streamlit's cookie secret is shorter than %d characters, so the demo takes one of its own.", SECRET_LENGTH)
    return Tickets(_kept(home / "demo-secret"))


def _kept(path: Path) -> str:
    """What is kept at ``path``, made when it is not there or no good. All who come at once get the same."""
    made = secrets.token_urlsafe(48)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+", encoding="utf-8", errors="replace", opener=_ours) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            kept = file.read().strip()
            if len(kept) >= SECRET_LENGTH and kept.isascii():
                return kept
            os.fchmod(file.fileno(), 0o600)
            file.truncate(0)
            file.write(made)
        return made
    except OSError as error:
        log.warning("The secret of the demo's sign-in cannot be kept, so that a restart signs everybody out: %s", error)
        return made


def _ours(path: str, flags: int) -> int:
    """A file that nobody else may read."""
    return os.open(path, flags, 0o600)
