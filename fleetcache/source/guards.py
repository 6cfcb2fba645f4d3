"""Whether the versions can be relied on, and the way out when they could not."""

from __future__ import annotations

from collections.abc import Sequence

from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError
from fleetcache.source import raw, view
from fleetcache.source.database import Database

_FOLD = "SELECT CASE WHEN (SELECT count(*) FROM changes) >= 200 THEN fold_changes() ELSE 0 END"


def differing(database: Database, names: Sequence[str]) -> list[str]:
    """Of these keys those whose row in the view, by its label current, is not what the tables give in the
    same snapshot: some change was not counted. A row that says itself that it is old is left out.

    Raises SourceDown or NotMigrated.
    """
    found = []
    with database.snapshot() as connection:
        raw.hold(connection, [CATALOGUE[name] for name in names])
        for name, row in view.given(connection, names).items():
            if isinstance(row, FleetcacheError) or row.label.lacks(row.current, row.label.versions):
                continue
            entry = CATALOGUE[name]
            if raw.counted(connection, entry)[name].value != row.value:
                found.append(name)
    return found


def renew(database: Database) -> None:
    """Begin a new epoch, so that no value from before is served as current anywhere. Raises SourceDown."""
    with database.change() as connection:
        connection.exec_driver_sql("SELECT renew_epoch()")


def fold(database: Database) -> int:
    """Put the changes noted one by one into the counts, if there are many; how many were put there. Every
    check counts what is left. Raises SourceDown."""
    with database.change() as connection:
        return int(connection.exec_driver_sql(_FOLD).scalar_one())


def vacuum(database: Database) -> None:
    """Take away what folded changes leave behind, which every check has to step over. A server before
    version 17, where only the owner may, leaves it to autovacuum. Raises SourceDown."""
    with database.statement() as connection:
        connection.exec_driver_sql("VACUUM (TRUNCATE false) changes")
