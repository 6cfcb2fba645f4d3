"""The glossary of everything that can go wrong on purpose.

Each error says what happened (the message, by default the docstring), what a person
can do about it (``hint``) and which HTTP status it becomes (``status``). What a driver or a
server said goes into ``detail``: it is for administrators and the log, never for the API.
"""

from __future__ import annotations

from collections.abc import Mapping


class FleetcacheError(Exception):
    """Something went wrong in fleetcache."""

    status = 500
    hint = "Look at the application log for the cause."

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, detail: str | None = None
    ) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())
        self.detail = detail
        if hint is not None:
            self.hint = hint

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        return str(self)

    @property
    def technical(self) -> str:
        """The message with what the driver or server said."""
        return f"{self} ({self.detail})" if self.detail else str(self)


class BadSetting(FleetcacheError):
    """A setting has a value that cannot be used."""

    hint = "Run `python -m fleetcache settings` to see every value and where it came from."


class NoServer(FleetcacheError):
    """A server that fleetcache needs was not found on this machine."""

    status = 503


class ServerFailed(FleetcacheError):
    """An embedded server did not start."""

    status = 503


class WrongVersion(FleetcacheError):
    """The data directory belongs to a server of another major version."""

    status = 503


class HomeUnusable(FleetcacheError):
    """The data directory cannot be used."""

    status = 503
    hint = "Point FLEETCACHE_HOME at a directory that you may write to and that has free space."


class SourceDown(FleetcacheError):
    """PostgreSQL did not answer."""

    status = 503
    hint = "Check that PostgreSQL runs and that DATABASE_URL is right."


class AppDown(FleetcacheError):
    """The dashboards did not answer."""

    status = 503
    hint = "Start them with `streamlit run app.py`."


class ForeignDatabase(FleetcacheError):
    """The database holds tables that are not ours, and no fleetcache schema."""

    hint = "Point DATABASE_URL at an empty database, or at one that fleetcache created."


class NotMigrated(FleetcacheError):
    """The database schema is missing or older than this program."""

    status = 503
    hint = "Run `python -m fleetcache migrate`."


class InTheWay(FleetcacheError):
    """Objects of your own depend on views of fleetcache that have to be made again."""

    hint = "Drop yours, run `python -m fleetcache migrate`, and make yours again."


class Unrecorded(FleetcacheError):
    """It was done, but its audit row could not be written."""

    status = 503
    hint = "Note it by hand; look at the log of PostgreSQL for the cause."


class Unsure(FleetcacheError):
    """The connection was lost at the very end: it may have been done, or not."""

    status = 503
    hint = "Look whether it is there before you do it again."


class ViewUnusable(FleetcacheError):
    """The materialized view cannot serve this key now."""

    status = 503
    hint = "Run `python -m fleetcache migrate`, then `python -m fleetcache refresh`."


class BadPayload(FleetcacheError):
    """A stored value does not have the shape this program expects."""

    status = 503


class StoreDown(FleetcacheError):
    """Redis did not answer."""

    status = 503
    hint = "Check that Redis runs and that REDIS_URL is right."

    def __init__(
        self, message: str | None = None, *, reason: str = "down", detail: str | None = None
    ) -> None:
        super().__init__(message, detail=detail)
        self.reason = reason


class Unavailable(FleetcacheError):
    """No layer could give this figure."""

    status = 503
    hint = "Bring PostgreSQL back; the pages recover by themselves."


class UnknownKey(FleetcacheError):
    """That is not the name of a cached value."""

    status = 400
    hint = "The names are listed on the Cache page and by `python -m fleetcache invalidate --help`."


class BadPattern(FleetcacheError):
    """A pattern must start with fleet:, ref: or dashboard:."""

    status = 400
    hint = "For everything use flush; for one family write, for example, fleet:leave:*."


class Busy(FleetcacheError):
    """Another instance is doing this right now."""

    status = 409
    hint = "Wait until it has finished, then look again."


class NotSignedIn(FleetcacheError):
    """Nobody is signed in."""

    status = 401
    hint = "Sign in, or send a token: `Authorization: Bearer …`. An administrator makes one with `python -m fleetcache token create`."


class Forbidden(FleetcacheError):
    """The role of whoever asks does not allow this."""

    status = 403
    hint = "Ask somebody who has the role, or an administrator for another one."


class NotFound(FleetcacheError):
    """There is no such thing, or not any more."""

    status = 404
    hint = "Look at the list again: somebody may have removed it."


class Invalid(FleetcacheError):
    """What was given cannot be used."""

    status = 400
    hint = "Correct it and send it again; nothing was changed."

    def __init__(self, message: str | None = None, *, faults: Mapping[str, str] | None = None, **more: str) -> None:
        self.faults: Mapping[str, str] = dict(faults or {})
        said = "; ".join(f"{field}: {fault}" for field, fault in self.faults.items())
        super().__init__(message or (f"{said.rstrip('.')}." if said else None), **more)


class Conflict(FleetcacheError):
    """It has changed since it was shown."""

    status = 409
    hint = "Nothing was changed. Look at it as it is now, then decide again."


class NeedsOverride(FleetcacheError):
    """A rule stands against this."""

    status = 409
    hint = "An administrator may override it, with a reason, which is audited."


class TooLarge(FleetcacheError):
    """What was sent is larger than what is taken."""

    status = 413
    hint = "Send less at a time."


class TooSlow(FleetcacheError):
    """What was announced did not come."""

    status = 408
    hint = "Send it again at once and whole; nothing was changed."


class TooMany(FleetcacheError):
    """That was asked too often."""

    status = 429
    hint = "Wait, then ask again."

    def __init__(self, message: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(message, hint=f"Ask again in {retry_after} s.")
        self.retry_after = retry_after


class SessionOver(NotSignedIn):
    """The sign-in is over: it is too old, or its owner signed out."""

    hint = "Sign in again."


class NoRole(Forbidden):
    """Whoever signed in has no role in fleetcache."""

    hint = "Ask an administrator of the sign-in for one of the roles viewer, manager or admin."

    def __init__(self, name: str, found: str) -> None:
        super().__init__(f"{name} is signed in, but has none of the roles of fleetcache.")
        self.name = name
        self.found = found
