"""The sign-in of whoever is at the page."""

from __future__ import annotations

import contextlib
import time

import streamlit as st

from fleetcache import runtime
from fleetcache.access import demo, oidc
from fleetcache.access.signin import ENDED, SignIn, good
from fleetcache.errors import Forbidden, NotSignedIn


def signin() -> SignIn:
    """What their cookie or token says now. Raises NotSignedIn, and NoRole."""
    parts = runtime.current()
    found: SignIn | None = None
    if parts.auth == "demo":
        found = demo.tickets(parts.settings.home).read(st.context.cookies.get(demo.COOKIE))
    elif parts.auth == "oidc" and oidc.strong() and st.user.get("is_logged_in") is True:
        found = oidc.read(st.user.to_dict(), role_claim=parts.settings.role_claim)
    if found is None:
        raise NotSignedIn()
    return good(found, hours=parts.settings.session_hours, now=time.time())


def sign_out() -> None:
    """End the sign-in made with a provider, here and in every other tab."""
    with contextlib.suppress(NotSignedIn, Forbidden):  # over already, or never good for anything
        ENDED.end(signin(), hours=runtime.current().settings.session_hours, now=time.time())
    st.logout()
