"""A proxy in front of a real Redis that makes the link to it as bad as a test wants.

    with Proxy(servers.redis_url) as proxy:
        client = connect(proxy.url, …)
        proxy.half_open(listening)  # nothing reaches those who listen; commands are answered
        proxy.heal()

It reads both directions as RESP, so it knows which command a reply belongs to: a fault can hit the
replies of some commands only, and an answer of the proxy's own takes its place in a pipeline. Faults
of different kinds add up, and hit the connections of now and of later unless ``where`` says otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

T = TypeVar("T")
HOST = "127.0.0.1"
PUSH = "PUSH"
"""The name, in place of a command's, of what the server sends unasked."""
HANDSHAKE = {"HELLO", "AUTH", "SELECT", "READONLY"}
CONTAINERS = {"ACL", "CLIENT", "CLUSTER", "CONFIG", "MEMORY", "OBJECT", "PUBSUB", "SCRIPT", "SENTINEL"}
SUBSCRIBES = {f"{kind}{verb}" for kind in ("", "P", "S") for verb in ("SUBSCRIBE", "UNSUBSCRIBE")}
_RESET = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class Link:
    """One connection of a client, and the one to the server that is made for it."""

    client: asyncio.StreamWriter
    task: asyncio.Task[None]
    server: asyncio.StreamWriter | None = None
    open: bool = True
    listens: bool = False
    lost: bool = False
    commands: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    replies: asyncio.Queue[tuple[float, str, bytes]] = field(default_factory=asyncio.Queue)
    awaited: deque[tuple[str, bytes]] = field(default_factory=deque)
    """The commands without a reply yet, each with the answer of our own when it has one."""

    def settle(self) -> None:
        """Let the answers of our own go whose turn it is."""
        while self.awaited and self.awaited[0][1]:
            self.reply(*self.awaited.popleft())

    def reply(self, name: str, data: bytes) -> None:
        """Put a reply on its way to the client."""
        self.replies.put_nowait((asyncio.get_running_loop().time(), name, data))

    def reset(self) -> None:
        """End it at once; the client sees a reset."""
        with contextlib.suppress(OSError):  # closed already
            self.client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.client.transport.abort()
        if self.server:
            self.server.transport.abort()
        self.task.cancel()


Where = Callable[[Link, str], bool]
"""Whether a fault hits this connection and the reply of the command of this name."""


def everywhere(link: Link, name: str) -> bool:
    """Every reply of every connection."""
    return True


def listening(link: Link, name: str) -> bool:
    """Connections that turned CLIENT TRACKING on or subscribed."""
    return link.listens


def past_handshake(link: Link, name: str) -> bool:
    """All but what a client says to make a connection."""
    return name not in HANDSHAKE and not name.startswith("CLIENT ")


def commands(*names: str) -> Where:
    """Commands of these names, such as ``get`` or ``client tracking``; ``PUSH`` for what is pushed."""
    chosen = {name.upper() for name in names}
    return lambda link, name: name in chosen


@dataclass(frozen=True)
class Fault:
    """What a fault does, and where."""

    where: Where
    seconds: float = 0
    size: int = 0
    data: bytes = b""


