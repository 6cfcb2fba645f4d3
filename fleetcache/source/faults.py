"""What the driver raises, as errors that a person can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fleetcache.errors import Busy, FleetcacheError, Invalid, NotMigrated, SourceDown

AGAIN = "Nothing was changed. Look at it as it is now and try again."
_AT_IT = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)
REFUSED = "The database refused a value as outside of what it takes."
CONSTRAINTS = {
    "pilots_seniority_key": ("seniority", "another pilot has this number"),
    "pilot_identity_employee_number_key": ("employee_number", "another pilot has this number"),
    "certifications_current": ("check_type", "the pilot already has a current row of this check"),
    "api_tokens_name_key": ("name", "there is a token of this name already"),
}
"""What a broken constraint says to whoever sent the value: the field and the fault."""


@contextmanager
def errors(*, waits: bool = False) -> Iterator[None]:
    """Turn what the driver raises into the glossary's errors. One that ``waits`` for others' changes is told
    that they are at it, where a read would go on to another layer."""
    try:
        yield
    except PoolTimeout as error:
        raise SourceDown("Every connection to PostgreSQL is in use.") from error
    except DisconnectionError as error:
        raise SourceDown(detail=str(error)) from error
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig or error if isinstance(error, DBAPIError) else error
        if waits and isinstance(cause, _AT_IT):
            raise Busy("Somebody else is changing the same just now.", hint=AGAIN) from error
        raise readable(cause) from error


def readable(cause: BaseException) -> FleetcacheError:
    """What the driver raised, as an error of the glossary."""
    if isinstance(cause, (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction)):
        return NotMigrated("The database lacks something fleetcache needs.", detail=first_line(cause))
    if isinstance(cause, psycopg.errors.LockNotAvailable):
        return SourceDown("Somebody holds a lock in PostgreSQL on what was asked for.", hint="Try again in a moment.")
    if isinstance(cause, psycopg.errors.QueryCanceled):
        return SourceDown("PostgreSQL took too long to answer.", hint="Try again in a moment; others may keep it busy.")
    if isinstance(cause, psycopg.IntegrityError):
        field, fault = CONSTRAINTS.get(cause.diag.constraint_name or "", ("", ""))
        said = first_line(cause)
        return Invalid(faults={field: fault}, detail=said) if field else Invalid(REFUSED, detail=said)
    if isinstance(cause, psycopg.DataError):
        return Invalid(REFUSED, detail=first_line(cause))
    if isinstance(cause, psycopg.OperationalError):
        return SourceDown(detail=first_line(cause))
    return SourceDown("PostgreSQL refused a query.", detail=first_line(cause))


def first_line(error: BaseException) -> str:
    """The first line of a driver's message, without its full stop."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
