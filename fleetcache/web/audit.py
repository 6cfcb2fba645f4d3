"""Who did what, over the API."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response

from fleetcache import runtime
from fleetcache.access.roles import Person
from fleetcache.ops.sheet import sheet
from fleetcache.source import audit
from fleetcache.source.audit import MOST
from fleetcache.web.identity import needs
from fleetcache.web.said import answers
from fleetcache.web.shapes import Actions

router = APIRouter(tags=["audit"])
Word = Annotated[str | None, Query(max_length=200)]


@router.get("/audit", responses=answers(Actions, content={"text/csv": {"schema": {"type": "string"}}}))
def actions(
    _person: Annotated[Person, Depends(needs("audit.read"))],
    actor: Word = None,
    action: Word = None,
    outcome: Annotated[Literal["done", "failed", "refused"] | None, Query()] = None,
    since: Annotated[date | None, Query(description="First day, on the fleet's calendar.")] = None,
    until: Annotated[date | None, Query(description="Last day, on the fleet's calendar.")] = None,
    search: Annotated[
        str | None, Query(max_length=200, description="Text that stands anywhere in the row.")
    ] = None,
    most: Annotated[int, Query(ge=1, le=MOST)] = MOST,
    format: Annotated[Literal["json", "csv"], Query()] = "json",
) -> Response:
    """Actions and changes that fit every filter, newest first; also those that failed or were refused."""
    found = audit.found(
        runtime.current().database,
        actor=actor,
        action=action,
        outcome=outcome,
        since=since,
        until=until,
        search=search,
        most=most,
    )
    if format == "csv":
        disposition = {"Content-Disposition": 'attachment; filename="audit.csv"'}
        return Response(sheet(found), media_type="text/csv; charset=utf-8", headers=disposition)
    return JSONResponse({"success": True, "actions": [msgspec.to_builtins(row) for row in found]})
