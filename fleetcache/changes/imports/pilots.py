"""Import of pilots: entered where the employee number is new, changed where something differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fleetcache.changes.imports.columns import Column, Given
from fleetcache.changes.imports.plan import Good, Kind, Lookup, Plan, Progress, Row, batches, judged, once
from fleetcache.changes.pilots import FIELDS, Pilot
from fleetcache.definitions import RANKS
from fleetcache.source import imports, pilots

COLUMNS = (
    Column("employee_number", "text", "names the pilot: two capital letters, a dash, six digits", ("CM-900001", "CM-900002"), True),
    Column("given_name", "text", "first names", ("Ana", "Bo")),
    Column("family_name", "text", "last name", ("Example", "Sample")),
    Column("email", "text", "e-mail address", ("ana@example.org", "")),
    Column("phone", "text", "telephone number", ("+675 7000 0001", "")),
    Column("fleet", "code", "code of the fleet", ("A330-200", "B737-800")),
    Column("base", "code", "code of the base", ("POM", "LAE")),
    Column("contract", "code", "code of the contract", ("FULL_TIME", "FULL_TIME")),
    Column("rank", "code", "captain or first_officer", ("captain", "first_officer")),
    Column("licence", "code", "ATPL or CPL", ("ATPL", "CPL")),
    Column("date_of_birth", "day", "day of birth", ("1980-02-29", "1996-07-01")),
    Column("commenced_on", "day", "day of joining", ("2010-05-03", "2024-01-15")),
    Column("seniority", "number", "place in the list of seniority, another one for each", ("9001", "9002")),
    Column("training_captain", "flag", "yes or no", ("yes", "no")),
    Column("examiner", "flag", "yes or no", ("no", "no")),
    Column("expatriate", "flag", "yes or no", ("no", "yes")),
)
CODES = {
    "rank": RANKS,
    "licence": {"ATPL": "Airline transport pilot licence", "CPL": "Commercial pilot licence"},
}
TAKEN = "another pilot has this number"


def judge(connection: Any, given: Sequence[Given], seen: Mapping[str, str] | None) -> Plan:
    """A plan of rows of pilots. What is not given stays as it is on file."""
    plan = Plan()
    known = pilots.known(connection)
    # Within one file two pilots may swap their numbers: those are judged at the end, all together.
    alone = replace(known, seniorities={}, numbers={})
    codes = {name: Lookup(names) for name, names in {**imports.codes(connection), **CODES}.items()}
    on_file = imports.pilots(connection, [row.values.get("employee_number") for row in given])
    found: list[Good[Pilot]] = []
    lines: dict[int, int] = {}
    for row in given:
        written = {name: codes[name].code(value) if name in codes else value for name, value in row.values.items()}
        number = str(written.get("employee_number", ""))
        was = on_file.get(number)
        plan.seen[number] = was["version"] if was else ""
        if was is not None:
            lines[was["pilot_id"]] = row.line
        whole = {**({name: was[name] for name in FIELDS} if was else {}), **written}
        form, faults = judged(Pilot, whole, row, context=alone)
        if form is None:
            plan.refuse(row.line, faults)
        else:
            found.append(Good(row.line, form.employee_number, form))
    good: list[tuple[int, Row, Row | None]] = []
    for one in once(plan, "employee_number", found):
        number, values = one.form.employee_number, one.form.model_dump()
        was, version = on_file.get(number), plan.seen.get(number, "")
        if was is not None and all(values[name] == was[name] for name in FIELDS):
            plan.unchanged += 1
        elif seen is not None and seen.get(number, version) != version:
            plan.refuse(one.line, {"employee_number": "somebody has changed this pilot since the preview: look at it again"})
        else:
            good.append((one.line, values, was))
    bad = {fault.line for fault in plan.bad}
    for line, values, was in _ranked(plan, good, known.seniorities, {pilot: line for pilot, line in lines.items() if line in bad}):
        (plan.changed if was else plan.new).append({**values, "id": was["pilot_id"] if was else None, "line": line})
    return plan


def _ranked(
    plan: Plan, good: list[tuple[int, Row, Row | None]], held: Mapping[int, int], bad: Mapping[int, int] | None = None
) -> list[tuple[int, Row, Row | None]]:
    """Those whose seniority nobody else has when all of them are written; what a ``bad`` row (pilot -> line)
    would have given up is not free, nor is what one gives up that is refused here."""
    leave = {was["pilot_id"] for _, values, was in good if was and was["seniority"] != values["seniority"]}
    spoiled = dict(bad or {})
    first: dict[int, tuple[int, Row, Row | None]] = {}
    refused: dict[int, str] = {}
    for row in good:
        line, values, was = row
        holder = held.get(values["seniority"])
        if was is not None and holder == was["pilot_id"]:
            continue
        if holder is not None and holder not in leave:
            refused[line] = TAKEN + (f", whose row (line {spoiled[holder]}) is bad" if holder in spoiled else "")
        elif (one := first.setdefault(values["seniority"], row)) is not row:
            refused[line] = f"{TAKEN} (line {one[0]})"
    by_line = {row[0]: row for row in good}
    waiting = list(refused)
    while waiting:
        line = waiting.pop()
        was = by_line[line][2]
        follower = first.get(was["seniority"]) if was is not None else None
        if follower is not None and follower[0] not in refused:
            refused[follower[0]] = f"{TAKEN}, whose row (line {line}) is bad"
            waiting.append(follower[0])
    for line, reason in refused.items():
        plan.refuse(line, {"seniority": reason})
    return [row for row in good if row[0] not in refused]


def write(connection: Any, plan: Plan, _actor: str, progress: Progress) -> None:
    """Add and change the rows of a plan."""
    total, done = len(plan.new) + len(plan.changed), 0
    for row, number in zip(plan.new, imports.numbers(connection, "pilots", len(plan.new)), strict=True):
        row["id"] = number
    for rows, step in ((plan.new, "add"), (plan.changed, "change")):
        for batch in batches(rows):
            imports.write(connection, f"import_pilots_{step}", batch)
            imports.write(connection, f"import_identities_{step}", batch)
            done += len(batch)
            progress(done, total)


PILOTS = Kind("pilots", COLUMNS, judge, write, CODES)
