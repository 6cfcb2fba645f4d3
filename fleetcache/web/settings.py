"""The house's settings over the API: looked at, previewed, changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from fleetcache import runtime
from fleetcache.access.roles import Person
from fleetcache.changes import settings
from fleetcache.errors import FleetcacheError
from fleetcache.web.bodies import parsed
from fleetcache.web.identity import needs, refuse
from fleetcache.web.said import answers, body
from fleetcache.web.shapes import Name, Shape

router = APIRouter(tags=["settings"])
CHANGE = Depends(needs("settings.change", action="settings.change", body=True))


class Wish(Shape):
    """A new value; with ``dryRun`` only what it would do, whose ``stamp`` can be given as ``expect``."""

    value: Any
    dry_run: Annotated[bool, Field(description="Only say what would change.")] = False
    expect: Annotated[Name | None, Field(description="The stamp of a dry run: refuse if anything has changed.")] = None


class Moved(Shape):
    """One figure of the headline."""

    figure: str
    before: float | int | None
    after: float | int | None


class Changed(Shape):
    """What was changed, or would be."""

    success: Literal[True]
    dry_run: bool
    before: Any
    after: Any
    moved: list[Moved]
    stamp: str
    message: str


class Setting(Shape):
    """One row."""

    name: str
    value: Any
    description: str


class House(Shape):
    """All settings, and what each fleet needs."""

    success: Literal[True]
    settings: list[Setting]
    fleets: list[dict[str, Any]]


@router.get("/settings", responses=answers(House))
def house(_person: Annotated[Person, Depends(needs("settings.change"))]) -> JSONResponse:
    """All settings, and what each fleet needs."""
    rows, fleets = settings.current(runtime.current().database)
    shown = [{name: row[name] for name in ("name", "value", "description")} for row in rows]
    return JSONResponse({"success": True, "settings": shown, "fleets": fleets})


@router.put("/settings/{name}", responses=answers(Changed, 404, 409), openapi_extra=body(Wish))
def put_setting(request: Request, name: str, person: Annotated[Person, CHANGE]) -> JSONResponse:
    """Change one setting."""
    return _changed(request, person, lambda value: settings.setting(name, value))


@router.put("/fleets/{code}", responses=answers(Changed, 404, 409), openapi_extra=body(Wish))
def put_fleet(request: Request, code: str, person: Annotated[Person, CHANGE]) -> JSONResponse:
    """Change what a fleet needs: ``value`` holds hulls, captains_per_hull, first_officers_per_hull,
    minimum_captains and minimum_first_officers."""
    return _changed(request, person, lambda value: settings.fleet(code, value if isinstance(value, dict) else {}))


def _changed(request: Request, person: Person, make: Callable[[Any], settings.Edit]) -> JSONResponse:
    door = runtime.current().door(person)
    try:
        wish = parsed(request, Wish)
        seen = settings.preview(door, make(wish.value), expect=wish.expect)
    except FleetcacheError as error:
        refuse(request, person, "settings.change", error)
        raise
    if not wish.dry_run:
        settings.put(door, seen)
    return JSONResponse(
        {
            "success": True,
            "dryRun": wish.dry_run,
            "before": seen.before,
            "after": dict(seen.edit.values),
            "moved": [{"figure": one.figure, "before": one.before, "after": one.after} for one in seen.moved],
            "stamp": seen.stamp,
            "message": "Nothing was changed." if wish.dry_run else "Changed.",
        }
    )
