"""Import of certifications: a later one renews, an earlier one is history, nothing is overwritten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fleetcache.changes.document import Case, Document, unsettled
from fleetcache.changes.imports.columns import Column, Given
from fleetcache.changes.imports.plan import Good, Kind, Lookup, Plan, Progress, Row, batches, judged, once
from fleetcache.changes.validity import VARIES
from fleetcache.source import certifications, imports

COLUMNS = (
    Column("employee_number", "text", "names the pilot", ("CM-000101", "CM-000102"), True),
    Column("check_type", "code", "code or name of the check", ("MEDICAL", "Line check"), True),
    Column("completed_on", "day", "day of completion", ("2026-03-14", "2026-05-02"), True),
    Column("expires_on", "day", "day that is printed; left out, it is worked out by the rules", ("2027-03-14", "")),
    Column("never_expires", "flag", "yes where the document says so", ("", "")),
    Column("issuer", "text", "who issued it", ("Harbour Clinic", "Flight Standards"), True),
    Column("document_number", "text", "number of the document", ("MED-2026-0101", "LC-2026-0102"), True),
)
PRINTED = ("expires_on", "never_expires")
SAID = 10
"""How many rows a note names."""
Key = tuple[int, str]


def judge(connection: Any, given: Sequence[Given], _seen: Mapping[str, str] | None) -> Plan:
    """A plan of rows of certifications. A row on file is never changed: one that says otherwise is bad."""
    plan = Plan()
    checks = certifications.check_types(connection)
    codes = Lookup({code: check.name for code, check in checks.items()})
    pilots = imports.pilots(connection, [row.values.get("employee_number") for row in given])
    chains, removed = _on_file(connection, [pilot["pilot_id"] for pilot in pilots.values()])
    fresh: dict[Key, list[tuple[Document, Case]]] = defaultdict(list)
    found: list[Good[Document]] = []
    for row in given:
        written = dict(row.values)
        pilot = pilots.get(str(written.pop("employee_number", "")))
        check = checks.get(str(codes.code(written.pop("check_type", ""))))
        case = Case(pilot["today"], pilot["pilot_id"], pilot["date_of_birth"], check) if pilot and check else None
        written["as_printed"] = any(written.get(name) for name in PRINTED)
        form, faults = judged(Document, written, row, context=case)
        if pilot is None:
            faults.setdefault("employee_number", _unknown(row, "employee_number", "no pilot has this number"))
        if check is None:
            faults.setdefault("check_type", _unknown(row, "check_type", "there is no such check"))
        if faults or form is None or case is None:
            plan.refuse(row.line, faults)
        else:
            found.append(Good(row.line, (case.pilot_id, case.check.code, form.completed_on), form, case))
    for one in once(plan, "completed_on", found):
        form, case = one.form, one.case
        key = case.pilot_id, case.check.code
        if differs := [_difference(form, there) for there in chains[key] if there["completed_on"] == form.completed_on]:
            if {} in differs:
                plan.unchanged += 1
            else:
                plan.refuse(one.line, differs[-1])
        elif any(gone["completed_on"] == form.completed_on and not _difference(form, gone) for gone in removed[key]):
            plan.refuse(one.line, {"completed_on": "this row was on file and was taken back: restore it there if it is right"})
        elif case.check.code in VARIES and not form.as_printed:
            plan.refuse(one.line, {"expires_on": "give expires_on or never_expires: how long it is good for, only the document says"})
        else:
            fresh[key].append((form, case))
    linked = {key: _linked(plan, chains[key], documents) for key, documents in fresh.items()}
    renewals = sum("id" not in whole[-1] for whole in linked.values())
    _later(plan, fresh, chains, linked, {pilot["pilot_id"]: number for number, pilot in pilots.items()})
    if plan.new:
        older = len(plan.new) - renewals
        plan.notes.append(f"Of the new rows {renewals:,} are what their pilots hold now; {older:,} are older, for the history.")
    return plan


def _unknown(row: Given, column: str, why: str) -> str:
    return why if column in row.values else "is missing"


def _on_file(connection: Any, pilots: Sequence[int]) -> tuple[dict[Key, list[Row]], dict[Key, list[Row]]]:
    """Of each check of each pilot the rows that count, the oldest first, and those that were taken back."""
    chains: dict[Key, list[Row]] = defaultdict(list)
    removed: dict[Key, list[Row]] = defaultdict(list)
    for row in imports.certifications(connection, pilots):
        (removed if row["voided"] else chains)[row["pilot_id"], row["check_type"]].append(row)
    return chains, removed


def _difference(form: Document, there: Row) -> dict[str, str]:
    """What a row of the file says otherwise than the one on file of the same day."""
    names = [*(PRINTED if form.as_printed else ()), "issuer", "document_number"]
    return {
        name: f"another one is on file for this day ({there[name] or 'none'}): correct it there if it is wrong"
        for name in names
        if getattr(form, name) != there[name]
    }


def _linked(plan: Plan, chain: Sequence[Row], documents: Sequence[tuple[Document, Case]]) -> list[Row]:
    """Put the new rows of one check of one pilot where their completion puts them; all of its rows then, the
    oldest first."""
    whole: list[tuple[date, Row | tuple[Document, Case]]] = [
        *((row["completed_on"], row) for row in chain),
        *((document.completed_on, (document, case)) for document, case in documents),
    ]
    before: Row | None = None
    fresh = False
    rows: list[Row] = []
    for _, one in sorted(whole, key=lambda each: each[0]):
        new = isinstance(one, tuple)
        row = one[0].columns(one[1], before) if isinstance(one, tuple) else one
        if new:
            plan.new.append(row)
        if before is not None and (new or fresh):
            # The rows of a file have no number yet: each names the row that comes after it.
            before["after"] = row
            if not fresh:
                plan.links.append(before)
        before, fresh = row, new
        rows.append(row)
    return rows


def _later(
    plan: Plan,
    fresh: Mapping[Key, Sequence[tuple[Document, Case]]],
    chains: Mapping[Key, list[Row]],
    linked: Mapping[Key, list[Row]],
    numbers: Mapping[int, str],
) -> None:
    """Say which rows on file follow a new one and would now run out on another day by the rules: they stay."""
    found = [
        f"{numbers[key[0]]} {key[1]} {one.sentence()}"
        for key, documents in fresh.items()
        for one in unsettled(documents[0][1], chains[key], linked[key])
    ]
    if found:
        plan.detail["unsettled"] = len(found)
        more = f"; and {len(found) - SAID:,} more" if len(found) > SAID else ""
        plan.notes.append(
            f"Later rows on file would now run out on another day by the rules ({len(found):,}): look at them, and correct"
            f" them if they were not printed so: {'; '.join(found[:SAID])}{more}."
        )


def write(connection: Any, plan: Plan, actor: str, progress: Progress) -> None:
    """Add the rows of a plan; the rows they follow give way first, for one only is current at any time."""
    for row, number in zip(plan.new, imports.numbers(connection, "certifications", len(plan.new)), strict=True):
        row["id"] = number
    for batch in batches([{"id": row["id"], "after": row["after"]["id"]} for row in plan.links]):
        imports.write(connection, "import_certifications_supersede", batch)
    done = 0
    for batch in batches(plan.new):
        after = [{**row, "after": row["after"]["id"] if "after" in row else None, "recorded_by": actor} for row in batch]
        imports.write(connection, "import_certifications_add", after)
        done += len(batch)
        progress(done, len(plan.new))


CERTIFICATIONS = Kind("certifications", COLUMNS, judge, write, {})
