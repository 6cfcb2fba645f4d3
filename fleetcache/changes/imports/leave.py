"""Import of leave: requests, and decisions that were taken in another system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from fleetcache.changes.imports.columns import Column, Given
from fleetcache.changes.imports.plan import Kind, Lines, Lookup, Plan, Progress, batches, judged
from fleetcache.changes.leave import Request
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
    """A plan of leave requests. One that is on file is never changed; approved leave is taken as it is, and
    the notes say where it goes below the minimum."""
    plan, lines = Plan(), Lines()
    pilots = imports.pilots(connection, [row.values.get("employee_number") for row in given])
    on_file = {
        (row["pilot_id"], row["leave_type"], row["first_day"], row["last_day"]): row["status"]
        for row in imports.leave(connection, [pilot["pilot_id"] for pilot in pilots.values()])
    }
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
            continue
        key = form.pilot_id, form.leave_type, form.first_day, form.last_day or form.first_day
        if again := lines.repeats(key, row.line):
            plan.refuse(row.line, {"first_day": again})
        elif (status := on_file.get(key)) is not None:
            # A request stays what it is, whatever has become of it since; a decision has to be the same one.
            if form.status in ("SUBMITTED", status):
                plan.unchanged += 1
            else:
                plan.refuse(row.line, {"status": f"is on file as {status}: decide it there"})
        elif not pilot["active"] and form.status == "SUBMITTED":
            plan.refuse(row.line, {"employee_number": "the pilot is not active"})
        else:
            values = form.model_dump(exclude={"draft"})
            plan.new.append({**values, "fleet": pilot["fleet"], "rank": pilot["rank"]})
    plan.notes.extend(_below(connection, plan))
    return plan


def _below(connection: Any, plan: Plan) -> list[str]:
    """Where approved leave of the file goes below the minimum, of each fleet and rank."""
    approved = [row for row in plan.new if row["status"] == "APPROVED"]
    return [
        f"{group['fleet']} {RANKS[group['rank']].lower()}s are below the minimum on"
        f" {group['days']:,} {'day' if group['days'] == 1 else 'days'} with the approved leave of this file, the worst"
        f" of them {group['worst_day']:%a} {group['worst_day'].day} {group['worst_day']:%b %Y}: {group['worst']} of {group['minimum']}."
        for group in (imports.below(connection, approved) if approved else [])
    ]


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
