"""A content hash of the seeded tables, so that an edit by plain SQL shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg import sql

# Every column of every table whose rows belong to the demo; the app itself writes to
# daily_metrics, audit_log and api_tokens, and settings are the user's.
COLUMNS = {
    "fleets": "code name hulls captains_per_hull first_officers_per_hull minimum_captains "
    "minimum_first_officers",
    "bases": "code name",
    "contract_types": "code name days_on days_off",
    "check_types": "code name category position never_expires validity validity_unit "
    "counted_from renewal_window window_unit age_limit validity_from_age",
    "check_requirements": "id check_type rank fleet qualification",
    "pilots": "id fleet base contract rank licence date_of_birth commenced_on seniority "
    "training_captain examiner expatriate active left_on updated_at",
    "pilot_identity": "pilot_id employee_number given_name family_name email phone",
    "certifications": "id pilot_id check_type completed_on expires_on never_expires issuer "
    "document_number recorded_by recorded_at superseded_by voided_at void_reason",
    "leave_requests": "id pilot_id leave_type first_day last_day status channel submitted_at "
    "decided_at decided_by decision_reason",
}


@dataclass(frozen=True)
class DemoState:
    """What fleetcache seeded here, and whether anybody has changed it since."""

    profile: str
    seed: int
    as_of: date
    edited: bool


def fingerprint(connection: psycopg.Connection[Any]) -> str:
    """A hash over all rows, whatever their order and the session's settings.

    PostgreSQL hashes each row by the binary value of its columns (hash_record_extended, two
    seeds, so 128 bits), which no DateStyle or TimeZone can touch; sums make the order not matter.
    All tables are read in one statement, hence in one snapshot.
    """
    parts = [
        sql.SQL(
            "SELECT {name} AS name, count(*) AS rows,"
            " sum(hash_record_extended(ROW({columns}), 0)) AS low,"
            " sum(hash_record_extended(ROW({columns}), 1)) AS high FROM {table}"
        ).format(
            name=sql.Literal(table),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns.split())),
            table=sql.Identifier(table),
        )
        for table, columns in COLUMNS.items()
    ]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fleetcache.role', true)")
        before = cursor.fetchone()
        cursor.execute("SELECT set_config('fleetcache.role', 'viewer', true)")
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        sums = sorted(tuple(map(str, row)) for row in cursor.fetchall())
        cursor.execute(
            "SELECT set_config('fleetcache.role', %s, true)", [before[0] or "" if before else ""]
        )
    return blake2b(repr(sums).encode(), digest_size=16).hexdigest()


def demo_state(connection: psycopg.Connection[Any]) -> DemoState | None:
    """What was seeded here and whether it was edited; None if fleetcache seeded nothing."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT profile, seed, as_of, fingerprint FROM demo")
        row = cursor.fetchone()
        if row is None:
            return None
        profile, seed, as_of, seeded = row
        return DemoState(profile, seed, as_of, edited=fingerprint(connection) != seeded)
