"""The materialized view: one row per key, refreshed without blocking its readers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text

from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import BadPayload, FleetcacheError, ViewUnusable
from fleetcache.source import statements
from fleetcache.source.database import Database
from fleetcache.source.loaded import Loaded, parse
from fleetcache.source.raw import EPOCH

_LOCK = 0x76696577  # "view"

_READ = text(f"""
    SELECT f.key, f.payload::text AS payload, f.schema, f.as_of_date, f.as_of_date = r.today AS of_today,
           extract(epoch FROM f.refreshed_at)::float8 AS refreshed_at,
           extract(epoch FROM now() - f.refreshed_at)::float8 AS age,
           setting('view_max_age_seconds')::float8 AS max_age,
           extract(epoch FROM r.day_ends_at)::float8 AS day_ends_at, {EPOCH} AS epoch
    FROM figures f CROSS JOIN rules r WHERE f.key = ANY(:names)
""")
_STATE = text("""
    SELECT count(*) AS rows, min(f.as_of_date) AS as_of_date, bool_and(f.as_of_date = r.today) AS of_today,
           extract(epoch FROM min(f.refreshed_at))::float8 AS refreshed_at,
           extract(epoch FROM now() - min(f.refreshed_at))::float8 AS age,
           setting('view_max_age_seconds')::float8 AS max_age,
           bool_and(f.schema = :schema) AS ours
    FROM rules r LEFT JOIN figures f ON true
""")


@dataclass(frozen=True)
class ViewState:
    """How the view stands: its day, last refresh (seconds since the epoch), age and highest
    age at which it still serves (seconds), whether this program's definitions made it, and why it
    does not serve (None when it does)."""

    as_of_date: date | None
    refreshed_at: float | None
    age: float | None
    max_age: float
    ours: bool
    fault: str | None


@dataclass(frozen=True)
class Refreshed:
    """One refresh: when its snapshot was (seconds since the epoch) and how long it took."""

    at: float
    seconds: float


def load(database: Database, names: Sequence[str]) -> dict[str, Loaded | FleetcacheError]:
    """Read keys in one statement: for each its value, or why the view cannot give it.

    Raises SourceDown or NotMigrated when it cannot be read at all.
    """
    with database.statement() as connection:
        rows = {row.key: row for row in connection.execute(_READ, {"names": list(names)})}
    found: dict[str, Loaded | FleetcacheError] = {}
    for name in names:
        row = rows.get(name)
        if row is None:
            found[name] = ViewUnusable(f"The view has no row for {name}.")
            continue
        fault = _fault(row.schema == statements.schema(), row.of_today, row.as_of_date, row.age, row.max_age)
        if fault is not None:
            found[name] = ViewUnusable(f"The view {fault}.")
            continue
        try:
            value = parse(CATALOGUE[name].shape, row.payload, key=name, where="the view")
        except BadPayload as error:
            found[name] = error
            continue
        found[name] = Loaded(value, row.refreshed_at, row.as_of_date, row.day_ends_at, row.epoch)
    return found


def state(database: Database) -> ViewState:
    """How the view stands now. Raises SourceDown, or NotMigrated when there is none."""
    with database.statement() as connection:
        row = connection.execute(_STATE, {"schema": statements.schema()}).one()
    if row.as_of_date is None:
        return ViewState(None, None, None, row.max_age, True, "is empty")
    fault = _fault(row.ours, row.of_today, row.as_of_date, row.age, row.max_age)
    if fault is None and row.rows != len(CATALOGUE):
        fault = f"has {row.rows} rows instead of {len(CATALOGUE)}"
    return ViewState(row.as_of_date, row.refreshed_at, row.age, row.max_age, row.ours, fault)


def refresh(database: Database, *, seconds: float = 300.0) -> Refreshed:
    """Refresh CONCURRENTLY, one instance at a time.

    Several at once coalesce: a caller who had to wait for another's refresh is content with one
    whose snapshot was taken after the call. Raises SourceDown (also when it takes longer than
    ``seconds``) or NotMigrated.
    """
    began = time.perf_counter()
    with database.statement(seconds=seconds) as connection:
        asked = connection.exec_driver_sql("SELECT now()").scalar_one()
        waited = not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_LOCK})").scalar_one()
        if waited:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
        try:
            at = None
            if waited:
                at = connection.exec_driver_sql("SELECT min(refreshed_at) FROM figures").scalar_one()
            if at is None or at <= asked:
                at = connection.exec_driver_sql("SELECT refresh_figures()").scalar_one()
        finally:
            if not connection.invalidated:
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")
    return Refreshed(at.timestamp(), time.perf_counter() - began)


def _fault(ours: bool, of_today: bool, day: date, age: float, max_age: float) -> str | None:
    if not ours:
        return "was made by another version of fleetcache"
    if not of_today:
        return f"is as of {day.isoformat()}, another day"
    if age > max_age:
        return f"is {age / 60:.0f} min old"
    return None
