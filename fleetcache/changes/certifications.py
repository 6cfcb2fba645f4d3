"""Certifications: added, renewed, corrected and taken back. Nothing is ever overwritten.

Of each check of a pilot the row completed last is the current one, among those that were not taken back;
what was completed earlier is its history, also when it is entered later. Hence a row that is taken back
leaves its place to the one before it, which then counts again: the check that was recorded never took
place, so what the pilot holds is what they held before it. Who takes it back is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fleetcache.changes.document import (
    Case,
    Certification,
    Correction,
    Document,
    Of,
    Reason,
    Unsettled,
    unsettled,
)
from fleetcache.changes.door import Door, Made
from fleetcache.changes.form import checked
from fleetcache.errors import Conflict, Invalid, NotFound
from fleetcache.source import certifications, pilots
from fleetcache.source.audit import Deed
from fleetcache.source.rows import Row

_SAID = ("completed_on", "expires_on", "never_expires")
_PERSONAL = ("issuer", "document_number")
"""What the audit says of a row; of what is personal only that it has changed."""


@dataclass(frozen=True)
class Recorded:
    """The ``row`` that was written or taken back, and the one of that check that is ``current`` now, if any
    is; each with its ``version``. ``later`` are rows that follow another one than before and would now run
    out on another day by the rules: they are left as they are, for they may have been printed so."""

    row: Row
    current: Row | None
    later: tuple[Unsettled, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether the row is the current one now; else it is history, or taken back."""
        return self.current is not None and self.current["id"] == self.row["id"]


def add(door: Door, **given: Any) -> Made[Recorded]:
    """Enter the first row of a check, or an older one behind the current (the fields of
    ``Certification``). Raises Conflict when it would renew the current one, Invalid, NotFound, Forbidden."""

    def work(deed: Deed) -> Recorded:
        of = checked(Of, {name: given[name] for name in Of.model_fields if name in given})
        case, chain = _case(deed, of.pilot_id, of.check_type)
        document = checked(Certification, given, context=case)
        last = chain[-1] if chain else None
        if last is not None and document.completed_on > last["completed_on"]:
            raise Conflict(f"The pilot already holds this check, completed on {last['completed_on']}: renew that row.")
        return _put(door, deed, case, chain, document, was=chain)

    return door.make("certifications.change", "certification.add", "certification", work)


def renew(door: Door, number: int, version: str, **given: Any) -> Made[Recorded]:
    """Renew a current row, as shown in ``version`` (the fields of ``Document``). One that was completed
    earlier than it becomes history. Raises Invalid, NotFound, Conflict, Forbidden."""

    def work(deed: Deed) -> Recorded:
        row, case, chain = _unchanged(deed, number, version)
        if row["superseded_by"] is not None:
            raise Conflict("This row has been renewed already.")
        deed.detail["renews"] = number
        return _put(door, deed, case, chain, checked(Document, given, context=case), was=chain)

    return door.make("certifications.change", "certification.renew", f"certification {number}", work)


def correct(door: Door, number: int, version: str, **given: Any) -> Made[Recorded]:
    """Take a row back for a ``reason`` and enter the right one in its stead (the fields of ``Document``),
    at the place in the history where its completion puts it. Raises Invalid, NotFound, Conflict, Forbidden."""

    def work(deed: Deed) -> Recorded:
        row, case, chain = _unchanged(deed, number, version)
        rest = [other for other in chain if other["id"] != number]
        document = checked(Correction, given, context=replace(case, on_file=_days(rest)))
        _take_out(deed, row, chain, document.reason)
        deed.detail["changed"] = [name for name in _PERSONAL if getattr(document, name) != row[name]]
        return _put(door, deed, case, rest, document, was=chain)

    return door.make("certifications.change", "certification.correct", f"certification {number}", work)


def remove(door: Door, number: int, version: str, *, reason: str) -> Made[Recorded]:
    """Take a row back for a ``reason``; the one before it counts again. Raises Invalid without a reason,
    NotFound, Conflict, Forbidden."""

    def work(deed: Deed) -> Recorded:
        row, case, chain = _unchanged(deed, number, version)
        _take_out(deed, row, chain, checked(Reason, {"reason": reason}).reason)
        return _recorded(deed, number, case, chain)

    return door.make("certifications.change", "certification.remove", f"certification {number}", work)