class Proxy:
    """Listens on a port of its own and forwards to ``target``, a redis:// or unix:// URL."""

    def __init__(self, target: str) -> None:
        self.commands: Counter[str] = Counter()
        """How often each command was seen, the ones never forwarded included."""
        self._target = urlsplit(target)
        self._faults: dict[str, Fault] = {}
        self._links: set[Link] = set()
        # Bound and never listening, it keeps the port ours while connections are refused.
        self._port = socket.socket()
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port.bind((HOST, 0))
        user, at, _ = self._target.netloc.rpartition("@")
        self.url = self._target._replace(
            scheme="redis",
            netloc=f"{user}{at}{HOST}:{self._port.getsockname()[1]}",
            path="" if self._target.scheme == "unix" else self._target.path,
        ).geturl()
        self._server: asyncio.Server | None = None
        self._healed = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        self.heal()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._port.close()

    @property
    def connections(self) -> int:
        """How many connections clients have open now."""
        return sum(link.open for link in tuple(self._links))

    def existing(self) -> Where:
        """The connections that are open at this moment, and none made later."""
        links = set(self._links)
        return lambda link, name: link in links

    def delay(self, seconds: float, where: Where = everywhere) -> None:
        """Every reply comes so much later; those of one pipeline together, as on a long line."""
        self._switch("delay", Fault(where, seconds=seconds))

    def drip(self, size: int, seconds: float, where: Where = everywhere) -> None:
        """Every reply comes in pieces of ``size`` bytes, with ``seconds`` between them."""
        self._switch("drip", Fault(where, size=size, seconds=seconds))

    def hang(self, where: Where = everywhere) -> None:
        """Accept, read, count and never answer, as a stopped server does. ``heal`` executes what was
        held, even of clients that left meanwhile, and delivers; ``cut`` before it drops it."""
        self._switch("hang", Fault(where))

    def half_open(self, where: Where = everywhere) -> None:
        """Commands reach the server, and what it sends vanishes, its end included. A connection that
        lost something gets nothing ever after, and a reset by ``heal``."""
        self._switch("half_open", Fault(where))

    def garbage(self, data: bytes, where: Where = everywhere) -> None:
        """These bytes in place of every reply. None at all loses a reply and not its connection."""
        self._switch("garbage", Fault(where, data=data))

    def truncate(self, size: int, where: Where = everywhere) -> None:
        """A reply longer than ``size`` bytes ends there, and its connection with it."""
        self._switch("truncate", Fault(where, size=size))

    def answer(self, line: str, where: Where = past_handshake) -> None:
        """Commands are not forwarded and get this line, such as ``-LOADING …``, each at its turn."""
        self._switch("answer", Fault(where, data=f"{line}\r\n".encode()))

    def cut(self, where: Where = everywhere) -> None:
        """Reset all connections now; new ones work."""
        self._run(self._cut([link for link in tuple(self._links) if where(link, "")]))

    def refuse(self) -> None:
        """Refuse new connections; those that are open work."""
        self._run(self._refuse())

    def heal(self) -> None:
        """End all faults, also for what is on its way."""
        self._run(self._heal())

    def _switch(self, kind: str, fault: Fault) -> None:
        self._healed.clear()
        self._faults = {**self._faults, kind: fault}

    def _fault(self, kind: str, link: Link, name: str) -> Fault | None:
        fault = self._faults.get(kind)
        return fault if fault and fault.where(link, name) else None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _heal(self) -> None:
        self._faults = {}
        await self._cut([link for link in self._links if link.lost])
        self._healed.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, *self._port.getsockname())

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _cut(self, links: list[Link]) -> None:
        for link in links:
            link.reset()
        await asyncio.gather(*(link.task for link in links), return_exceptions=True)

    async def _close(self) -> None:
        await self._refuse()
        await asyncio.sleep(0)  # one accepted just now becomes a link
        await self._cut(list(self._links))
        await asyncio.sleep(0)  # the sockets of the last ones close

    async def _pause(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._healed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        link = Link(writer, task)
        self._links.add(link)
        try:
            replies, link.server = await self._dial()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read_commands(reader, link))
                group.create_task(self._forward(link.server, link))
                group.create_task(self._read_replies(replies, link))
                group.create_task(self._deliver(link))
        except* (OSError, EOFError):
            pass
        except* asyncio.CancelledError:
            pass
        finally:
            self._links.discard(link)
            for end in filter(None, (link.client, link.server)):
                end.close()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._target.scheme == "unix":
            return await asyncio.open_unix_connection(unquote(self._target.path))
        return await asyncio.open_connection(self._target.hostname, self._target.port or 6379)

    async def _read_commands(self, reader: asyncio.StreamReader, link: Link) -> None:
        while command := await value(reader):
            name = name_of(command)
            self.commands[name] += 1
            link.listens |= name in SUBSCRIBES
            link.listens |= name == "CLIENT TRACKING" and b"\r\nON\r\n" in command.upper()
            link.commands.put_nowait(command)
        link.open = False
        link.commands.put_nowait(b"")

    async def _forward(self, server: asyncio.StreamWriter, link: Link) -> None:
        while True:
            command = await link.commands.get()
            name = name_of(command)
            if self._fault("hang", link, name):
                await self._pause(None)
            if not command:
                raise EOFError
            answer = self._fault("answer", link, name)
            if answer or name not in SUBSCRIBES:
                link.awaited.append((name, answer.data if answer else b""))
            if answer:
                link.settle()
            else:
                server.write(command)
                await server.drain()

    async def _read_replies(self, reader: asyncio.StreamReader, link: Link) -> None:
        while reply := await value(reader):
            pushed = reply.startswith(b">") or not link.awaited
            link.reply(PUSH if pushed else link.awaited.popleft()[0], reply)
            link.settle()
        link.reply("", b"")

    async def _deliver(self, link: Link) -> None:
        while True:
            came, name, reply = await link.replies.get()
            if self._fault("hang", link, name):
                await self._pause(None)
            if fault := self._fault("delay", link, name):
                await self._pause(came + fault.seconds - self._loop.time())
            link.lost |= self._fault("half_open", link, name) is not None
            if link.lost:
                continue
            if not reply:
                raise EOFError
            if fault := self._fault("garbage", link, name):
                reply = fault.data
            fault = self._fault("truncate", link, name)
            end = fault.size if fault else len(reply)
            await self._write(link.client, reply[:end], self._fault("drip", link, name))
            if end < len(reply):
                raise EOFError

    async def _write(self, client: asyncio.StreamWriter, reply: bytes, drip: Fault | None) -> None:
        size = drip.size if drip else len(reply) or 1
        for start in range(0, len(reply), size):
            if drip and start:
                await self._pause(drip.seconds)
            client.write(reply[start : start + size])
            await client.drain()


async def value(stream: asyncio.StreamReader) -> bytes:
    """The next RESP value, a command or a reply, as it came; empty when there is no more."""
    try:
        return await _value(stream)
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
        return b""


async def _value(stream: asyncio.StreamReader) -> bytes:
    line = await stream.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:]
    if kind in (b"$", b"=", b"!"):
        size = int(rest)
        return line + await stream.readexactly(size + 2) if size >= 0 else line
    if kind in (b"*", b"~", b">"):
        return line + b"".join([await _value(stream) for _ in range(int(rest))])
    if kind in (b"%", b"|"):
        # Attributes come before the value they are of.
        return line + b"".join([await _value(stream) for _ in range(2 * int(rest) + (kind == b"|"))])
    return line


def name_of(command: bytes) -> str:
    """``GET`` or, of a command that holds others, ``CLIENT TRACKING``."""
    words = command.split(b"\r\n", 5)[2:5:2] if command.startswith(b"*") else command.split()[:2]
    names = [word.decode(errors="replace").upper() for word in words]
    return " ".join(names if names and names[0] in CONTAINERS else names[:1])
