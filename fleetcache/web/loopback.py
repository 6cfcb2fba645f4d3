"""Nobody from outside: until there is a sign-in, only this machine is served."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_FORWARDING = ("forwarded", "via", "x-real-ip", "x-forwarded-")


class LoopbackOnly:
    """Refuses a peer, a Host or an Origin that is not this machine, and anything a proxy forwarded.

    The Host is judged as well as the peer, because a name that a stranger controls can be made to
    point at 127.0.0.1 from within the visitor's own browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one connection."""
        if scope["type"] == "lifespan" or _is_local(HTTPConnection(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            refusal = JSONResponse(
                {"success": False, "error": "Only this machine is served while there is no sign-in."},
                status_code=403,
            )
            await refusal(scope, receive, send)


def _is_local(connection: HTTPConnection) -> bool:
    peer = connection.client.host if connection.client else ""
    named = [f"//{connection.headers.get('host', '')}"]
    if "origin" in connection.headers:
        named.append(connection.headers["origin"])
    forwarded = any(name.startswith(_FORWARDING) for name in connection.headers)
    return is_loopback(peer) and all(map(_names_this_machine, named)) and not forwarded


def _names_this_machine(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or is_loopback(host)


def is_loopback(address: str) -> bool:
    """Whether an IPv4, IPv6 or mapped address is this machine's loopback."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
