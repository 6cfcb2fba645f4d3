"""What the app's role may do that it should not."""

from __future__ import annotations

from fleetcache.source.database import Database

_RIGHTS = """
    SELECT rolsuper OR rolbypassrls AS bypasses,
           pg_has_role((SELECT relowner FROM pg_class WHERE oid = 'audit_log'::regclass), 'USAGE') AS owns
    FROM pg_roles WHERE rolname = current_user
"""


def bypasses_and_owns(database: Database) -> tuple[bool, bool]:
    """Whether row-level security does not hold for the role in use, and whether it owns the audit
    log. Raises SourceDown."""
    with database.statement() as connection:
        rights = connection.exec_driver_sql(_RIGHTS).one()
    return rights.bypasses, rights.owns
