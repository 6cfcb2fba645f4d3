"""Nobody from outside: where anybody may sign in as anybody, only this machine is served."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from fleetcache import runtime
from fleetcache.access.proxies import client, is_loopback, trusts
from fleetcache.web.origin import names_host
from fleetcache.web.refusal import refusal

_HOSTS = ("host", "x-forwarded-host", "x-original-host")
_VISITORS = (
    "x-real-ip", "x-client-ip", "x-cluster-client-ip", "cf-connecting-ip", "true-client-ip",
    "x-original-forwarded-for", "x-envoy-external-address",
)  # fmt: skip
"""Headers in which proxies put the address of who asks, beside ``X-Forwarded-For``."""
_NOT_READ = ("forwarded", "x-forwarded")
"""Headers that hold addresses in a form that nothing here takes apart."""
_FORWARDING = ("via", "x-forwarded-", *_NOT_READ, *_HOSTS[1:], *_VISITORS)
_NAME = re.compile(r"(?:https?:)?//(localhost|[\d.]+|\[[\da-f:.]+\])(?::(\d{0,5}))?", re.IGNORECASE | re.ASCII)
"""A host and perhaps a port, and nothing else of what may stand in a URL."""


class LoopbackOnly:
    """In demo mode refuses a peer, a Host or an Origin that is not this machine, and anything that a proxy
    forwarded which is not trusted or forwards for somebody else; in every mode a websocket of another site.

    The Host is judged as well as the peer, because a name that a stranger controls can be made to point at
    127.0.0.1 from within the visitor's own browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one connection."""
        fault = None if scope["type"] == "lifespan" else _fault(HTTPConnection(scope))
        if fault is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal(403, fault))
        else:
            await refusal(403, fault)(scope, receive, send)


def _fault(connection: HTTPConnection) -> str | None:
    """Why a connection is refused; None if it is not."""
    parts = runtime.current()
    # Cookies do not tell ports apart: a page of another server on this machine would have ours sent along. And
    # of an Origin that it does not know Streamlit asks the internet, while everybody else waits.
    origins = connection.headers.getlist("origin") if connection.scope["type"] == "websocket" else []
    if not all(names_host(connection, origin) for origin in origins):
        return "Only the pages of fleetcache itself may open this."
    # Else people sign in by their provider, and until that is known nobody signs in.
    if parts.auth == "demo" and not is_local(connection, parts.settings.trusted_proxies):
        return "The demo is for this machine only: anybody may sign in to it as anybody."
    return None


def is_local(connection: HTTPConnection, trusted: Sequence[IPv4Network | IPv6Network] = ()) -> bool:
    """Whether somebody on this machine asks for this machine: peer, Host and Origin are its loopback, and
    nothing was forwarded but by a ``trusted`` proxy, for somebody on this machine."""
    headers = connection.headers
    peer = connection.client.host if connection.client else ""
    named = [f"//{value}" for name in _HOSTS for value in headers.getlist(name)] + headers.getlist("origin")
    if len(headers.getlist("host")) != 1 or not all(map(_names_this_machine, named)):
        return False
    if not any(name.startswith(_FORWARDING) for name in headers):
        return is_loopback(peer)
    visitors = [value for name in _VISITORS for value in headers.getlist(name)]
    if any(name in headers for name in _NOT_READ) or not all(map(is_loopback, visitors)):
        return False
    chain = headers.getlist("x-forwarded-for")
    found = client(peer, chain, trusted) if chain and trusts(trusted, peer) else None
    return found is not None and found.is_loopback


def _names_this_machine(url: str) -> bool:
    found = _NAME.fullmatch(url)
    if found is None or int(found[2] or 0) > 65535:
        return False
    return found[1].lower() == "localhost" or is_loopback(found[1])
