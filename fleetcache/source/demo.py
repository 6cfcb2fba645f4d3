"""The demo airline: seeded into an empty database, renewed each day unless somebody edited it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import psycopg

from fleetcache.source.database import Database, plain_url
from fleetcache.source.faults import readable
from fleetcache.source.seed import demo_state, seed

Say = Callable[[str], None]


def renew(
    url: str,
    profile: str | None,
    *,
    fresh: str | None = None,
    force: bool = False,
    progress: Say,
    bar: Callable[[int, int], None] | None = None,
) -> tuple[bool, tuple[str, ...]]:
    """Seed what may be seeded at ``url``: an empty database (with ``profile``, else ``fresh``), or a
    demo of an earlier day that nobody edited, with the profile it has; with ``force`` any demo of
    ours, with ``profile`` if one is asked for. Whether it was, and warnings for people.

    A database that has pilots of its own is never touched. Raises SourceDown.
    """
    try:
        with psycopg.connect(plain_url(url), connect_timeout=5) as connection:
            connection.execute("SET LOCAL search_path = fleetcache, pg_temp")
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('fleetcache.seed'))")
            state = demo_state(connection)
            warnings: list[str] = []
            today = _today(connection)
            if state is None:
                empty = connection.execute("SELECT NOT EXISTS (SELECT FROM pilots)").fetchone() == (True,)
                first = profile or fresh
                if not empty or first is None:
                    return False, ()
                chosen = first
            else:
                chosen = profile if force and profile else state.profile
                if profile is not None and profile != state.profile and not force:
                    warnings.append(
                        f"The data is of the profile {state.profile}, not {profile}: "
                        f"`python -m fleetcache seed --renew` seeds it anew."
                    )
                if state.as_of == today and not force:
                    return False, tuple(warnings)
                if state.edited and not force:
                    warnings.append(
                        f"The demo data is of {state.as_of.isoformat()} and somebody edited it, so it was "
                        "left alone: `python -m fleetcache seed --renew` makes it anew for today."
                    )
                    return False, tuple(warnings)
            progress(f"Seeding the airline ({chosen}) as of {today.isoformat()}…")
            seed(connection, profile=chosen, as_of=today, progress=bar)
            return True, tuple(warnings)
    except psycopg.Error as error:
        raise readable(error) from error


def marked(database: Database) -> bool:
    """Whether fleetcache itself seeded this database as its demo. Raises SourceDown."""
    with database.statement() as connection:
        return bool(connection.exec_driver_sql("SELECT EXISTS (SELECT FROM demo)").scalar_one())


def _today(connection: psycopg.Connection) -> date:
    row = connection.execute("SELECT today()").fetchone()
    assert row is not None
    day: date = row[0]
    return day
