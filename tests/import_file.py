"""A file of certifications to import, with bad rows at known lines: for the tests, and to try it by hand.

    python -m tests.import_file DATABASE_URL > certifications.csv
"""

from __future__ import annotations

import csv
import io
import random
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg

HEADER = ("Employee number", "Check type", "Completed on", "Expires on", "Issuer", "Document number", "Remarks")
_PAIRS = """
    SELECT i.employee_number, c.check_type, t.name, c.completed_on AS held_on, c.issuer, c.document_number,
           greatest(p.date_of_birth + 6600, p.commenced_on - 3000, today() - 5000) AS since, today() AS today,
           (SELECT array_agg(o.completed_on) FROM certifications o
            WHERE o.pilot_id = c.pilot_id AND o.check_type = c.check_type) AS days
    FROM certifications c JOIN pilots p ON p.id = c.pilot_id JOIN pilot_identity i ON i.pilot_id = p.id
    JOIN check_types t ON t.code = c.check_type
    WHERE c.superseded_by IS NULL AND c.void_reason IS NULL AND p.active AND p.date_of_birth IS NOT NULL
    ORDER BY i.employee_number, c.check_type
"""


@dataclass(frozen=True)
class File:
    """The bytes of a file, and every fault in it: line, column, the beginning of the reason."""

    data: bytes
    faults: tuple[tuple[int, str, str], ...]


def certifications(connection: psycopg.Connection[Any], *, rows: int = 10_000, bad: int = 100, seed: int = 7) -> File:
    """So many rows for the pilots on file, of which ``bad`` are bad: renewals of what is held, and older
    checks for the history, by code or name, some with the day that is printed."""
    draw = random.Random(seed)
    connection.execute("SELECT set_config('fleetcache.role', 'viewer', true)")
    found = connection.execute(_PAIRS.encode())
    names = [column.name for column in found.description or ()]
    pairs = [dict(zip(names, row, strict=True)) for row in found]
    draw.shuffle(pairs)
    taken = {(pair["employee_number"], pair["check_type"]): set(pair["days"]) for pair in pairs}
    written: list[list[str]] = []
    faults: list[tuple[int, str, str]] = []
    spoiled = set(draw.sample(range(1, rows), bad))
    for number in range(rows):
        pair = pairs[number % len(pairs)]
        key = pair["employee_number"], pair["check_type"]
        day = _day(draw, pair, taken[key])
        printed = (day + timedelta(days=400)).isoformat() if number % 7 == 0 or key[1] == "ENGLISH" else ""
        check = pair["name"].upper() if number % 3 == 0 else pair["check_type"]
        row = [key[0], check, day.isoformat(), printed, f"Examiner {number % 40}", f"DOC-{number:06}", ""]
        if number in spoiled:
            column, reason = _spoil(len(faults) % 10, row, written, pair)
            faults.append((number + 2, column, reason))
        taken[key].add(day)
        written.append(row)
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *written])
    return File(text.getvalue().encode("utf-8-sig"), tuple(faults))


def _day(draw: random.Random, pair: dict[str, Any], taken: set[date]) -> date:
    """A day on which the check may have been completed and nothing is on file: a third of them renewals."""
    while True:
        since = pair["held_on"] if draw.random() < 1 / 3 and pair["held_on"] < pair["today"] else pair["since"]
        day: date = since + timedelta(days=draw.randint(0, (pair["today"] - since).days))
        if day not in taken:
            return day


def _spoil(way: int, row: list[str], written: list[list[str]], pair: dict[str, Any]) -> tuple[str, str]:
    """Make a row bad in one of ten ways: the column, and how the reason begins."""
    day = date.fromisoformat(row[2])
    if way == 0:
        row[0] = "CM-999999"
        return "employee_number", "no pilot has this number"
    if way == 1:
        row[1] = "HANDSTAND"
        return "check_type", "there is no such check"
    if way == 2:
        row[2] = f"{day:%d/%m/%Y}"
        return "completed_on", "is ambiguous"
    if way == 3:
        row[2], row[3] = (pair["today"] + timedelta(days=1 + len(written) % 9)).isoformat(), ""
        return "completed_on", "is still to come"
    if way == 4:
        row[4] = " "
        return "issuer", "is missing"
    if way == 5:
        row[:] = written[0]
        return "completed_on", "the same as line 2"
    if way == 6:
        row[2], row[4] = pair["held_on"].isoformat(), "Somebody else"
        row[3], row[5] = "", pair["document_number"]
        return "issuer", "another one is on file for this day"
    if way == 7:
        row[3] = (day - timedelta(days=1)).isoformat()
        return "expires_on", "is before the day of completion"
    if way == 8:
        row[2] = f"{day.year}-02-30"
        return "completed_on", "is a day that does not exist"
    row[3] = "soon"
    return "expires_on", "is not a day"


if __name__ == "__main__":
    with psycopg.connect(sys.argv[1], options="-c search_path=fleetcache") as opened:
        made = certifications(opened)
    sys.stdout.buffer.write(made.data)
    print(f"{len(made.faults)} of 10,000 rows are bad", file=sys.stderr)
