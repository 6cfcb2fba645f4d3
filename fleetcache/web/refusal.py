"""How an error is said over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from fleetcache.errors import FleetcacheError, NotSignedIn, TooLarge, TooMany, TooSlow

UNKNOWN = "Something failed that should not. The application log says what."


def refusal(status: int, error: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The one shape of every error."""
    return JSONResponse({"success": False, "error": error}, status_code=status, headers=headers)


def refused(error: FleetcacheError) -> JSONResponse:
    """What happened and what to do; never what a driver or a server said of it."""
    headers = {}
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="fleetcache"'
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, (TooLarge, TooSlow)):
        headers["Connection"] = "close"  # the server would else read the rest, however long, to its end
    return refusal(error.status, f"{error} {error.hint}", headers)
