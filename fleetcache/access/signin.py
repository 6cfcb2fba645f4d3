"""A sign-in, whichever way it was made: who, with which role, since when, and until when it is good."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from fleetcache.access.roles import Person, Role
from fleetcache.errors import BadSetting, SessionOver

Mode = Literal["demo", "oidc"]
SECRET_LENGTH = 32
"""Fewer characters than this can be guessed by whoever has one signed cookie; a guess makes administrators."""
AHEAD_SECONDS = 300.0
"""How far the clock of whoever signed may be ahead of ours."""


@dataclass(frozen=True)
class SignIn:
    """What a verified cookie or token says. ``since`` is in Unix seconds; ``id`` is this sign-in's own, so
    that signing out ends it and no other."""

    name: str
    role: Role
    since: float
    id: str

    def person(self, origin: str) -> Person:
        """Who that is, as the audit names them."""
        return Person(self.name, self.role, origin)


class Ended:
    """The sign-ins that their owners ended. A cookie is good wherever it is, so that a copy of it, or a page
    still open in another tab, would otherwise go on. Known to this process only."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._watchers: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    def end(self, signin: SignIn, *, hours: float, now: float) -> None:
        """From now on it is over."""
        with self._lock:
            self._until = {id: until for id, until in self._until.items() if until > now}
            self._until[signin.id] = now + hours * 3600 + AHEAD_SECONDS
            watchers = tuple(self._watchers)
        for told in watchers:
            told()

    @contextmanager
    def watched(self, told: Callable[[], None]) -> Iterator[None]:
        """Have ``told`` called after each sign-in that is ended, on the thread that ends it: it must not wait
        for anything."""
        with self._lock:
            self._watchers.add(told)
        try:
            yield
        finally:
            with self._lock:
                self._watchers.discard(told)

    def __contains__(self, signin: SignIn) -> bool:
        return signin.id in self._until


ENDED = Ended()


def mode(wanted: Mode | None, *, marked: bool) -> Mode:
    """How people sign in to a database that fleetcache ``marked`` as its demo, or not. Raises BadSetting."""
    if wanted == "demo" and not marked:
        raise BadSetting(
            "FLEETCACHE_AUTH is “demo”, and the database is not a demo that fleetcache made: everybody on this "
            "machine could sign in as an administrator of it.",
            hint="Remove FLEETCACHE_AUTH and set up [auth] in .streamlit/secrets.toml (docs/sign-in.md), or take "
            "away DATABASE_URL to see the demo.",
        )
    return wanted or ("demo" if marked else "oidc")


def good(signin: SignIn, *, hours: float, now: float) -> SignIn:
    """The same, if it is not over yet. Raises SessionOver."""
    if signin in ENDED:
        raise SessionOver("You signed out.")
    if signin.since <= 0:
        raise SessionOver(
            "Your sign-in does not say when it was made.",
            hint="Ask an administrator: the ID tokens of the provider need the claim iat, in seconds.",
        )
    if signin.since - now > AHEAD_SECONDS:
        raise SessionOver(
            f"Your sign-in is from the future, by more than {AHEAD_SECONDS / 60:.0f} minutes.",
            hint="Sign in again; if that does not help, ask an administrator whether the clocks of the provider and "
            "of this machine agree.",
        )
    if not now - signin.since <= hours * 3600:
        raise SessionOver(f"A sign-in is good for {hours:g} hours, and yours is older.")
    return signin
