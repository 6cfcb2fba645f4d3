"""Leave: submitted, reviewed, decided, withdrawn, and decided again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from fleetcache.changes.door import Door, Made
from fleetcache.changes.form import checked
from fleetcache.changes.leave_effect import Effect, effect
from fleetcache.definitions import NOTIFIED_LEAVE
from fleetcache.errors import Conflict, Invalid, NeedsOverride, NotFound
from fleetcache.source import leave as source
from fleetcache.source import rows
from fleetcache.source.audit import Deed
from fleetcache.source.database import Database
from fleetcache.source.leave import Row

UNDECIDED = ("SUBMITTED", "IN_REVIEW")
STEPS = {
    "submit": ("DRAFT",),
    "review": ("SUBMITTED",),
    "approve": UNDECIDED,
    "deny": UNDECIDED,
    "withdraw": ("DRAFT", *UNDECIDED, "APPROVED"),
    "reopen": ("APPROVED", "DENIED", "WITHDRAWN"),
}
"""From which states each step may be taken."""
LONGEST = 366
LIVE = (*UNDECIDED, "DRAFT", "APPROVED")


@dataclass(frozen=True)
class Stepped:
    """The ``version`` of the request after a step, and what approving it did."""

    version: str
    effect: Effect | None = None



class Request(BaseModel):
    """A new request. ``last_day`` may be left out for a single day; a ``draft`` is not submitted yet."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    pilot_id: StrictInt
    leave_type: Literal["ANNUAL", "SICK", "RDO", "LSL", "SDO", "COMPASSIONATE", "LWOP", "MATERNITY"]
    first_day: date
    last_day: date | None = None
    channel: Literal["portal", "email", "phone", "admin"] = "admin"
    draft: bool = Field(False)

    @model_validator(mode="after")
    def _in_order(self) -> Request:
        last = self.last_day or self.first_day
        if last < self.first_day:
            raise ValueError("last_day: the last day is before the first")
        if (last - self.first_day).days >= LONGEST:
            raise ValueError(f"last_day: longer than {LONGEST} days; give it in parts")
        return self


def submit(door: Door, **given: Any) -> Made[int]:
    """Enter a new request (the fields of ``Request``); its number. Raises Invalid, NotFound, Forbidden."""

    def work(deed: Deed) -> int:
        form = checked(Request, given)
        pilot = rows.locked(deed.connection, "pilots", key="id", value=form.pilot_id)
        if pilot is None:
            raise NotFound("There is no such pilot.")
        if not pilot["active"]:
            raise Invalid(faults={"pilot_id": "the pilot is not active"})
        if source.same(deed.connection, form.pilot_id, form.leave_type, form.first_day, form.last_day, LIVE):
            raise Invalid(faults={"first_day": "the pilot has asked for this leave on these days already"})
        values = form.model_dump(exclude={"draft"})
        values["status"] = "DRAFT" if form.draft else "SUBMITTED"
        values["submitted_at"] = None if form.draft else rows.now(deed.connection)
        number = int(rows.insert(deed.connection, "leave_requests", values))
        deed.subject, deed.affected = f"leave request {number}", 1
        deed.detail.update(pilot=form.pilot_id, **form.model_dump(mode="json", exclude={"pilot_id"}))
        return number

    return door.make("leave.change", "leave.submit", "leave request", work)


def send(door: Door, number: int, version: str) -> Made[Stepped]:
    """Submit a draft. Raises NotFound, Conflict, Forbidden."""
    return _step(door, "submit", number, version, lambda now: {"status": "SUBMITTED", "submitted_at": now["now"]})


def review(door: Door, number: int, version: str) -> Made[Stepped]:
    """Take a request up for review. Raises NotFound, Conflict, Forbidden."""
    return _step(door, "review", number, version, lambda _: {"status": "IN_REVIEW"})


def approve(
    door: Door, number: int, version: str, *, override: str = "", seen: Effect | None = None
) -> Made[Stepped]:
    """Approve a request, judged on its worst day; what it does.

    Two approvals of one fleet and rank wait for each other, so that the second is judged with the
    first in it. Raises NeedsOverride when it would leave the crew below the minimum or jumps a more
    senior pilot, unless the person may override that and gives the reason; Conflict when an override
    would cover more than was ``seen``; NotFound, Forbidden.
    """

    def judge(deed: Deed, request: Row) -> Effect:
        found = _effect(deed.connection, request)
        objections = found.objections()
        worst = found.worst
        deed.detail.update(margin=worst.margin if worst else None, worst_day=worst.day if worst else None)
        if objections:
            if not override.strip():
                raise NeedsOverride(f"Not approved: {'; '.join(objections)}.")
            door.person.must("leave.override")
            if seen is not None and found.worse_than(seen):
                raise Conflict("More stands against approving than was shown.")
            deed.detail.update(override=override.strip(), below=len(found.below), jumped=len(found.before))
        return found

    decided = _decided(door, "APPROVED", _reason(override))
    return _step(door, "approve", number, version, decided, judge)


