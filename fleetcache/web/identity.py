"""Who asks, and whether they may: the first thing that every route of the API finds out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from fleetcache import runtime
from fleetcache.access.roles import Person, Right
from fleetcache.errors import FleetcacheError, Forbidden, Invalid, NotSignedIn, TooLarge, TooSlow
from fleetcache.web.origin import same_origin
from fleetcache.web.signed import address, signed_in

MOST_BYTES = 64 * 1024
SPARE_BYTES = 1024 * 1024
PATIENCE_SECONDS = 10.0
"""For so long a body may take to come."""
_SAFE = ("GET", "HEAD", "OPTIONS")


def needs(
    right: Right, *, action: str | None = None, body: bool = False
) -> Callable[[Request], Awaitable[Person]]:
    """A dependency that gives whoever asks, if they have the ``right``.

    It looks at who asks before anything else, so that nobody learns more than that they are not let in, and
    reads the body, which routes that take none have to be sent without. A refusal of an ``action`` leaves an
    audit row.
    """

    async def allowed(request: Request) -> Person:
        person = await asker(request)
        try:
            if (
                request.method not in _SAFE
                and "authorization" not in request.headers
                and not same_origin(request)
            ):
                raise Forbidden(
                    "With the cookie of the pages, only the pages themselves may change anything."
                )
            person.must(right)
            request.state.body = await _body(request)
            if not body and request.method not in _SAFE and request.state.body.strip() not in (b"", b"{}"):
                raise Invalid("This takes no body: what stands in it would have no effect.")
            _only_known(request)
        except FleetcacheError as error:
            if action is not None:
                await run_in_threadpool(refuse, request, person, action, error)
            raise
        request.state.acts = None if action is None else (person, action)
        return person

    return allowed


def refuse(request: Request, person: Person, action: str, error: FleetcacheError) -> None:
    """Leave an audit row about what was refused before it came to the action."""
    subject = f"{request.method} {request.url.path}"
    runtime.current().console(person).refuse(action, subject, error)


async def asker(connection: HTTPConnection) -> Person:
    """Whoever has the token that was sent, else whoever is signed in by cookie. Raises NotSignedIn, and
    SourceDown when it cannot be found out."""
    if "authorization" in connection.headers:
        return await bearer(connection)
    person = signed_in(connection)
    if person is None:
        raise NotSignedIn()
    return replace(person, origin=f"API, {address(connection)}")


async def bearer(connection: HTTPConnection) -> Person:
    """Whoever has the token that was sent. Raises NotSignedIn, and SourceDown when it cannot be found out."""
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn()
    secret = secret.strip()
    tokens, where = runtime.current().tokens, address(connection)
    person = tokens.remembered(secret, address=where)
    return person if person is not None else await run_in_threadpool(tokens.holder, secret, address=where)


async def _body(request: Request) -> bytes:
    """The body. Raises TooLarge, and TooSlow for whoever keeps us waiting."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _read(request)
    except TimeoutError as error:
        raise TooSlow(f"The body did not come within {PATIENCE_SECONDS:g} s.") from error


async def _read(request: Request) -> bytes:
    """The body. What is too large is read on a little, for who is still sending does not see the answer, and
    then cut off. Raises TooLarge."""
    declared = request.headers.get("content-length", "")
    body, size = bytearray(), 0
    if not declared.isdigit() or int(declared) <= SPARE_BYTES:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= MOST_BYTES:
                body += chunk
            elif size > SPARE_BYTES:
                break
        else:
            if size <= MOST_BYTES:
                return bytes(body)
    raise TooLarge(f"The body is larger than {MOST_BYTES // 1024} KiB.")


def _only_known(request: Request) -> None:
    """Raises Invalid for a parameter that the route does not have: a dry run that is misspelt must not be
    taken for the real thing."""
    route: APIRoute = request.scope["route"]
    known = {field.alias for field in route.dependant.query_params}
    for name, _value in request.query_params.multi_items():
        if name not in known:
            raise Invalid(f"There is no parameter “{name[:50]}” here.")
        if len(request.query_params.getlist(name)) > 1:
            raise Invalid(f"The parameter “{name}” is given more than once.")
