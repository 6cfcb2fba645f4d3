"""Pilots: entered, changed, marked as gone and back again, or removed altogether."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from fleetcache.changes.door import Door, Made
from fleetcache.changes.form import checked
from fleetcache.changes.validity import birthday
from fleetcache.errors import Conflict, Invalid, NotFound
from fleetcache.source import pilots, rows
from fleetcache.source.audit import Deed
from fleetcache.source.database import Database
from fleetcache.source.pilots import Known, Row

PERSONAL = frozenset((*pilots.IDENTITY, "date_of_birth"))
"""Of these the audit says that they changed, never from what to what."""
YOUNGEST, OLDEST = 18, 80
"""Ages between which somebody may join."""
_NUMBER = re.compile(r"[A-Z]{2}-[0-9]{6}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{4,}")

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Contact = Annotated[
    str | None, Field(max_length=200), BeforeValidator(lambda given: given or None)
]


class Pilot(BaseModel):
    """A pilot as entered. Validated in the context of what is ``Known``, it also refuses what does not
    exist or is taken already."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    employee_number: str
    given_name: Name
    family_name: Name
    email: Contact = None
    phone: Contact = None
    fleet: str
    base: str
    contract: str
    rank: Literal["captain", "first_officer"]
    licence: Literal["ATPL", "CPL"]
    date_of_birth: date | None = None
    commenced_on: date
    seniority: int
    training_captain: bool = False
    examiner: bool = False
    expatriate: bool = False

    @field_validator("employee_number")
    @classmethod
    def _numbered(cls, given: str, info: ValidationInfo) -> str:
        if not _NUMBER.fullmatch(given):
            raise ValueError("is not two capital letters, a dash and six digits, as in CM-004217")
        _free(given, info, "numbers")
        return given

    @field_validator("email")
    @classmethod
    def _mail(cls, given: str | None) -> str | None:
        if given is not None and not _EMAIL.fullmatch(given):
            raise ValueError("is not an e-mail address")
        return given

    @field_validator("phone")
    @classmethod
    def _dialled(cls, given: str | None) -> str | None:
        if given is not None and not _PHONE.fullmatch(given):
            raise ValueError("is not a telephone number")
        return given

    @field_validator("fleet", "base", "contract")
    @classmethod
    def _there(cls, given: str, info: ValidationInfo) -> str:
        known = info.context
        if isinstance(known, Known):
            there = {"fleet": known.fleets, "base": known.bases, "contract": known.contracts}[info.field_name or ""]
            if given not in there:
                raise ValueError(f"is none of {', '.join(there) or 'those on file: there are none'}")
        return given

    @field_validator("licence")
    @classmethod
    def _licensed(cls, given: str, info: ValidationInfo) -> str:
        if info.data.get("rank") == "captain" and given != "ATPL":
            raise ValueError("a captain needs an ATPL")
        return given

    @field_validator("date_of_birth")
    @classmethod
    def _born(cls, given: date | None, info: ValidationInfo) -> date | None:
        if given is not None and given.year < 1900:
            raise ValueError("is before 1900")
        return given

    @field_validator("commenced_on")
    @classmethod
    def _joined(cls, given: date, info: ValidationInfo) -> date:
        born, known = info.data.get("date_of_birth"), info.context
        if given.year < 1900:
            raise ValueError("is before 1900")
        if isinstance(known, Known) and given > known.today:
            raise ValueError("is still to come: a pilot counts from the day of being entered")
        if born is not None and not birthday(born, YOUNGEST) <= given < birthday(born, OLDEST):
            raise ValueError(f"joined below {YOUNGEST} or above {OLDEST} by the date of birth: one of the two is wrong")
        return given

    @field_validator("seniority")
    @classmethod
    def _ranked(cls, given: int, info: ValidationInfo) -> int:
        if not 1 <= given <= 1_000_000:
            raise ValueError("is not a number from 1 on")
        _free(given, info, "seniorities")
        return given

    @field_validator("training_captain", "examiner")
    @classmethod
    def _in_command(cls, given: bool, info: ValidationInfo) -> bool:
        if given and info.data.get("rank") == "first_officer":
            raise ValueError("only captains train and examine")
        return given


FIELDS = tuple(Pilot.model_fields)


def _free(given: Any, info: ValidationInfo, numbers: str) -> None:
    known = info.context
    if isinstance(known, Known) and getattr(known, numbers).get(given, known.pilot) != known.pilot:
        raise ValueError("another pilot has this number")


