"""The HTTP API under ``/api``: JSON in the shapes of spec section 10, errors included."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route

from fleetcache import __version__
from fleetcache.errors import FleetcacheError, Invalid
from fleetcache.web import audit, cache, dashboard, docs, settings
from fleetcache.web.identity import refuse
from fleetcache.web.refusal import UNKNOWN, refusal, refused

log = logging.getLogger(__name__)

ROUTERS = (dashboard.router, cache.router, audit.router, settings.router)
api = FastAPI(
    title="fleetcache",
    version=__version__,
    description="Crew dashboards, and the cache that makes them quick.",
    servers=[{"url": "/api"}],
    docs_url=None,
    redoc_url=None,
    redirect_slashes=False,
)
for router in ROUTERS:
    api.include_router(router)
docs.add(api)


@api.exception_handler(FleetcacheError)
def _known(_request: Request, error: FleetcacheError) -> JSONResponse:
    return refused(error)


@api.exception_handler(HTTPException)
def _http(request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers or {})
    if "Allow" in headers:  # of the first route at this path only
        routes = [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]
        here = [route.methods or set() for route in routes if route.matches(request.scope)[0] != Match.NONE]
        headers["Allow"] = ", ".join(sorted(set().union(*here))) or headers["Allow"]
    return refusal(error.status_code, str(error.detail), headers)


@api.exception_handler(RequestValidationError)
def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    fault = Invalid(faults={str(each["loc"][-1]): each["msg"] for each in error.errors()})
    # Who asks is known by now: whatever a route depends on is found out before its parameters are judged.
    if (acts := getattr(request.state, "acts", None)) is not None:
        person, action = acts
        refuse(request, person, action, fault)
    return refused(fault)


@api.exception_handler(ClientDisconnect)
def _gone(_request: Request, _error: ClientDisconnect) -> JSONResponse:
    return refusal(400, "The request ended before its body.")


@api.exception_handler(Exception)
def _unknown(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return refusal(500, UNKNOWN)
