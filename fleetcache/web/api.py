"""The HTTP API under ``/api``: JSON in the shapes of spec section 10, errors included."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from fleetcache import __version__
from fleetcache.errors import FleetcacheError
from fleetcache.web import audit, cache, dashboard, docs, settings
from fleetcache.web.refusal import refusal, refused

log = logging.getLogger(__name__)

api = FastAPI(
    title="fleetcache",
    version=__version__,
    description="Crew dashboards, and the cache that makes them quick.",
    servers=[{"url": "/api"}],
    docs_url=None,
    redoc_url=None,
    redirect_slashes=False,
)
api.include_router(dashboard.router)
api.include_router(cache.router)
api.include_router(audit.router)
api.include_router(settings.router)
docs.add(api)


@api.exception_handler(FleetcacheError)
def _known(_request: Request, error: FleetcacheError) -> JSONResponse:
    return refused(error)


@api.exception_handler(HTTPException)
def _http(_request: Request, error: HTTPException) -> JSONResponse:
    return refusal(error.status_code, str(error.detail), error.headers)


@api.exception_handler(RequestValidationError)
def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    return refusal(400, "; ".join(f"{e['loc'][-1]}: {e['msg']}" for e in error.errors()))


@api.exception_handler(ClientDisconnect)
def _gone(_request: Request, _error: ClientDisconnect) -> JSONResponse:
    return refusal(400, "The request ended before its body.")


@api.exception_handler(Exception)
def _unknown(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return refusal(500, "Something failed that should not. The application log says what.")
