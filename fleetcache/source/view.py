"""The materialized view: one row per key, refreshed without blocking its readers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import overload

from sqlalchemy import Connection, text

from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import BadPayload, FleetcacheError, ViewUnusable
from fleetcache.source import labels, statements
from fleetcache.source.database import Database
from fleetcache.source.labels import LABEL, LIFE
from fleetcache.source.loaded import Loaded, parse

_LOCK = 0x76696577  # "view"
FOREIGN = "was made by another version of fleetcache"
BEHIND = "is from before the last change"

# Rows from before a new life began are compared with nothing of it.
_EPOCH = f"CASE WHEN f.life = ({LIFE}) THEN c.epoch ELSE f.life END"
_READ = text(f"""
    SELECT f.key, f.payload::text AS payload, f.schema, {_EPOCH} AS of_epoch, f.as_of_date::text AS of_day,
           f.versions AS of_versions,
           extract(epoch FROM f.refreshed_at)::float8 AS refreshed_at, c.epoch, c.day, c.versions
    FROM figures f CROSS JOIN (SELECT {LABEL} FROM rules r OFFSET 0) c WHERE f.key = ANY(:names)
""")
_STATE = text(f"""
    SELECT f.*, {_EPOCH} AS of_epoch, c.epoch, c.day, c.versions, extract(epoch FROM now())::float8 AS now
    FROM (SELECT count(*) AS rows, min(as_of_date)::text AS of_day, min(versions) AS of_versions,
                 min(life) AS life,
                 extract(epoch FROM min(refreshed_at))::float8 AS refreshed_at, bool_and(schema = :schema) AS ours
          FROM figures) f
    CROSS JOIN (SELECT {LABEL} FROM rules r OFFSET 0) c
""")
# The youngest rows are those that the view has not seen; folded ones are at least as old as the fold.
_SINCE = text("""
    SELECT extract(epoch FROM min(coalesce(
        (SELECT c.at FROM changes c WHERE c.topic = u.topic ORDER BY c.at DESC OFFSET u.missing - 1 LIMIT 1),
        v.folded_at, now())))::float8
    FROM unnest(CAST(:topics AS text[]), CAST(:missing AS bigint[])) AS u (topic, missing)
    JOIN versions v USING (topic)
""")
_TOPICS = frozenset[str]().union(*(entry.topics for entry in CATALOGUE.values()))

SOON_SECONDS = 10.0
"""For so long after a change the view may be without it: a refresh is due."""


@dataclass(frozen=True)
class ViewState:
    """How the view stands: its day, its last refresh (seconds since the epoch) and its age (seconds);
    whether this program's definitions made it; for how many seconds it has been without a change that
    is in the tables (None when it has them all); whether it has some that the database has lost; and why
    it does not serve (None when it does)."""

    as_of_date: date | None = None
    refreshed_at: float | None = None
    age: float | None = None
    ours: bool = True
    behind: float | None = None
    ahead: bool = False
    fault: str | None = None

    @property
    def fresh(self) -> bool:
        """Whether it serves, or will as soon as the refresh that is due has been."""
        due = self.behind is not None and self.behind <= SOON_SECONDS
        return self.fault is None or (due and self.fault == BEHIND)


@dataclass(frozen=True)
class Refreshed:
    """One refresh: when its snapshot was (seconds since the epoch) and how long it took."""

    at: float
    seconds: float


def load(database: Database, names: Sequence[str]) -> dict[str, Loaded | FleetcacheError]:
    """Read keys, and the label of now, in one statement: for each its value with the label of its rows,
    or why the view cannot give it. Whether what it gives is current is for the reader to judge.

    Raises SourceDown or NotMigrated when it cannot be read at all.
    """
    with database.statement() as connection:
        return given(connection, names)


def given(connection: Connection, names: Sequence[str]) -> dict[str, Loaded | FleetcacheError]:
    """The same, on a connection that is open already."""
    rows = {row.key: row for row in connection.execute(_READ, {"names": list(names)})}
    found: dict[str, Loaded | FleetcacheError] = {}
    for name in names:
        row = rows.get(name)
        if row is None:
            found[name] = ViewUnusable(f"The view has no row for {name}.")
            continue
        if row.schema != statements.schema():
            found[name] = ViewUnusable(f"The view {FOREIGN}.")
            continue
        try:
            value = parse(CATALOGUE[name].shape, row.payload, key=name, where="the view")
        except BadPayload as error:
            found[name] = error
            continue
        current = labels.parse(row.epoch, row.day, row.versions)
        label = labels.parse(row.of_epoch, row.of_day, row.of_versions).only(CATALOGUE[name].topics)
        found[name] = Loaded(value, row.refreshed_at, label, current)
    return found


def state(database: Database) -> ViewState:
    """How the view stands now. Raises SourceDown, or NotMigrated when there is none."""
    with database.statement() as connection:
        row = connection.execute(_STATE, {"schema": statements.schema()}).one()
        if row.of_day is None:
            return ViewState(fault="is empty")
        current = labels.parse(row.epoch, row.day, row.versions)
        label = labels.parse(row.of_epoch, row.of_day, row.of_versions)
        behind = None
        if label.lacks(current, _TOPICS) == "changed":
            missing = {topic: current.versions[topic] - label.versions[topic] for topic in _TOPICS}
            missing = {topic: n for topic, n in missing.items() if n > 0}
            topics = {"topics": list(missing), "missing": list(missing.values())}
            since = connection.execute(_SINCE, topics)
            behind = max(0.0, row.now - since.scalar_one())
        ahead = label.epoch == current.epoch and any(
            label.versions[topic] > current.versions[topic] for topic in _TOPICS
        )
    fault = None
    if not row.ours:
        fault = FOREIGN
    elif label.day != current.day:
        fault = f"is as of {label.day.isoformat()}, another day"
    elif label.epoch != current.epoch:
        fault = "is from before changes were counted again"
    elif row.rows != len(CATALOGUE):
        fault = f"has {row.rows} rows instead of {len(CATALOGUE)}"
    elif ahead:
        fault = "has changes that the database has lost"
    elif behind is not None:
        fault = BEHIND
    age = max(0.0, row.now - row.refreshed_at)
    return ViewState(label.day, row.refreshed_at, age, row.ours, behind, ahead, fault)


def renew(database: Database, found: ViewState, *, pause: float = 0.0) -> Refreshed | None:
    """Refresh if the view was ``found`` without a change or of another day, no other instance is at it, and
    the last one, whoever made it, is ``pause`` seconds ago; None if not.

    A view that another version of the program made cannot be mended by a refresh, and is left to that
    version. Raises SourceDown or NotMigrated.
    """
    young = found.fault == BEHIND and found.age is not None and found.age < pause
    if not found.ours or found.fault is None or young:
        return None
    return refresh(database, wait=False)


@overload
def refresh(database: Database, *, seconds: float = 300.0) -> Refreshed: ...
@overload
def refresh(database: Database, *, seconds: float = 300.0, wait: bool) -> Refreshed | None: ...
def refresh(database: Database, *, seconds: float = 300.0, wait: bool = True) -> Refreshed | None:
    """Refresh CONCURRENTLY, one instance at a time.

    Several at once coalesce: a caller who had to wait for another's refresh is content with one
    whose snapshot was taken after the call, and one who does not want to ``wait`` with None. Raises
    SourceDown (also when it takes longer than ``seconds``) or NotMigrated.
    """
    began = time.perf_counter()
    with database.statement(seconds=seconds) as connection:
        asked = connection.exec_driver_sql("SELECT now()").scalar_one()
        waited = not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_LOCK})").scalar_one()
        if waited and not wait:
            return None
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
