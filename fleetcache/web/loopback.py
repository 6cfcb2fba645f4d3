"""Nobody from outside: where anybody may sign in as anybody, only this machine is served."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fleetcache import runtime
from fleetcache.access.proxies import client, is_loopback, trusts
from fleetcache.web.origin import names_host

_FORWARDING = ("forwarded", "via", "x-real-ip", "x-forwarded-")


class LoopbackOnly:
    """In demo mode refuses a peer, a Host or an Origin that is not this machine, and anything that a proxy
    forwarded which is not trusted or forwards for somebody else.

    The Host is judged as well as the peer, because a name that a stranger controls can be made to point at
    127.0.0.1 from within the visitor's own browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one connection."""
        if scope["type"] == "lifespan" or _welcome(HTTPConnection(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            refusal = JSONResponse(
                {
                    "success": False,
                    "error": "The demo is for this machine only: anybody may sign in to it as anybody.",
                },
                status_code=403,
            )
            await refusal(scope, receive, send)


def _welcome(connection: HTTPConnection) -> bool:
    parts = runtime.current()
    if parts.auth != "demo":
        return True  # people sign in by their provider, and until that is known nobody signs in
    # Cookies do not tell ports apart: a page of another server on this machine would have ours sent along.
    origin = connection.headers.get("origin") if connection.scope["type"] == "websocket" else None
    if origin is not None and not names_host(connection, origin):
        return False
    return is_local(connection, parts.settings.trusted_proxies)


def is_local(connection: HTTPConnection, trusted: Sequence[IPv4Network | IPv6Network] = ()) -> bool:
    """Whether somebody on this machine asks for this machine: peer, Host and Origin are its loopback, and
    nothing was forwarded but by a ``trusted`` proxy, for somebody on this machine."""
    headers = connection.headers
    peer = connection.client.host if connection.client else ""
    named = [f"//{headers[name]}" for name in ("host", "x-forwarded-host") if name in headers]
    if "origin" in headers:
        named.append(headers["origin"])
    if "host" not in headers or not all(map(_names_this_machine, named)):
        return False
    if not any(name.startswith(_FORWARDING) for name in headers):
        return is_loopback(peer)
    chain = headers.getlist("x-forwarded-for")
    found = client(peer, chain, trusted) if chain and trusts(trusted, peer) else None
    return found is not None and found.is_loopback


def _names_this_machine(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or is_loopback(host)
