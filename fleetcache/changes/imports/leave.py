"""Import of leave: requests, and decisions that were taken in another system."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from fleetcache.changes.imports.columns import Column, Given
from fleetcache.changes.imports.plan import Good, Kind, Lookup, Plan, Progress, Row, batches, judged, once
from fleetcache.changes.leave import LIVE, Request
from fleetcache.definitions import NOTIFIED_LEAVE, RANKS
from fleetcache.source import imports, leave

COLUMNS = (
    Column("employee_number", "text", "names the pilot", ("CM-000101", "CM-000102"), True),
    Column("leave_type", "code", "code of the kind of leave", ("ANNUAL", "SICK"), True),
    Column("first_day", "day", "first day away", ("2027-02-06", "2026-10-05"), True),
    Column("last_day", "day", "last day away; left out, it is one day", ("2027-02-19", ""), False),
    Column("status", "code", "SUBMITTED (also when left out), APPROVED or DENIED", ("SUBMITTED", "APPROVED")),
    Column("decided_by", "text", "who approved or denied it", ("", "Crew planning")),
    Column("decision_reason", "text", "why; needed where it was denied", ("", "")),
)


class Taken(Request):
    """A request as another system has it, decided there or not."""

    status: Literal["SUBMITTED", "APPROVED", "DENIED"] = "SUBMITTED"
    decided_by: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(None, validate_default=True)
    decision_reason: Annotated[str, StringConstraints(max_length=500)] | None = None

    @model_validator(mode="after")
    def _decided(self) -> Taken:
        if self.first_day.year < 1900 or (self.last_day or self.first_day).year > 2200:
            raise ValueError("first_day: is not between 1900 and 2200")
        if self.status == "SUBMITTED":
            if self.decided_by or self.decision_reason:
                raise ValueError("status: is not decided, but a decision is given")
            return self
        if not self.decided_by:
            raise ValueError("decided_by: say who decided it")
        if self.status == "DENIED":
            if self.leave_type in NOTIFIED_LEAVE:
                raise ValueError("status: this leave is notified, not asked for: it cannot be denied")
            if not self.decision_reason:
                raise ValueError("decision_reason: say why it was denied")
        return self


CODES = {
    name: {code: code for code in get_args(Taken.model_fields[name].annotation)} for name in ("leave_type", "status")
}
LOOKUPS = {name: Lookup(codes) for name, codes in CODES.items()}


def judge(connection: Any, given: Sequence[Given], _seen: Mapping[str, str] | None) -> Plan:
    """A plan of leave requests. One that is on file is never changed. The notes say where approved leave goes
    below the minimum; where it was asked for and not only notified, that is an objection, as is jumping a more
    senior request."""
    plan = Plan()
    pilots = imports.pilots(connection, [row.values.get("employee_number") for row in given])
    there = imports.leave(connection, [pilot["pilot_id"] for pilot in pilots.values()])
    on_file: dict[Hashable, str] = {
        (row["pilot_id"], row["leave_type"], row["first_day"], row["last_day"]): row["status"]
        for row in there
    }
    found: list[Good[Taken]] = []
    for row in given:
        written = dict(row.values)
        pilot = pilots.get(str(written.pop("employee_number", "")))
        for name, codes in LOOKUPS.items():
            if name in written:
                written[name] = codes.code(written[name])
        form, faults = judged(Taken, {**written, "pilot_id": pilot["pilot_id"] if pilot else 0}, row)
        if pilot is None:
            known = "employee_number" in row.values
            faults.setdefault("employee_number", "no pilot has this number" if known else "is missing")
        if form is None or pilot is None:
            plan.refuse(row.line, faults)
        else:
            key = form.pilot_id, form.leave_type, form.first_day, form.last_day or form.first_day
            found.append(Good(row.line, key, form, pilot))
    for one in once(plan, "first_day", found):
        form, pilot = one.form, one.case
        if (status := on_file.get(one.key)) is not None:
            # A request stays what it is, whatever has become of it since; a decision has to be the same one.
            if form.status in ("SUBMITTED", status):
                plan.unchanged += 1
            else:
                plan.refuse(one.line, {"status": f"is on file as {status}: decide it there"})
        elif not pilot["active"] and form.status == "SUBMITTED":
            plan.refuse(one.line, {"employee_number": "the pilot is not active"})
        else:
            values = form.model_dump(exclude={"draft"})
            plan.new.append({**values, "fleet": pilot["fleet"], "rank": pilot["rank"]})
    _weigh(connection, plan)
    if overlaps := _overlaps(plan.new, there):
        rows = "1 new row is" if overlaps == 1 else f"{overlaps:,} new rows are"
        plan.notes.append(f"{rows} for days on which the same pilot has other leave: look whether it is meant so.")
    return plan


def _weigh(connection: Any, plan: Plan) -> None:
    """What approved leave of the file does to the crews: notes, objections, and what the audit says of it."""
    plan.detail.update({status.lower(): sum(row["status"] == status for row in plan.new) for status in ("APPROVED", "DENIED")})
    if not plan.detail["approved"]:
        return
    weighed = [{**row, "notified": row["leave_type"] in NOTIFIED_LEAVE} for row in plan.new if row["status"] != "DENIED"]
    for group in imports.below(connection, weighed):
        plan.notes.append(
            f"{_crew(group)} are below the minimum on {_days(group['days'])} with the approved leave of this file, the worst"
            f" of them {group['worst_day']:%a} {group['worst_day'].day} {group['worst_day']:%b %Y}: {group['worst']} of {group['minimum']}."
        )
        plan.detail.setdefault("below", []).append(group)
        if group["asked"]:
            plan.objections.append(f"{_crew(group)} would be below the minimum on {_days(group['asked'])} by leave that was asked for")
    for group in imports.jumped(connection, weighed, list(NOTIFIED_LEAVE)):
        count = "1 undecided request" if group["requests"] == 1 else f"{group['requests']:,} undecided requests"
        plan.detail.setdefault("jumped", []).append(group)
        plan.objections.append(f"{count} of more senior {_crew(group)} for the same days would be jumped")
    plan.seen = dict.fromkeys(plan.objections, "")


def _crew(group: Row) -> str:
    return f"{group['fleet']} {RANKS[group['rank']].lower()}s"


def _days(count: int) -> str:
    return f"{count:,} {'day' if count == 1 else 'days'}"


def _overlaps(new: Sequence[Row], there: Sequence[Row]) -> int:
    """How many new rows share a day with other leave of the same pilot, in the file or on file."""
    live = sorted(
        (row["pilot_id"], row["first_day"], row["last_day"] or row["first_day"], place)
        for place, row in enumerate((*new, *there))
        if row["status"] in LIVE
    )
    shared: set[int] = set()
    last: tuple[int, Any, int] | None = None
    for pilot, first, end, place in live:
        if last is not None and last[0] == pilot and first <= last[1]:
            shared.update((last[2], place))
        if last is None or last[0] != pilot or end > last[1]:
            last = pilot, end, place
    return sum(place < len(new) for place in shared)


def hold(connection: Any, given: Sequence[Given]) -> None:
    """One decision at a time about the fleets and ranks of those whose leave is approved."""
    states = LOOKUPS["status"]
    decided = [row.values.get("employee_number") for row in given if states.code(row.values.get("status")) == "APPROVED"]
    groups = {(pilot["fleet"], pilot["rank"]) for pilot in imports.pilots(connection, decided).values()}
    for fleet, rank in sorted(groups):
        leave.hold(connection, fleet, rank)


def write(connection: Any, plan: Plan, _actor: str, progress: Progress) -> None:
    """Add the requests of a plan."""
    done = 0
    for batch in batches(plan.new):
        imports.write(connection, "import_leave_add", batch)
        done += len(batch)
        progress(done, len(plan.new))


LEAVE = Kind("leave", COLUMNS, judge, write, CODES, hold)
