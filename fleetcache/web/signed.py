"""Who is signed in by the cookie of the pages."""

from __future__ import annotations

import time

from starlette.requests import HTTPConnection

from fleetcache import runtime
from fleetcache.access import demo, oidc
from fleetcache.access.proxies import origin
from fleetcache.access.roles import Person
from fleetcache.access.signin import SignIn, good
from fleetcache.errors import NotSignedIn


def signed_in(connection: HTTPConnection) -> Person | None:
    """Whoever is signed in on the pages; None when nobody is, or not any more. Raises NoRole."""
    found = signin(connection)
    try:
        hours = runtime.current().settings.session_hours
        good(found, hours=hours, now=time.time()) if found else None
    except NotSignedIn:
        return None
    return found.person(f"cookie, {address(connection)}") if found else None


def signin(connection: HTTPConnection) -> SignIn | None:
    """The sign-in of the cookie that goes with the mode of this instance, be it over or not. Raises NoRole."""
    parts = runtime.current()
    if parts.auth == "demo":
        return demo.tickets(parts.settings.home).read(connection.cookies.get(demo.COOKIE))
    if parts.auth == "oidc":
        claims = oidc.claims(connection.cookies)
        return oidc.read(claims, role_claim=parts.settings.role_claim) if claims else None
    return None


def address(connection: HTTPConnection) -> str:
    """From where somebody comes, as the audit names it."""
    peer = connection.client.host if connection.client else ""
    trusted = runtime.current().settings.trusted_proxies
    return origin(peer, connection.headers.getlist("x-forwarded-for"), trusted)