def deny(door: Door, number: int, version: str, *, reason: str) -> Made[Stepped]:
    """Deny a request of a type that may be refused. Raises Invalid without a reason, NotFound, Conflict,
    Forbidden."""

    def judge(deed: Deed, request: Row) -> None:
        if not reason.strip():
            raise Invalid(faults={"reason": "say why it is denied"})
        if request["leave_type"] in NOTIFIED_LEAVE:
            raise Invalid(faults={"leave_type": "this leave is notified, not asked for: it can only be recorded"})
        deed.detail["reason"] = reason.strip()

    return _step(door, "deny", number, version, _decided(door, "DENIED", _reason(reason)), judge)


def withdraw(door: Door, number: int, version: str, *, reason: str = "") -> Made[Stepped]:
    """Take a request back, also one that was approved. Raises NotFound, Conflict, Forbidden."""

    def note(deed: Deed, _request: Row) -> None:
        if reason.strip():
            deed.detail["reason"] = reason.strip()

    taken = {"status": "WITHDRAWN", "decision_reason": _reason(reason)}

    def values(request: Row) -> dict[str, Any]:
        return {**taken, "submitted_at": request["submitted_at"] or request["now"]}

    return _step(door, "withdraw", number, version, values, note)


def reopen(door: Door, number: int, version: str) -> Made[Stepped]:
    """Take a decision back: the request is in review again. Raises NotFound, Conflict, Forbidden."""
    nothing = {"status": "IN_REVIEW", "decided_at": None, "decided_by": None, "decision_reason": None}
    return _step(door, "reopen", number, version, lambda _: nothing)


def preview(database: Database, number: int, *, role: str) -> Effect:
    """What approving a request would do as things are now; its request has the ``version`` to decide on.
    Raises NotFound, SourceDown."""
    with database.snapshot(role=role) as connection:
        request = source.request(connection, number)
        if request is None:
            raise NotFound("There is no such leave request.")
        return _effect(connection, request)


def _effect(connection: Any, request: Row) -> Effect:
    return effect(
        request,
        source.days(connection, request),
        source.before(connection, request),
        source.year(connection, request["pilot_id"], request["first_day"]),
    )


def _reason(text: str) -> str | None:
    """A reason as it is kept. Raises Invalid for what is no text."""
    if any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in text):
        raise Invalid(faults={"reason": "has characters in it that are no text"})
    return text.strip() or None


def _decided(door: Door, status: str, reason: str | None) -> Callable[[Row], dict[str, Any]]:
    def values(request: Row) -> dict[str, Any]:
        # A clock that was behind when it was submitted must not make a decision impossible.
        at = max(request["now"], request["submitted_at"])
        return {"status": status, "decision_reason": reason, "decided_at": at, "decided_by": door.person.name}

    return values


def _step(
    door: Door,
    step: str,
    number: int,
    version: str,
    values: Callable[[Row], dict[str, Any]],
    judge: Callable[[Deed, Row], Effect | None] = lambda _deed, _request: None,
) -> Made[Stepped]:
    """One step of a request's life, if it still is as it was shown."""

    def work(deed: Deed) -> Stepped:
        request = _held(deed, number)
        if request["version"] != version:
            raise Conflict("Somebody has changed this leave request since it was shown.")
        if request["status"] not in STEPS[step]:
            state = request["status"].replace("_", " ").lower()
            raise Conflict(f"The request is {state}: it cannot be {PAST[step]} now.")
        if not request["active"] and step in ("submit", "review", "approve"):
            raise Invalid(faults={"pilot_id": "the pilot is not active any more"})
        deed.detail.update(pilot=request["pilot_id"], was=request["status"])
        judged = judge(deed, request)
        deed.affected = rows.update(deed.connection, "leave_requests", values(request), key="id", value=number)
        after = rows.locked(deed.connection, "leave_requests", key="id", value=number)
        assert after is not None
        return Stepped(after[rows.VERSION], judged)

    return door.make("leave.change", f"leave.{step}", f"leave request {number}", work)


def _held(deed: Deed, number: int) -> Row:
    """The request, held with its pilot until the end: first the pilot, whose fleet and rank say whom it
    is judged beside, then these, then the request (as everybody does who takes more than one of them)."""
    shown = source.request(deed.connection, number)
    pilot = rows.locked(deed.connection, "pilots", key="id", value=shown["pilot_id"]) if shown else None
    if pilot is not None:
        source.hold(deed.connection, pilot["fleet"], pilot["rank"])
        rows.locked(deed.connection, "leave_requests", key="id", value=number)
    request = source.request(deed.connection, number)
    if request is None:
        raise NotFound("There is no such leave request.")
    if pilot is None or request["pilot_id"] != pilot["id"]:
        raise Conflict("Somebody has changed this leave request since it was shown.")
    return request


PAST = {
    "submit": "submitted",
    "review": "reviewed",
    "approve": "approved",
    "deny": "denied",
    "withdraw": "withdrawn",
    "reopen": "reopened",
}
