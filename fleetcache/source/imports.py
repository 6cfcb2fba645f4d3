"""What bulk imports read and write: many rows by one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from fleetcache.source import rows, statements
from fleetcache.source.rows import Row

_NUMBERS = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")


def hold(connection: Connection, numbers: Sequence[object]) -> None:
    """Have whoever changes one of these pilots, or what hangs on them, wait for the end of the transaction."""
    connection.execute(_statement("import_hold"), {"numbers": _texts(numbers)})


def pilots(connection: Connection, numbers: Sequence[object]) -> dict[str, Row]:
    """The pilots with these employee numbers, by them; the columns of ``source.pilots.pilot``. Needs a
    signed-in role."""
    return {row["employee_number"]: row for row in _rows(connection, "import_pilots", numbers=_texts(numbers))}


def certifications(connection: Connection, pilots: Sequence[int]) -> list[Row]:
    """Every certification of some pilots, those taken back (``voided``) too, the oldest of each check first."""
    return _rows(connection, "import_certifications", pilots=list(pilots))


def leave(connection: Connection, pilots: Sequence[int]) -> list[Row]:
    """Every leave request of some pilots; of several for the same days the last one comes last."""
    return _rows(connection, "import_leave", pilots=list(pilots))


def below(connection: Connection, requests: Sequence[Row]) -> list[Row]:
    """For each fleet and rank the days to come on which the approved ones of these requests bring it below the
    minimum, or further below: how many ``days``, and ``asked`` of them by leave that is not only ``notified``,
    the ``worst_day``, the crew left on it and the ``minimum``."""
    return _rows(connection, "import_leave_below", rows=rows.json(list(requests)))


def jumped(connection: Connection, requests: Sequence[Row], notified: Sequence[str]) -> list[Row]:
    """For each fleet and rank how many undecided ``requests`` of more senior pilots, on file or among these, the
    approved ones of these come before, for any of the same days to come."""
    return _rows(connection, "import_leave_jumped", rows=rows.json(list(requests)), notified=list(notified))


def codes(connection: Connection) -> dict[str, dict[str, str]]:
    """The codes there are: column -> code -> name."""
    found: dict[str, dict[str, str]] = {}
    for row in _rows(connection, "import_codes"):
        found.setdefault(row["column"], {})[row["code"]] = row["name"]
    return found


def numbers(connection: Connection, name: str, count: int) -> list[int]:
    """So many numbers for new rows of table ``name``."""
    return list(connection.execute(_NUMBERS, {"name": f"fleetcache.{name}", "count": count}).scalars())


def write(connection: Connection, name: str, batch: Sequence[Mapping[str, Any]]) -> None:
    """Run one of the writing statements on a batch of rows."""
    connection.execute(_statement(name), {"rows": rows.json(list(batch))})


def _texts(numbers: Sequence[object]) -> list[str]:
    return sorted({str(number) for number in numbers if number is not None})


def _rows(connection: Connection, name: str, **values: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(_statement(name), values).mappings()]


def _statement(name: str) -> Any:
    return text(statements.query(f"changes/{name}"))
