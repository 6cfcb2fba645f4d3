"""What a document of a check says, and what it is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from fleetcache.changes.validity import Expiry, expiry
from fleetcache.figures.reference import CheckType

Row = dict[str, Any]

Text = Annotated[str, StringConstraints(min_length=1, max_length=120)]
_WORKED_OUT = "is worked out by the rules, unless it is taken as printed on the document"


@dataclass(frozen=True)
class Case:
    """What a document is judged by: the day, the pilot and when they were born, the kind of check, and the
    days of completion that are on file already."""

    today: date
    pilot_id: int
    born: date | None
    check: CheckType
    on_file: frozenset[date] = frozenset()


class Document(BaseModel):
    """What a document says. The day it runs out is worked out by the rules; where the document itself says
    otherwise (``expires_on``, or ``never_expires``), it is taken ``as_printed``. Validated in the context of
    a ``Case``, it also refuses what cannot be of that pilot."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    completed_on: date
    issuer: Text
    document_number: Text
    as_printed: bool = False
    never_expires: bool = False
    expires_on: date | None = Field(None, validate_default=True)

    @field_validator("completed_on")
    @classmethod
    def _done(cls, given: date, info: ValidationInfo) -> date:
        case = info.context
        if given.year < 1900:
            raise ValueError("is before 1900")
        if isinstance(case, Case):
            if given > case.today:
                raise ValueError("is still to come")
            if case.born is not None and given <= case.born:
                raise ValueError("is before the pilot was born")
            if given in case.on_file:
                raise ValueError("is the day of a row that is on file already: correct that one")
        return given

    @field_validator("never_expires")
    @classmethod
    def _lasts(cls, given: bool, info: ValidationInfo) -> bool:
        if given and not info.data.get("as_printed", True):
            raise ValueError(_WORKED_OUT)
        return given

    @field_validator("expires_on")
    @classmethod
    def _ends(cls, given: date | None, info: ValidationInfo) -> date | None:
        as_printed, never, completed = map(info.data.get, ("as_printed", "never_expires", "completed_on"))
        if given is None:
            if as_printed and never is False:
                raise ValueError("give the day that is printed, or say that it never expires")
            return None
        if as_printed is False:
            raise ValueError(_WORKED_OUT)
        if never:
            raise ValueError("either it never expires or it does on a day, not both")
        if completed is not None and given < completed:
            raise ValueError("is before the day of completion")
        if given.year > 2200:
            raise ValueError("is after 2200")
        return given

    def columns(self, case: Case, before: Row | None) -> Row:
        """Its row, if it renews ``before``."""
        ends = self.expires_on if self.as_printed else proposed(case, self.completed_on, before).on
        return {
            "pilot_id": case.pilot_id,
            "check_type": case.check.code,
            "completed_on": self.completed_on,
            "expires_on": ends,
            "never_expires": self.never_expires,
            "issuer": self.issuer,
            "document_number": self.document_number,
        }


class Of(BaseModel):
    """The pilot and the check that a document is of."""

    pilot_id: int
    check_type: str


class Certification(Document, Of):
    """A document, with the check and the pilot it is of."""


class Reason(BaseModel):
    """Why a row is taken back."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Correction(Document, Reason):
    """The right document, and why the row on file is not."""


@dataclass(frozen=True)
class Unsettled:
    """A later ``row`` that follows another one than before, and the day on which it would run out by the rules
    now (None: never). It stays as it is until somebody has looked at the document."""

    row: Row
    by_rules: date | None

    def sentence(self) -> str:
        """“completed 5 Oct 2025 runs out 31 Dec 2026, by the rules now 31 Oct 2026”."""
        return f"completed {_said(self.row['completed_on'])} runs out {_said(self.row['expires_on'])}, by the rules now {_said(self.by_rules)}"


def unsettled(case: Case, was: Sequence[Row], now: Sequence[Row]) -> tuple[Unsettled, ...]:
    """The rows of a check whose expiry by the rules has moved, for another one stands before them, and is not the
    one on file."""

    def by_rules(chain: Sequence[Row]) -> dict[Any, date | None]:
        return {
            row["id"]: proposed(case, row["completed_on"], before).on
            for before, row in zip((None, *chain), chain, strict=False)
            if row.get("id") is not None and not row["never_expires"]
        }

    then, ends = by_rules(was), by_rules(now)
    return tuple(
        Unsettled(row, ends[row["id"]])
        for row in now
        if row.get("id") in then and then[row["id"]] != ends[row["id"]] and ends[row["id"]] != row["expires_on"]
    )


def _said(day: date | None) -> str:
    return f"{day.day} {day:%b %Y}" if day is not None else "never"


def proposed(case: Case, completed_on: date, before: Mapping[str, Any] | None) -> Expiry:
    """When a check completed then runs out, by the rules, if it renews ``before``."""
    renews = before["expires_on"] if before is not None else None
    return expiry(case.check, completed_on, born=case.born, renews=renews)
