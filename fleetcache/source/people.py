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
    """At the ``most`` so many rows of one list of ``sql/people``; filters that are None let
    everything through.

    ``as_of`` asks about another day: who was on file then and what they were and held, from the records
    as they are known today. Raises SourceDown or NotMigrated.
    """
    with database.snapshot(role=role, today=as_of) as connection:
        found = connection.execute(_statement(name, then=as_of is not None), {"most": most, **filters})
        return [dict(row) for row in found.mappings()]


@cache
def _statement(name: str, *, then: bool) -> TextClause:
    sql = statements.as_of(f"people/{name}") if then else statements.query(f"people/{name}")
    # SQLAlchemy would read `:fleet::text` as a name with a cast only when spelled out.
    return text(sql.replace("::text", "\\:\\:text"))
