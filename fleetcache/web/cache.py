"""What the API says of the cache, and does to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from fleetcache import runtime
from fleetcache.access.roles import Person
from fleetcache.errors import Invalid, Unavailable
from fleetcache.ops.preview import Preview as Found
from fleetcache.web.bodies import parsed
from fleetcache.web.identity import needs, refuse
from fleetcache.web.said import answers, body
from fleetcache.web.shapes import Health, Invalidation, Preview, Removed, Warmed

router = APIRouter(prefix="/cache", tags=["cache"])
INVALIDATE = Depends(needs("cache.change", action="cache.invalidate", body=True))


def invalidation(request: Request, person: Annotated[Person, INVALIDATE]) -> Invalidation:
    """The body of a request to invalidate. Raises Invalid."""
    try:
        wanted = parsed(request, Invalidation)
        if wanted.keys is None and wanted.pattern is None:
            raise Invalid("Give keys, a pattern, or both.")
    except Invalid as error:
        refuse(request, person, "cache.invalidate", error)
        raise
    return wanted


@router.get("/health", responses=answers(Health))
def health(_person: Annotated[Person, Depends(needs("health.read"))]) -> JSONResponse:
    """The state of every layer and one verdict; always 200, for the answer is in the body."""
    found, _since = runtime.current().health()
    return JSONResponse(found.document())


@router.post("/invalidate", responses=answers(Removed | Preview, 409, 429), openapi_extra=body(Invalidation))
def invalidate(
    person: Annotated[Person, INVALIDATE],
    wanted: Annotated[Invalidation, Depends(invalidation)],
) -> JSONResponse:
    """Remove the values of keys and of a pattern, of both together each once. With ``dryRun`` only say what
    would be removed; its ``stamp`` given as ``expect`` refuses to remove anything else."""
    parts = runtime.current()
    console, keys = parts.console(person), wanted.keys or []
    if wanted.dry_run:
        return _shown(console.preview(keys, wanted.pattern))
    removed = console.invalidate(
        keys, wanted.pattern, expect=wanted.expect, admit=lambda: parts.limit.take(person.name)
    )
    return JSONResponse(
        {"success": True, "invalidatedCount": removed, "message": f"Removed {_values(removed)}."}
    )


@router.delete("/invalidate", responses=answers(Removed | Preview, 409, 429))
def flush(
    person: Annotated[Person, Depends(needs("cache.change", action="cache.flush"))],
    dry_run: Annotated[bool, Query(alias="dryRun", description="Only say what would be removed.")] = False,
    expect: Annotated[
        str | None,
        Query(max_length=200, description="The stamp of a dry run: refuse if it would be others now."),
    ] = None,
) -> JSONResponse:
    """Refresh the view, then remove every cached value of fleetcache and nothing else. If the refresh fails
    nothing is removed."""
    parts = runtime.current()
    console = parts.console(person)
    if dry_run:
        return _shown(console.preview_flush())
    removed = console.flush(expect=expect, admit=lambda: parts.limit.take(person.name))
    message = "All cache flushed and materialized view refreshed"
    return JSONResponse({"success": True, "invalidatedCount": removed, "message": message})


@router.post("/warm", responses=answers(Warmed, 409))
def warm(person: Annotated[Person, Depends(needs("cache.change", action="cache.warm"))]) -> JSONResponse:
    """Load every key into Redis, dearest first."""
    warmed = runtime.current().console(person).warm()
    if warmed.failures:
        raise Unavailable(
            f"{warmed.loaded} keys were loaded, {len(warmed.failures)} were not: {warmed.failures[0]}"
        )
    return JSONResponse(
        {"success": True, "loaded": warmed.loaded, "message": f"Loaded {_values(warmed.loaded)}."}
    )


def _shown(found: Found) -> JSONResponse:
    count = len(found.values)
    return JSONResponse(
        {
            "success": True,
            "dryRun": True,
            "invalidatedCount": 0,
            "wouldInvalidate": count,
            "message": f"Would remove {_values(count)}.",
            **found.document(),
        }
    )


def _values(count: int) -> str:
    return f"{count} value{'' if count == 1 else 's'}"
