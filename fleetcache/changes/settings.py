"""The house's settings, and what each fleet needs: looked at before they are changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from fleetcache.catalogue import CATALOGUE
from fleetcache.changes.door import Door, Made
from fleetcache.changes.form import checked, words
from fleetcache.changes.headline import TOPICS, Moved, headline, moved
from fleetcache.errors import Conflict, Invalid, NotFound
from fleetcache.source import labels, rows
from fleetcache.source import settings as source
from fleetcache.source.audit import Deed
from fleetcache.source.database import Database


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is not a time zone such as Pacific/Port_Moresby") from error
    return name


def _rising(days: list[int]) -> list[int]:
    if days != sorted(set(days)):
        raise ValueError("must rise, each day once")
    return days


def _keys(chosen: dict[str, float]) -> dict[str, float]:
    if strangers := sorted(set(chosen) - set(CATALOGUE)):
        raise ValueError(f"{strangers[0]} is not the name of a cached value")
    return chosen


_COUNT = TypeAdapter(Annotated[int, Field(ge=1, le=9999)])
_YEARS = TypeAdapter(Annotated[int, Field(ge=1, le=120)])
_DAYS = TypeAdapter(Annotated[int, Field(ge=0, le=365)])
_SECONDS = Annotated[float, Field(gt=0, le=86400)]
RULES: Mapping[str, TypeAdapter[Any]] = {
    "retirement_age": _YEARS,
    "fleet_time_zone": TypeAdapter(Annotated[str, AfterValidator(_zone)]),
    "roster_anchor": TypeAdapter(Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 12, 31))]),
    "roster_anchor_period": _COUNT,
    "roster_anchor_year": _COUNT,
    "roster_days": TypeAdapter(Annotated[int, Field(ge=1, le=366)]),
    "roster_periods_per_year": TypeAdapter(Annotated[int, Field(ge=1, le=366)]),
    "request_deadline_days": _DAYS,
    "publication_days": _DAYS,
    "pilots_per_training_captain": _COUNT,
    "pilots_per_examiner": _COUNT,
    "succession_ready_service": _YEARS,
    "succession_ready_age": _YEARS,
    "succession_potential_service": _YEARS,
    "succession_potential_age": _YEARS,
    "succession_developing_service": _YEARS,
    "reminder_thresholds": TypeAdapter(
        Annotated[list[Annotated[int, Field(ge=0, le=3650)]], Field(min_length=1, max_length=12), AfterValidator(_rising)]
    ),
    "ttl_overrides": TypeAdapter(Annotated[dict[str, _SECONDS], AfterValidator(_keys)]),
}
"""What each setting may be."""
MOVED = "Something has changed since the preview: its figures do not hold any more."


class FleetNeeds(BaseModel):
    """What one fleet needs: hulls, crew per hull, and the least crew of each rank on any day."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    hulls: Annotated[int, Field(ge=0, le=1000)]
    captains_per_hull: Annotated[int, Field(ge=0, le=100)]
    first_officers_per_hull: Annotated[int, Field(ge=0, le=100)]
    minimum_captains: Annotated[int, Field(ge=0, le=9999)]
    minimum_first_officers: Annotated[int, Field(ge=0, le=9999)]


@dataclass(frozen=True)
class Edit:
    """New values for one row: of ``settings`` by its name, or of ``fleets`` by its code."""

    table: str
    key: str
    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Preview:
    """What an edit would do: the row's values before, the figures of the headline that would move, and the
    ``stamp`` of the state of the database in which that holds."""

    edit: Edit
    before: Mapping[str, Any]
    moved: tuple[Moved, ...]
    stamp: str


def setting(name: str, value: Any) -> Edit:
    """A new value (of JSON) for a setting. Raises NotFound, Invalid."""
    rule = RULES.get(name)
    if rule is None:
        raise NotFound(f"There is no setting “{name}”.")
    try:
        # In its JSON form: there a number is no text, and a day is one.
        clean = rule.validate_json(msgspec.json.encode(value), strict=True)
    except ValidationError as error:
        raise Invalid(faults={name: words(error.errors()[0])}) from error
    return Edit("settings", "name", name, {"value": rule.dump_python(clean, mode="json")})


def fleet(code: str, values: Mapping[str, Any]) -> Edit:
    """What a fleet needs from now on (the fields of ``FleetNeeds``). Raises Invalid."""
    return Edit("fleets", "code", code, checked(FleetNeeds, values).model_dump())


def current(database: Database) -> tuple[list[rows.Row], list[rows.Row]]:
    """The rows of ``settings`` by name and of ``fleets`` by code. Raises SourceDown."""
    with database.snapshot() as connection:
        return rows.listed(connection, "settings", order="name"), rows.listed(connection, "fleets", order="code")


def preview(door: Door, edit: Edit, *, expect: str | None = None) -> Preview:
    """What an edit would do to the headline; nothing is changed. Raises Forbidden, NotFound, SourceDown,
    and Conflict when the ``stamp`` is not the one to ``expect``."""
    door.person.must("settings.change")
    with door.database.trial(role=door.person.role) as connection:
        stamp = labels.of(connection).only(TOPICS).token()
        if expect not in (None, stamp):
            raise Conflict(MOVED)
        before = headline(connection)
        row = _row(connection, edit)
        was = {name: row[name] for name in edit.values}
        _write(connection, edit)
        return Preview(edit, was, moved(before, headline(connection)), stamp)


def put(door: Door, seen: Preview) -> Made[None]:
    """Make the edit of a preview. Raises Conflict when the row, or anything else that the preview speaks
    of, has changed since; Forbidden, NotFound."""
    edit = seen.edit

    def work(deed: Deed) -> None:
        # One at a time, and with the row held: the next one is compared with this one in it.
        source.hold(deed.connection)
        row = _row(deed.connection, edit)
        same = {name: row[name] for name in edit.values} == dict(seen.before)
        if not same or labels.of(deed.connection).only(TOPICS).token() != seen.stamp:
            raise Conflict(MOVED)
        _write(deed.connection, edit)
        deed.affected = 1
        deed.detail.update(before=dict(seen.before), after=dict(edit.values))

    return door.make("settings.change", "settings.change", f"{edit.table.removesuffix('s')} {edit.name}", work)


def _row(connection: Any, edit: Edit) -> rows.Row:
    row = rows.locked(connection, edit.table, key=edit.key, value=edit.name)
    if row is None:
        raise NotFound(f"There is no {edit.table.removesuffix('s')} “{edit.name}”.")
    return row


def _write(connection: Any, edit: Edit) -> None:
    values = dict(edit.values)
    if edit.table == "settings":
        values = {name: rows.json(value) for name, value in values.items()} | {"updated_at": rows.now(connection)}
    rows.update(connection, edit.table, values, key=edit.key, value=edit.name)
