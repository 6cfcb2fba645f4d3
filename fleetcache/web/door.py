"""The routes by which people come into the demo and leave it, and what nobody reaches who is not signed in."""

from __future__ import annotations

import contextlib
import re
import time
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fleetcache import runtime
from fleetcache.access import demo
from fleetcache.access.signin import ENDED
from fleetcache.errors import FleetcacheError, Forbidden, NoRole, NotFound, NotSignedIn, SourceDown
from fleetcache.web.origin import names_host, same_origin
from fleetcache.web.refusal import refused
from fleetcache.web.signed import signed_in, signin

GUARDED = re.compile(r"(?<!/static)/(media|_stcore/(upload_file|metrics|agent))(/|$)")
"""What Streamlit serves beside the pages to whoever knows the address, below whatever base path: files that
people were given to download or have uploaded, and figures of its own. Under /static it has fonts."""


async def enter(request: Request) -> Response:
    """Sign in as one of the people of the demo, and go back to the page that was asked for."""
    parts, role = runtime.current(), request.path_params["role"]
    if parts.auth != "demo" or role not in demo.PEOPLE:
        return refused(NotFound())
    if not same_origin(request):
        return refused(Forbidden("Only the sign-in page itself may sign somebody in."))
    try:
        with contextlib.suppress(SourceDown):  # of another database nothing is seen before it answers, and is judged
            await run_in_threadpool(parts.judge)
    except FleetcacheError as error:
        return refused(error)
    if parts.auth != "demo":
        return refused(NotFound())
    answer = RedirectResponse(_page(request), status_code=303)
    answer.set_cookie(
        demo.COOKIE,
        demo.tickets(parts.settings.home).issue(role),
        max_age=int(parts.settings.session_hours * 3600),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


async def leave(request: Request) -> Response:
    """Sign out of the demo, also in the other tabs."""
    parts = runtime.current()
    if parts.auth != "demo":
        return refused(NotFound())
    if not same_origin(request):
        return refused(Forbidden("Only a page of fleetcache may sign somebody out."))
    if (found := signin(request)) is not None:
        ENDED.end(found, hours=parts.settings.session_hours, now=time.time())
    answer = RedirectResponse("/", status_code=303)
    answer.delete_cookie(demo.COOKIE, httponly=True, samesite="strict")
    return answer


door = [
    Route("/sign-in/{role}", enter, methods=["POST"]),
    Route("/sign-out", leave, methods=["POST"]),
]


class SignedInOnly:
    """Refuses what is ``GUARDED`` to whoever is not signed in. The pages themselves are drawn over the
    websocket, by a script that looks at each run."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one connection."""
        if scope["type"] == "http" and GUARDED.search(scope["path"]):
            try:
                if signed_in(HTTPConnection(scope)) is None:
                    await refused(NotSignedIn())(scope, receive, send)
                    return
            except NoRole as error:
                await refused(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _page(request: Request) -> str:
    """The page from which somebody signs in, if it is one of ours."""
    came = request.headers.get("referer", "")
    if not names_host(request, came):
        return "/"
    parsed = urlsplit(came)
    # Two slashes would begin the name of another host.
    path = "/" + parsed.path.lstrip("/\\")
    return f"{path}?{parsed.query}" if parsed.query else path
