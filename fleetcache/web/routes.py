"""What stands beside the pages: the API, the probe, what tells pages of changes, and who answered."""

from __future__ import annotations

import gc
import logging
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fleetcache import runtime, settings
from fleetcache.errors import FleetcacheError
from fleetcache.web.api import api
from fleetcache.web.door import SignedInOnly, door
from fleetcache.web.headers import Headers
from fleetcache.web.live import live
from fleetcache.web.loopback import LoopbackOnly
from fleetcache.web.metrics import metrics
from fleetcache.web.probes import healthz, readyz
from fleetcache.web.refusal import UNKNOWN, refusal

log = logging.getLogger(__name__)


class Explained:
    """Answers in the shape of every error when something fails that should not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one connection on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if begun:
                raise
            log.exception("%s %s failed", scope["method"], scope["path"])
            await refusal(500, UNKNOWN)(scope, receive, send)


async def missing(_request: Request) -> JSONResponse:
    """Nothing is here; without this the page's HTML would answer 200."""
    return refusal(404, "Not Found")


async def overview(request: Request) -> RedirectResponse:
    """The first page is at ``/``; by its own name Streamlit does not know it."""
    return RedirectResponse(f"/?{request.url.query}" if request.url.query else "/")


_api = Mount("/api", app=api)
# Starlette's own ends at a line break: such a path would be none of the API's.
_api.path_regex = re.compile(_api.path_regex.pattern, re.DOTALL)
routes = [
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
    Route("/overview", overview),
    Route("/api", missing),
    _api,
    WebSocketRoute("/live", live),
    *door,
]
middleware = [
    Middleware(Headers),
    Middleware(Explained),
    Middleware(LoopbackOnly),
    Middleware(SignedInOnly),
]


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Servers, schema and data before the first page; everything let go at the end."""
    logging.getLogger("fleetcache").setLevel(logging.INFO)
    chosen, _origins, warnings = settings.load()
    for warning in warnings:
        log.warning(warning)
    try:
        parts = await run_in_threadpool(runtime.build, chosen)
    except FleetcacheError as error:
        print(f"\nfleetcache cannot start. {error.technical}\n{error.hint}\n", file=sys.stderr)
        # The server would print the traceback of an error that has just been explained.
        logging.getLogger("uvicorn.error").addFilter(lambda line: "Traceback" not in line.getMessage())
        raise
    # With the usual 5 ms, pages that compute starve the threads that keep memory's proof: beside 16 busy threads it was
    # without one for 43 % of the time, so for less than 1 %. With 0.5 ms a page costs a tenth more.
    sys.setswitchinterval(0.001)
    runtime.install(parts)
    parts.start()
    # Streamlit collects garbage after every run; what is here now need not be looked at again.
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        runtime.install(None)
        await run_in_threadpool(parts.close)
