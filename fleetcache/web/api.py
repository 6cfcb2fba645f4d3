"""The HTTP API under ``/api``: JSON in the shapes of spec section 10, errors included."""

from __future__ import annotations

import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from fleetcache import __version__, runtime
from fleetcache.errors import FleetcacheError
from fleetcache.ops.health import iso

api = FastAPI(
    title="fleetcache",
    version=__version__,
    docs_url=None,
    redoc_url=None,
    redirect_slashes=False,
)


@api.get("/dashboard/metrics")
def dashboard_metrics(request: Request) -> JSONResponse:
    """The complete dashboard metrics, with where they came from under ``performance``. With the header
    ``Cache-Control: no-cache`` every change that was committed before the request is in them."""
    began = time.perf_counter()
    parts = runtime.current()
    strict = "no-cache" in request.headers.get("cache-control", "").lower()
    read = parts.cache.read_strict if strict else parts.cache.read
    reading = read("dashboard:metrics")
    took = time.perf_counter() - began
    return JSONResponse(
        {
            **reading.value.document(),
            "dataVersion": reading.version,
            "performance": {
                "queryTime": round(took * 1000, 3),
                "cacheHit": reading.cache_hit,
                "cacheLayer": reading.layer,
                "ageSeconds": round(reading.age(parts.clock.now()), 3),
                "lastUpdated": iso(reading.computed_at),
                "stale": reading.stale,
                "reason": reading.reason,
            },
        }
    )


@api.get("/cache/health")
def cache_health() -> JSONResponse:
    """The state of every layer and one verdict; always 200, for the answer is in the body."""
    found, _since = runtime.current().health()
    return JSONResponse(found.document())


def _refusal(status: int, error: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"success": False, "error": error}, status_code=status, headers=headers)


@api.exception_handler(FleetcacheError)
def _known(_request: Request, error: FleetcacheError) -> JSONResponse:
    return _refusal(error.status, f"{error} {error.hint}")


@api.exception_handler(HTTPException)
def _http(_request: Request, error: HTTPException) -> JSONResponse:
    return _refusal(error.status_code, str(error.detail), error.headers)


@api.exception_handler(RequestValidationError)
def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    return _refusal(400, "; ".join(f"{e['loc'][-1]}: {e['msg']}" for e in error.errors()))
