"""Reading which state of the database a snapshot shows. Only a primary says so: on a standby all of
this is an error, for it may lag behind what was acknowledged."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from fleetcache.catalogue import TABLES
from fleetcache.errors import NotMigrated
from fleetcache.label import Label

_TOPICS = set(TABLES.values())

SERVER = """
    concat_ws('.',
        (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        extract(epoch FROM pg_postmaster_start_time()))
"""
"""What stays the same for as long as a connection to a primary lasts: the server, its timeline (a promoted
copy has another), the database and the start of the server (files can be put back only while it is down)."""

LIFE = "to_regclass('fleetcache.changes')::oid || '.' || (SELECT life FROM fleetcache.epoch)"
# One scan of the changes, however many they are.
_VERSIONS = """
    (SELECT string_agg(v.topic || ' ' || v.base + coalesce(c.n, 0), ',')
     FROM fleetcache.versions v
     LEFT JOIN (SELECT topic, count(*) AS n FROM fleetcache.changes GROUP BY topic) c USING (topic))
"""

LABEL = f"{SERVER} || '.' || {LIFE} AS epoch, r.today::text AS day, {_VERSIONS} AS versions"
"""The columns of a label, beside ``rules r``. The table of changes is another after a restore, the life
after a time in which changes were not counted."""

_TOTAL = "(SELECT sum(base) FROM fleetcache.versions) + (SELECT count(*) FROM fleetcache.changes)"
QUICK = f"SELECT {LIFE}, {_TOTAL}, extract(epoch FROM now())"
"""The life, the sum of all versions and the moment. No version ever falls within a life, so while the sum
is the same each of them is; and while the settings are, the day ends when it did."""
FULL = f"""
    SELECT {LIFE}, {_TOTAL}, extract(epoch FROM (day + 1)::timestamp AT TIME ZONE zone), day::text, {_VERSIONS},
           extract(epoch FROM now())
    FROM (SELECT fleetcache.fleet_day(now(), zone) AS day, zone
          FROM (SELECT value #>> '{{}}' AS zone FROM fleetcache.settings WHERE name = 'fleet_time_zone' OFFSET 0) z
          OFFSET 0) d
"""
"""The same with the label and the end of its day."""


def of(connection: Connection) -> Label:
    """The label of what a transaction sees, its own changes included. Raises NotMigrated."""
    return parse(*connection.exec_driver_sql(f"SELECT {LABEL} FROM rules r").one())


def parse(epoch: str | None, day: str | None, versions: str | None) -> Label:
    """The columns of ``LABEL`` as a label. Raises NotMigrated when they do not make one."""
    pairs = (pair.split(" ") for pair in (versions or "").split(",") if pair)
    counted = {topic: int(version) for topic, version in pairs}
    if not epoch or not day or not counted.keys() >= _TOPICS:
        raise NotMigrated("The database does not say which day it is, or how often its topics changed.")
    return Label(epoch, date.fromisoformat(day), counted)
