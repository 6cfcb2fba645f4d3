"""Import of pilots: entered where the employee number is new, changed where something differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fleetcache.changes.imports.columns import Column, Given
from fleetcache.changes.imports.plan import Kind, Lines, Lookup, Plan, Progress, Row, batches, judged
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
    plan, lines = Plan(), Lines()
    known = pilots.known(connection)
    # Within one file two pilots may swap their numbers: those are judged at the end, all together.
    alone = replace(known, seniorities={}, numbers={})
    codes = {name: Lookup(names) for name, names in {**imports.codes(connection), **CODES}.items()}
    on_file = imports.pilots(connection, [row.values.get("employee_number") for row in given])
    good: list[tuple[int, Row, Row | None]] = []
    for row in given:
        written = {name: codes[name].code(value) if name in codes else value for name, value in row.values.items()}
        number = written.get("employee_number")
        if number is not None and (again := lines.repeats(number, row.line)):
            plan.refuse(row.line, {"employee_number": again})
            continue
        was = on_file.get(str(number))
        whole = {**({name: was[name] for name in FIELDS} if was else {}), **written}
        form, faults = judged(Pilot, whole, row, context=alone)
        if form is None:
            plan.refuse(row.line, faults)
            continue
        values = form.model_dump()
        if was is not None and all(values[name] == was[name] for name in FIELDS):
            plan.unchanged += 1
        elif was is not None and seen is not None and seen.get(str(number)) not in (None, was["version"]):
            plan.refuse(row.line, {"employee_number": "somebody has changed this pilot since the preview: look at it again"})
        else:
            good.append((row.line, values, was))
    for line, values, was in _ranked(plan, good, known.seniorities):
        (plan.changed if was else plan.new).append({**values, "id": was["pilot_id"] if was else None, "line": line})
        if was is not None:
            plan.seen[values["employee_number"]] = was["version"]
    return plan


def _ranked(plan: Plan, good: list[tuple[int, Row, Row | None]], held: Mapping[int, int]) -> list[tuple[int, Row, Row | None]]:
    """Those whose seniority nobody else has when all of them are written; what a bad row would have given
    up is not free."""
    while True:
        moves = {was["pilot_id"] for _, values, was in good if was and was["seniority"] != values["seniority"]}
        owner: dict[int, object] = {number: pilot for number, pilot in held.items() if pilot not in moves}
        kept = []
        for line, values, was in good:
            stays = was is not None and was["pilot_id"] not in moves
            claim: object = was["pilot_id"] if was is not None and stays else f"line {line}"
            first = owner.setdefault(values["seniority"], claim)
            if first == claim:
                kept.append((line, values, was))
            else:
                also = f" ({first})" if isinstance(first, str) else ""
                plan.refuse(line, {"seniority": TAKEN + also})
        if len(kept) == len(good):
            return kept
        good = kept


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