def restore(door: Door, number: int, version: str) -> Made[Recorded]:
    """Have a row that was taken back count again. Raises Conflict when another row of the same day has
    taken its place, NotFound, Forbidden."""

    def work(deed: Deed) -> Recorded:
        row, case, chain = _held(deed, number, version)
        if row["void_reason"] is None:
            raise Conflict("This row counts already.")
        if row["completed_on"] in case.on_file:
            raise Conflict("Another row of the same day has taken its place.")
        before, after = certifications.between(chain, row["completed_on"])
        certifications.put_back(deed.connection, number, before=before, after=after)
        deed.detail["void_reason"] = row["void_reason"]
        return _recorded(deed, number, case, chain)

    return door.make("certifications.change", "certification.restore", f"certification {number}", work)


def _case(deed: Deed, pilot_id: int, check_type: str) -> tuple[Case, list[Row]]:
    """What a document of this check is judged by, and the rows of the check; the pilot is held, so that
    one change of their checks follows another."""
    pilot = pilots.held(deed.connection, pilot_id)
    if pilot is None:
        raise NotFound("There is no such pilot, or not any more.")
    check = certifications.check_types(deed.connection).get(check_type)
    if check is None:
        raise Invalid(faults={"check_type": "there is no such check"})
    chain = certifications.chain(deed.connection, pilot_id, check_type)
    deed.detail.update(pilot=pilot_id, check=check_type)
    return Case(pilot["today"], pilot_id, pilot["date_of_birth"], check, _days(chain)), chain


def _held(deed: Deed, number: int, version: str) -> tuple[Row, Case, list[Row]]:
    """A row with the chain of its check, held, if it still is as it was shown."""
    shown = certifications.certification(deed.connection, number)
    if shown is None:
        raise NotFound("There is no such certification.")
    case, chain = _case(deed, shown["pilot_id"], shown["check_type"])
    row = certifications.certification(deed.connection, number)
    if row is None or row["version"] != version:
        raise Conflict("Somebody has changed this row since it was shown.")
    return row, case, chain


def _unchanged(deed: Deed, number: int, version: str) -> tuple[Row, Case, list[Row]]:
    row, case, chain = _held(deed, number, version)
    if row["void_reason"] is not None:
        raise Conflict("This row was taken back already.")
    return row, case, chain


def _put(door: Door, deed: Deed, case: Case, chain: list[Row], document: Document, *, was: list[Row]) -> Recorded:
    """Enter a document where its completion puts it; ``was`` is the chain before anything changed."""
    before, after = certifications.between(chain, document.completed_on)
    row = {**document.columns(case, before), "recorded_by": door.person.name}
    number = certifications.put(deed.connection, row, before=before, after=after)
    deed.detail.update({"is": _said(row), "as_printed": document.as_printed})
    return _recorded(deed, number, case, was)


def _take_out(deed: Deed, row: Row, chain: list[Row], reason: str) -> None:
    place = next(place for place, one in enumerate(chain) if one["id"] == row["id"])
    before = chain[place - 1] if place else None
    after = chain[place + 1] if place + 1 < len(chain) else None
    certifications.take_out(deed.connection, row["id"], reason, before=before, after=after)
    deed.detail.update(was=_said(row), reason=reason)


def _recorded(deed: Deed, number: int, case: Case, was: list[Row]) -> Recorded:
    row = certifications.certification(deed.connection, number)
    assert row is not None
    chain = certifications.chain(deed.connection, row["pilot_id"], row["check_type"])
    current = next((one for one in chain if one["superseded_by"] is None), None)
    deed.affected = 1
    deed.detail["current"] = current["id"] if current is not None else None
    later = unsettled(case, was, chain)
    if later:
        deed.detail["later"] = [
            {"certification": one.row["id"], "expires_on": one.row["expires_on"], "by_rules": one.by_rules} for one in later
        ]
    return Recorded(row, current, later)


def _days(chain: list[Row]) -> frozenset[date]:
    return frozenset(row["completed_on"] for row in chain)


def _said(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _SAID}
