"""Who is at the page, what they may do, and what they last changed."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from fleetcache import runtime
from fleetcache.access.proxies import origin
from fleetcache.access.roles import Person, Right
from fleetcache.errors import FleetcacheError, Forbidden, NotSignedIn
from fleetcache.ui import doors
from fleetcache.ui.signin import signin

AFTER = "after"
"""Under which the session keeps the label of the person's own last change."""


def person() -> Person:
    """Whoever is signed in, looked at anew each time. Raises NotSignedIn, and NoRole."""
    return signin().person(f"page, {_address()}")


def must(right: Right) -> Person:
    """Whoever is signed in, if they have the right. Others get, in place of everything that would follow,
    what says why not."""
    try:
        found = person()
        found.must(right)
    except (NotSignedIn, Forbidden) as error:
        refuse(error)
    return found


def refuse(error: FleetcacheError) -> NoReturn:
    """Say why somebody may not go on, and end the run."""
    if isinstance(error, Forbidden):
        doors.forbidden(error)
    else:
        doors.sign_in(error)
    st.stop()


def gone() -> bool:
    """Whether whoever was signed in when the page was drawn is so no longer."""
    try:
        person()
    except (NotSignedIn, Forbidden):
        return True
    return False


def _address() -> str:
    """From where the person comes; Streamlit says nothing of those at this machine."""
    peer = str(st.context.ip_address or "127.0.0.1")
    return origin(peer, st.context.headers.get_all("X-Forwarded-For"), runtime.current().settings.trusted_proxies)