def create(door: Door, **given: Any) -> Made[int]:
    """Enter a pilot (the fields of ``Pilot``); the number of the row. Raises Invalid with every fault,
    Forbidden."""

    def work(deed: Deed) -> int:
        form = checked(Pilot, given, context=pilots.known(deed.connection))
        number = pilots.add(deed.connection, form.model_dump())
        deed.subject, deed.affected = f"pilot {number}", 1
        deed.detail.update(form.model_dump(mode="json", exclude=set(PERSONAL)))
        return number

    return door.make("pilots.change", "pilot.create", "pilot", work)


def update(door: Door, number: int, version: str, **given: Any) -> Made[tuple[str, ...]]:
    """Change some fields of a pilot, as shown in ``version``; the fields that have changed by it. Raises
    Invalid with every fault, NotFound, Conflict, Forbidden."""

    def work(deed: Deed) -> tuple[str, ...]:
        pilot = _unchanged(deed, number, version)
        whole = {**{name: pilot[name] for name in FIELDS if pilot[name] is not None}, **given}
        form = checked(Pilot, whole, context=pilots.known(deed.connection, number)).model_dump()
        changed = {name: value for name, value in form.items() if value != pilot[name]}
        if changed:
            pilots.change(deed.connection, number, changed)
        deed.affected = 1 if changed else 0
        deed.detail["changed"] = {
            name: "personal" if name in PERSONAL else {"was": pilot[name], "is": value}
            for name, value in changed.items()
        }
        return tuple(changed)

    return door.make("pilots.change", "pilot.update", f"pilot {number}", work)


def deactivate(door: Door, number: int, version: str, *, left_on: date) -> Made[str]:
    """Mark a pilot as gone since ``left_on``; the rows stay. The version of the pilot now. Raises Invalid,
    NotFound, Conflict, Forbidden."""

    def work(deed: Deed) -> str:
        pilot = _unchanged(deed, number, version)
        if not pilot["active"]:
            raise Conflict("The pilot is inactive already.")
        if left_on > pilot["today"]:
            raise Invalid(faults={"left_on": "is still to come: deactivate the pilot on that day"})
        if left_on < pilot["commenced_on"]:
            raise Invalid(faults={"left_on": "is before the pilot joined"})
        pilots.change(deed.connection, number, {"active": False, "left_on": left_on})
        deed.affected = 1
        deed.detail["left_on"] = left_on
        return _version(deed, number)

    return door.make("pilots.change", "pilot.deactivate", f"pilot {number}", work)


def reactivate(door: Door, number: int, version: str) -> Made[str]:
    """Mark a pilot as back. The version of the pilot now. Raises NotFound, Conflict, Forbidden."""

    def work(deed: Deed) -> str:
        pilot = _unchanged(deed, number, version)
        if pilot["active"]:
            raise Conflict("The pilot is active already.")
        pilots.change(deed.connection, number, {"active": True, "left_on": None})
        deed.affected = 1
        deed.detail["left_on"] = {"was": pilot["left_on"], "is": None}
        return _version(deed, number)

    return door.make("pilots.change", "pilot.reactivate", f"pilot {number}", work)


def delete(door: Door, number: int, version: str) -> Made[dict[str, int]]:
    """Remove a pilot with everything on file about them, for one who should never have been entered; how
    many rows of which kind went along. It cannot be undone. Raises NotFound, Conflict, Forbidden."""

    def work(deed: Deed) -> dict[str, int]:
        _unchanged(deed, number, version)
        along = pilots.belongings(deed.connection, number)
        deed.affected = rows.delete(deed.connection, "pilots", key="id", value=number)
        deed.detail.update(along)
        return along

    return door.make("pilots.delete", "pilot.delete", f"pilot {number}", work)


def look(database: Database, number: int, *, role: str) -> Row:
    """A pilot as things are now, with the ``version`` to change. Raises NotFound, SourceDown."""
    with database.snapshot(role=role) as connection:
        pilot = pilots.pilot(connection, number)
    if pilot is None:
        raise NotFound("There is no such pilot.")
    return pilot


def differences(before: Row, after: Row) -> dict[str, tuple[Any, Any]]:
    """What has become of a pilot's fields, state included: field -> before and after."""
    return {
        name: (before[name], after[name])
        for name in (*FIELDS, "active", "left_on")
        if before[name] != after[name]
    }


def _unchanged(deed: Deed, number: int, version: str) -> Row:
    """The pilot, held, if it still is as it was shown."""
    pilot = pilots.held(deed.connection, number)
    if pilot is None:
        raise NotFound("There is no such pilot, or not any more.")
    if pilot["version"] != version:
        raise Conflict("Somebody has changed this pilot since it was shown.")
    return pilot


def _version(deed: Deed, number: int) -> str:
    pilot = pilots.pilot(deed.connection, number)
    assert pilot is not None
    return str(pilot["version"])
