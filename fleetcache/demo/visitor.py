"""A person at the pages without a browser: signs in to the demo, opens one page after another, and speaks
to the server as the browser does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType

import httpx
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin, Subprotocol

from fleetcache.access.roles import Role
from fleetcache.errors import AppDown

PATIENCE_SECONDS = 30.0
"""An app that has not answered by then, or drawn a page, is given up."""
_EARLY = ForwardMsg.FINISHED_EARLY_FOR_RERUN


@dataclass(frozen=True)
class Drawn:
    """One page as it was drawn: the ``seconds`` from asking for it to its end, the ``size`` in bytes of what
    came, how many ``elements`` it has, its ``fragments`` by the heading in them, and the ``fault`` that was shown in
    place of something, or nothing."""

    seconds: float
    size: int
    elements: int
    fragments: Mapping[str, str]
    fault: str = ""


class Visitor:
    """One person in one tab of the app at ``url``, signed in to the demo as whoever has the ``role``, or
    nobody. A context: raises AppDown on entering when they are not let in, and whenever the app is lost."""

    def __init__(self, url: str, role: Role | None = None) -> None:
        self._url = url.rstrip("/")
        self._role = role
        self._leaving = AsyncExitStack()
        self._socket: ClientConnection | None = None
        self._live: ClientConnection | None = None
        self._state: str | None = None
        self._kept: set[str] = set()
        self._page = ""
        self._hash = ""
        self.instance = ""
        """Which instance let them in."""

    async def __aenter__(self) -> Visitor:
        cookies = await self._sign_in() if self._role else ""
        async with AsyncExitStack() as entering:
            try:
                # The third would be the session to come back to; the second proves a sign-in with a provider.
                names = "streamlit", "PLACEHOLDER_AUTH_TOKEN"
                self._socket = await entering.enter_async_context(self._connect("/_stcore/stream", cookies, *names))
                if cookies:
                    self._live = await entering.enter_async_context(self._connect("/live", cookies))
            except (OSError, WebSocketException) as error:
                raise AppDown(detail=str(error)) from error
            self._leaving = entering.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leaving.aclose()

    def _connect(self, path: str, cookies: str, *subprotocols: str) -> connect:
        return connect(
            f"ws{self._url.removeprefix('http')}{path}",
            subprotocols=[Subprotocol(each) for each in subprotocols] or None,
            origin=Origin(self._url),
            additional_headers={"Cookie": cookies} if cookies else {},
            open_timeout=PATIENCE_SECONDS,
            close_timeout=1,
            max_size=None,
            proxy=None,
        )

    async def open(self, page: str = "", *, query: str = "") -> Drawn:
        """Go to a page by its name in the address (nothing: the first one). Raises AppDown."""
        self._page, self._hash = page, ""
        return await self.again(query=query)

    async def again(self, *, query: str = "", fragment: str = "") -> Drawn:
        """Have the page drawn again, or one fragment of it, as after a click on it. Raises AppDown."""
        asked = BackMsg()
        state = asked.rerun_script
        state.fragment_id = fragment
        state.query_string, state.page_name, state.page_script_hash = query, self._page, self._hash
        state.cached_message_hashes.extend(self._kept)
        state.context_info.url = f"{self._url}/{self._page}"
        state.context_info.locale = "en-US"
        assert self._socket is not None
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._socket.send(asked.SerializeToString())
                return await self._drawn(self._socket, began)
        except (OSError, WebSocketException, TimeoutError) as error:
            raise AppDown(detail=str(error) or f"nothing within {PATIENCE_SECONDS:.0f} s") from error

    async def stay(self, seconds: float) -> list[Drawn]:
        """Look at the page for a while; it is drawn again whenever the data has changed. Raises AppDown."""
        drawn: list[Drawn] = []
        assert self._live is not None, "somebody who is not signed in is told nothing"
        until = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                async with asyncio.timeout_at(until):
                    state = json.loads(await self._live.recv())["state"]
            except TimeoutError:
                return drawn
            except (OSError, WebSocketException) as error:
                raise AppDown(detail=str(error)) from error
            known, self._state = self._state, state
            if known not in (None, state):
                drawn.append(await self.again())

    async def _drawn(self, socket: ClientConnection, began: float) -> Drawn:
        """Read until the script has ended."""
        size, elements, fault = 0, 0, ""
        fragments: dict[str, str] = {}
        while True:
            data = await socket.recv(decode=False)
            message = ForwardMsg.FromString(data)
            size += len(data)
            if message.metadata.cacheable:
                self._kept.add(message.hash)
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self._hash = message.navigation.page_script_hash
            elif kind == "page_not_found":
                fault = fault or "there is no such page"
            elif kind in ("delta", "ref_hash"):
                elements += kind == "ref_hash" or message.delta.WhichOneof("type") == "new_element"
                if message.delta.fragment_id and (heading := message.delta.new_element.heading.body):
                    fragments[heading] = message.delta.fragment_id
                shown = message.delta.new_element
                if shown.WhichOneof("type") == "exception":
                    fault = fault or shown.exception.message or shown.exception.type
            elif kind == "script_finished" and message.script_finished != _EARLY:
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    fault = fault or "the script cannot be compiled"
                return Drawn(time.perf_counter() - began, size, elements, fragments, fault)

    async def _sign_in(self) -> str:
        """The cookies of somebody who has just signed in."""
        try:
            async with httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=PATIENCE_SECONDS) as http:
                answer = await http.post(f"/sign-in/{self._role}", headers={"Origin": self._url})
        except httpx.HTTPError as error:
            raise AppDown(detail=str(error)) from error
        if answer.status_code != 303:
            raise AppDown(
                f"The dashboards at {self._url} do not let visitors of the demo in.",
                detail=f"{answer.status_code}: {answer.text[:200]}",
                hint="Sign-in by one click is for a demo on this machine; see docs/sign-in.md.",
            )
        self.instance = answer.headers.get("x-fleetcache-instance", "")
        return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


def usual() -> str:
    """Where the app is when nobody said otherwise on its command line."""
    scheme = "https" if config.get_option("server.sslCertFile") else "http"
    return f"{scheme}://{config.get_option('server.address') or '127.0.0.1'}:{config.get_option('server.port')}"
