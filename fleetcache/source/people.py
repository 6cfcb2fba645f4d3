"""Rows with names: read for each request under a signed-in role, never cached in any layer."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Any

from fleetcache.source import statements
from fleetcache.source.database import Database

Row = dict[str, Any]
_FILTER = re.compile(r"(?<!:):(\w+)")  # ":fleet", and no "::text"

MOST = 2000
"""Rows a list gives at the most; a caller who gets as many says so."""


def rows(
    database: Database, name: str, *, role: str, as_of: date | None = None, most: int = MOST, **filters: Any
) -> list[Row]:
    """At the ``most`` so many rows of one list of ``sql/people``; filters that are None, or not given, let
    everything through. One that the list does not have is a KeyError.

    ``as_of`` asks about another day: who was on file then and what they were and held, from the records
    as they are known today. Raises what ``Database.rows`` does.
    """
    query, known = _query(name, then=as_of is not None)
    if unknown := filters.keys() - known:
        raise KeyError(f"{name} has no filter {', '.join(sorted(unknown))}")
    return database.rows(query, {**dict.fromkeys(known), "most": most, **filters}, role=role, today=as_of)


@cache
def _query(name: str, *, then: bool) -> tuple[str, frozenset[str]]:
    """A list in the driver's form, and the names of its filters."""
    sql = statements.as_of(f"people/{name}") if then else statements.query(f"people/{name}")
    return _FILTER.sub(r"%(\1)s", sql.replace("%", "%%")), frozenset(_FILTER.findall(sql))
