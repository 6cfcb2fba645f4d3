"""The diary of headline figures: one row for every fleet-calendar day that has ended."""

from __future__ import annotations

from fleetcache.source import statements
from fleetcache.source.database import Database

_DUE = """
    SELECT today() - 1 WHERE NOT EXISTS (SELECT FROM daily_metrics WHERE day = today() - 1)
"""


def close_day(database: Database) -> bool:
    """Write yesterday's row unless it is there; whether it was written.

    Meant for the minutes after the fleet's midnight, while the rows still say what yesterday was.
    Raises SourceDown or NotMigrated.
    """
    with database.change() as connection:
        day = connection.exec_driver_sql(_DUE).scalar()
        if day is None:
            return False
        connection.exec_driver_sql("SELECT set_config('fleetcache.today', %s, true)", (day.isoformat(),))
        return connection.exec_driver_sql(statements.query("daily_metrics")).rowcount == 1
