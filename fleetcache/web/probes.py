"""What load balancers and watchers ask, without signing in: alive, and ready. No data is in it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse

from fleetcache import runtime
from fleetcache.errors import FleetcacheError
from fleetcache.ops.health import DOWN

PATIENCE_SECONDS = 0.3
"""Well within the second after which usual probes give up."""


async def healthz(_request: Request) -> JSONResponse:
    """Alive; touches nothing it depends on."""
    return JSONResponse({"alive": True})


async def readyz(_request: Request) -> JSONResponse:
    """Whether any answer can be given, be it an old one. When a layer makes that take long, what was found
    last counts."""
    try:
        parts = runtime.current()
    except FleetcacheError:
        return _ready(False)
    await asyncio.wait([asyncio.create_task(asyncio.to_thread(parts.glance))], timeout=PATIENCE_SECONDS)
    found = parts.watch.last
    return _ready(found is not None and found.overall != DOWN)


def _ready(ready: bool) -> JSONResponse:
    return JSONResponse({"ready": ready}, status_code=200 if ready else 503)
