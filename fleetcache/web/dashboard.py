"""The dashboard's numbers over the API."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.responses import JSONResponse

from fleetcache import runtime
from fleetcache.access.roles import Person
from fleetcache.ops.health import iso
from fleetcache.web.identity import needs
from fleetcache.web.said import answers
from fleetcache.web.shapes import Metrics, Refreshed

router = APIRouter(prefix="/dashboard", tags=["dashboard"])


@router.get("/metrics", responses=answers(Metrics))
def metrics(
    _person: Annotated[Person, Depends(needs("figures.read"))],
    cache_control: Annotated[str, Header(description="no-cache: strictly up to date.")] = "",
) -> JSONResponse:
    """The complete dashboard metrics, with where they came from under ``performance``. With the header
    ``Cache-Control: no-cache`` every change that was committed before the request is in them."""
    began = time.perf_counter()
    parts = runtime.current()
    read = parts.cache.read_strict if "no-cache" in cache_control.lower() else parts.cache.read
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


@router.post("/refresh", responses=answers(Refreshed))
def refresh(
    person: Annotated[Person, Depends(needs("view.refresh", action="cache.refresh"))],
) -> JSONResponse:
    """Refresh the materialized view, then drop the cached values that the old one gave."""
    done = runtime.current().console(person).refresh()
    return JSONResponse(
        {
            "success": True,
            "lastRefreshed": iso(done.at),
            "durationMs": round(done.seconds * 1000, 3),
            "message": done.message,
        }
    )
