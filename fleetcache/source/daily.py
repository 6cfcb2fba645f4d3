"""The diary of headline figures: one row for every fleet-calendar day that has ended."""

from __future__ import annotations

from fleetcache.source import statements
from fleetcache.source.database import Database

GRACE_SECONDS = 3600.0
_DUE = """
    SELECT today - 1 FROM rules
    WHERE now() < today::timestamp AT TIME ZONE time_zone + make_interval(secs => %s)
      AND NOT EXISTS (SELECT FROM daily_metrics WHERE day = today - 1)
"""


def close_day(database: Database, *, grace: float = GRACE_SECONDS) -> bool:
    """Write yesterday's row unless it is there; whether it was written.

    Only within ``grace`` seconds of the fleet's midnight, while the rows still say what yesterday
    was: later a gap is honest and a row would not be. Raises SourceDown or NotMigrated.
    """
    with database.change() as connection:
        day = connection.exec_driver_sql(_DUE, (grace,)).scalar()
        if day is None:
            return False
        connection.exec_driver_sql("SELECT set_config('fleetcache.today', %s, true)", (day.isoformat(),))
        return connection.exec_driver_sql(statements.query("daily_metrics")).rowcount == 1
