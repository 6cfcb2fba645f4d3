"""The house's settings as they are changed."""

from __future__ import annotations

from sqlalchemy import Connection


def hold(connection: Connection) -> None:
    """One change of the settings at a time, until the end of the transaction."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('fleetcache.settings'))")
