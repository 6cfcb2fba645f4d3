"""Rows with names: read for each request under a signed-in role, never cached in any layer."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text

from fleetcache.source import statements
from fleetcache.source.database import Database

Row = dict[str, Any]

MOST = 2000
"""Rows a list gives at the most; a caller who gets as many says so."""


def rows(
    database: Database, name: str, *, role: str, as_of: date | None = None, most: int = MOST, **filters: Any
) -> list[Row]:
    """At the ``most`` so many rows of one list of ``sql/people``; filters that are None, or not given, let
    everything through. One that the list does not have is a KeyError.

    ``as_of`` asks about another day: who was on file then and what they were and held, from the records
    as they are known today. Raises SourceDown or NotMigrated.
    """
    with database.snapshot(role=role, today=as_of) as connection:
        statement, known = _statement(name, then=as_of is not None)
        if unknown := filters.keys() - known:
            raise KeyError(f"{name} has no filter {', '.join(sorted(unknown))}")
        found = connection.execute(statement, {**dict.fromkeys(known), "most": most, **filters})
        names = tuple(found.keys())
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@cache
def _statement(name: str, *, then: bool) -> tuple[TextClause, frozenset[str]]:
    """A list, and the names of its filters."""
    sql = statements.as_of(f"people/{name}") if then else statements.query(f"people/{name}")
    # SQLAlchemy would read `:fleet::text` as a name with a cast only when spelled out.
    statement = text(sql.replace("::", "\\:\\:"))
    return statement, frozenset(statement.compile().params)
