"""Leave requests as they are decided: one request, the crew on its days, who comes before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from fleetcache.definitions import NOTIFIED_LEAVE
from fleetcache.source import statements

Row = dict[str, Any]


def request(connection: Connection, number: int) -> Row | None:
    """One request with its pilot and the roster period it begins in, or None. Needs a signed-in role."""
    return next(iter(_rows(connection, "leave_request", request=number)), None)


def days(connection: Connection, of: Mapping[str, Any]) -> list[Row]:
    """Each day of a request from today on, with the crew as it is, and whether the pilot counts in it."""
    return _rows(
        connection,
        "leave_days",
        fleet=of["fleet"],
        rank=of["rank"],
        first=of["first_day"],
        last=of["last_day"],
        pilot=of["pilot_id"],
    )


def before(connection: Connection, of: Mapping[str, Any]) -> list[Row]:
    """The undecided requests of more senior pilots of the same fleet and rank for any of the same days."""
    return _rows(
        connection,
        "leave_before",
        fleet=of["fleet"],
        rank=of["rank"],
        first=of["first_day"],
        last=of["last_day"],
        pilot=of["pilot_id"],
        request=of["request_id"],
        seniority=of["seniority"],
        notified=list(NOTIFIED_LEAVE),
    )


def year(connection: Connection, pilot_id: int, of: date) -> dict[str, int]:
    """A pilot's days of approved leave by type in the calendar year of a day."""
    found = _rows(connection, "leave_year", pilot=pilot_id, year=of.year)
    return {row["leave_type"]: row["days"] for row in found}


def same(
    connection: Connection, pilot_id: int, leave_type: str, first: date, last: date | None, states: Sequence[str]
) -> bool:
    """Whether a pilot has a request of this type for these very days in one of some states."""
    found = connection.exec_driver_sql(
        "SELECT EXISTS (SELECT FROM leave_requests WHERE pilot_id = %s AND leave_type = %s AND first_day = %s"
        " AND coalesce(last_day, first_day) = %s AND status = ANY(%s))",
        (pilot_id, leave_type, first, last or first, list(states)),
    )
    return bool(found.scalar_one())


def hold(connection: Connection, fleet: str, rank: str) -> None:
    """One decision at a time about a fleet and rank, until the end of the transaction: what the next one
    then reads has this one in it."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('leave'), hashtext(%s))", (f"{fleet}|{rank}",))


def _rows(connection: Connection, name: str, **values: Any) -> list[Row]:
    found = connection.execute(text(statements.query(f"changes/{name}")), values)
    return [dict(row) for row in found.mappings()]
