"""Telling open pages that the data has changed, over a websocket each."""

from __future__ import annotations

import asyncio
import contextlib
import json

from starlette.websockets import WebSocket, WebSocketDisconnect

from fleetcache import runtime
from fleetcache.access.signin import ENDED
from fleetcache.errors import Forbidden, NoRole
from fleetcache.web.origin import same_origin
from fleetcache.web.refusal import refused
from fleetcache.web.signed import signed_in

LOOK_SECONDS = 10.0
"""A page hears something at least so often, and knows by silence that its connection is lost; and so often it is
looked whether its sign-in has run out."""
SIGNED_OUT = 1008
"""With what a connection is closed that nobody signed in has opened, or has any more."""


async def live(socket: WebSocket) -> None:
    """Sends the state of the database, and which instance says so, ``{"state": token or null, "by": id}``: at once,
    whenever it is another one, and every ``LOOK_SECONDS``. Only our own pages are answered, and only those of somebody signed in are told."""
    if not same_origin(socket):
        await socket.send_denial_response(refused(Forbidden("Only the pages of fleetcache itself may open this.")))
        return
    # A browser does not let a page know why it was refused, so whoever is signed out is told after accepting.
    await socket.accept()
    end = asyncio.create_task(_end(socket))
    try:
        await _follow(socket, end)
    except WebSocketDisconnect:
        pass  # while something was being sent
    except RuntimeError:  # the same, seen a moment later
        if not end.done():
            raise
    finally:
        end.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await end


async def _follow(socket: WebSocket, end: asyncio.Task[None]) -> None:
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    state: str | None = None
    known = False

    def ring() -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended
            loop.call_soon_threadsafe(news.set)

    def told(found: str | None) -> None:
        nonlocal state, known
        state, known = found, True
        ring()

    parts = runtime.current()
    with parts.poller.watched(told), ENDED.watched(ring):
        while not end.done():
            if not _welcome(socket):
                await socket.close(SIGNED_OUT)
                return
            if known:
                await socket.send_text(json.dumps({"state": state, "by": parts.id}))
            heard = asyncio.create_task(news.wait())
            await asyncio.wait({heard, end}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            heard.cancel()
            news.clear()


def _welcome(socket: WebSocket) -> bool:
    try:
        return signed_in(socket) is not None
    except NoRole:
        return False


async def _end(socket: WebSocket) -> None:
    """Returns when the other side has gone; what it says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
