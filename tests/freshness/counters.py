"""Counters that show up, exactly, in cached values: who writes each of them, and where it is to be seen.

A counter that one transaction writes into several rows must be the same everywhere in one value, or the
value is torn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from fleetcache.embedded.postgres import APP, OWNER
from tests.freshness.servers import SUPERUSER

OURS = "PRB"
FIRST = 1_000_000
"""The numbers of our pilots and requests begin above this one."""
Connection = psycopg.Connection[Any]
Pause = Callable[[], None]


def setting(connection: Connection, name: str, n: int, how: int) -> None:
    """Put a setting to ``n``, in one of the ways in which people do."""
    row = {"name": f"probe_{name}", "n": n}
    if how == 0:
        connection.execute(
            "DELETE FROM settings WHERE name = %(name)s", row
        )
        connection.execute("INSERT INTO settings VALUES (%(name)s, to_jsonb(%(n)s::int), '')", row)
    elif how == 1:
        connection.execute(
            "INSERT INTO settings VALUES (%(name)s, to_jsonb(%(n)s::int), '')"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            row,
        )
    else:
        connection.execute("UPDATE settings SET value = to_jsonb(%(n)s::int) WHERE name = %(name)s", row)


def _lone(name: str) -> Callable[[Connection, int, Pause, random.Random], None]:
    def write(connection: Connection, n: int, pause: Pause, chance: random.Random) -> None:
        setting(connection, name, n, chance.randrange(3))

    return write


def _pair(connection: Connection, n: int, pause: Pause, chance: random.Random) -> None:
    setting(connection, "pair_a", n, 2)
    pause()
    setting(connection, "pair_b", n, chance.randrange(3))


def _killer(connection: Connection, n: int, pause: Pause, chance: random.Random) -> None:
    setting(connection, "killer", n, chance.randrange(3))
    connection.execute("UPDATE bases SET name = %s WHERE code = %s", (str(n), OURS))


def _reference(connection: Connection, n: int, pause: Pause, chance: random.Random) -> None:
    connection.execute("UPDATE contract_types SET name = %s WHERE code = %s", (str(n), OURS))
    pause()
    connection.execute("UPDATE fleets SET hulls = %s WHERE code = %s", (n, OURS))


def _crew(connection: Connection, n: int, pause: Pause, chance: random.Random) -> None:
    connection.execute(
        "INSERT INTO pilots (id, fleet, base, contract, rank, licence, commenced_on, seniority)"
        " VALUES (%(id)s, %(ours)s, %(ours)s, %(ours)s, 'captain', 'ATPL', '2020-01-01', %(id)s)"
        " ON CONFLICT (id) DO NOTHING",
        {"id": FIRST + n, "ours": OURS},
    )
    pause()
    connection.execute(
        "INSERT INTO leave_requests (id, pilot_id, leave_type, first_day, status, submitted_at)"
        " VALUES (%(id)s, %(id)s, 'ANNUAL', today() + 60, 'SUBMITTED', now()) ON CONFLICT (id) DO NOTHING",
        {"id": FIRST + n},
    )


@dataclass(frozen=True)
class Counter:
    """One counter: which role writes it, and how. ``session`` is what that role says first."""

    name: str
    role: str
    write: Callable[[Connection, int, Pause, random.Random], None]
    session: str = ""


COUNTERS = {
    counter.name: counter
    for counter in (
        Counter("app", APP, _lone("app")),
        Counter("psql", OWNER, _lone("psql")),
        Counter("replica", SUPERUSER, _lone("replica"), "SET session_replication_role = replica"),
        Counter("pair", APP, _pair),
        Counter("reference", OWNER, _reference),
        Counter("crew", APP, _crew),
        Counter("killer", APP, _killer),
    )
}
SETTINGS = {"probe_app": "app", "probe_psql": "psql", "probe_replica": "replica", "probe_killer": "killer", "probe_pair_a": "pair", "probe_pair_b": "pair"}
_STANDING = f"""
    SELECT substr(name, 7), value::int FROM settings WHERE name IN ('probe_app', 'probe_psql', 'probe_replica', 'probe_killer')
    UNION ALL SELECT 'pair', min(value::int) FROM settings WHERE name LIKE 'probe\\_pair\\__'
    UNION ALL SELECT 'reference', least((SELECT name::int FROM contract_types WHERE code = '{OURS}'),
                                        (SELECT hulls FROM fleets WHERE code = '{OURS}'))
    UNION ALL SELECT 'crew', count(*)::int FROM pilots p JOIN leave_requests l ON l.id = p.id WHERE p.id > {FIRST}
"""


def plant(owner: Connection) -> None:
    """Put the rows there that will be counted up."""
    for name in SETTINGS:
        setting(owner, name.removeprefix("probe_"), 0, 1)
    owner.execute("INSERT INTO fleets VALUES (%s, 'Probe', 0, 1, 1, 1, 1)", (OURS,))
    owner.execute("INSERT INTO bases VALUES (%s, '0')", (OURS,))
    owner.execute("INSERT INTO contract_types VALUES (%s, '0', NULL, NULL)", (OURS,))


def standing(connection: Connection) -> dict[str, int]:
    """Where each counter stands in the tables."""
    return dict(connection.execute(_STANDING.encode()).fetchall())


@dataclass(frozen=True)
class Base:
    """What the values count besides our rows."""

    pilots: int
    active: int
    pending: int

    @classmethod
    def of(cls, connection: Connection) -> Base:
        """What is there without ours."""
        row = connection.execute(
            "SELECT (SELECT count(*)::int FROM pilots WHERE id <= %(first)s),"
            " (SELECT count(*)::int FROM pilots WHERE id <= %(first)s AND active),"
            " (SELECT count(*)::int FROM leave_facts CROSS JOIN rules"
            "  WHERE request_id <= %(first)s AND pending AND last_day >= today)",
            {"first": FIRST},
        ).fetchone()
        assert row is not None
        return cls(*row)


def seen(key: str, value: Any, base: Base) -> Iterator[tuple[str, int]]:
    """The counters in the value of a key."""
    match key:
        case "ref:settings":
            for one in value.settings:
                if one.name in SETTINGS:
                    yield SETTINGS[one.name], int(one.value)
        case "ref:contract_types":
            yield from (("reference", int(one.name)) for one in value.contract_types if one.code == OURS)
        case "fleet:stats":
            yield "crew", value.totals.total - base.pilots
            yield from (("killer", int(one.name)) for one in value.bases if one.code == OURS)
            yield from (("reference", one.hulls) for one in value.fleets if one.fleet == OURS)
            yield from (("reference", int(one.name)) for one in value.contracts if one.code == OURS)
        case "fleet:pilots:count":
            yield "crew", value.count - base.active
        case "fleet:leave:pending":
            yield "crew", value.total - base.pending
        case "dashboard:metrics":
            yield "crew", value.pilots.total - base.pilots
            yield "crew", value.leave.pending - base.pending


KEYS = ("ref:settings", "ref:contract_types", "fleet:stats", "fleet:pilots:count", "fleet:leave:pending", "dashboard:metrics")
"""Where counters are to be seen."""
