"""What every answer carries: what the browser is to forbid, and which instance gave it."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fleetcache import runtime
from fleetcache.web.door import GUARDED


def _inline_scripts() -> str:
    """Sources for the scripts that stand in Streamlit's own page, by their digests."""
    page = (files("streamlit") / "static" / "index.html").read_text(encoding="utf-8")
    found = re.findall(r"<script>(.*?)</script>", page, re.S)
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in found]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


POLICY = {
    "default-src": "'self'",
    # The script of a component of ours is handed to the browser as a blob, by Streamlit's own.
    "script-src": f"'self' blob: {_inline_scripts()}",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Frame-Options": "DENY",  # frame-ancestors, for browsers that do not know it
    "X-Content-Type-Options": "nosniff",
    # The address of a page holds filters; the sign-in route of the demo needs it to lead back.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
INSTANCE = b"x-fleetcache-instance"
STARTS = ("http.response.start", "websocket.http.response.start")
"""How answers begin, those included that refuse a websocket."""


class Headers:
    """Puts ``HEADERS`` on every answer that does not bring its own, and the name of this instance. What only some
    people may see is not kept by browsers or proxies, unless an answer says otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one connection on."""

        async def headed(message: Message) -> None:
            if message["type"] in STARTS:
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/") or GUARDED.search(scope["path"]):
                    headers.setdefault("Cache-Control", "no-store")
                message["headers"].append((INSTANCE, runtime.current().id.encode("latin-1", "replace")))
            await send(message)

        await self._app(scope, receive, headed)
