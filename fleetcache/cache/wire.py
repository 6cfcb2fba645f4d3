"""Connections whose every exchange ends in time, however slowly the other side drips.

redis-py bounds each ``recv``; these bound everything from sending a command to the last byte of its
reply, and everything from the first packet of a connection to the end of its greeting.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from ssl import SSLWantReadError
from time import monotonic
from typing import Any, TypeVar

from redis.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError, InvalidResponse, ReadOnlyError
from redis.sentinel import SentinelManagedConnection
from redis.utils import SENTINEL

T = TypeVar("T")

_FOREVER = 1e6


class _Socket:
    """A socket that waits until ``ends`` (monotonic seconds) and no longer, in all."""

    __slots__ = ("_blocking", "_limit", "_recv", "_socket", "ends")

    def __init__(self, socket: socket.socket, ends: float) -> None:
        self._socket = socket
        self._recv = socket.recv
        self._blocking = True
        self._limit = -1.0
        self.ends = ends

    def settimeout(self, seconds: float | None) -> None:
        self._blocking = seconds != 0

    # Every microsecond here is one of every command. Setting the time-out is a system call: one that
    # is up to a tenth too long stays.

    def sendall(self, data: bytes) -> None:
        left = self.ends - monotonic() if self._blocking else 0.0
        if not left <= self._limit <= 1.1 * left:
            if self._blocking and left <= 0:
                raise TimeoutError("timed out")
            self._wait(left)
        self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        left = self.ends - monotonic() if self._blocking else 0.0
        if not left <= self._limit <= 1.1 * left:
            if self._blocking and left <= 0:
                return self._late(lambda: self._recv(size))
            self._wait(left)
        return self._recv(size)

    def recv_into(self, buffer: bytearray) -> int:
        left = self.ends - monotonic() if self._blocking else 0.0
        if self._blocking and left <= 0:
            return self._late(lambda: self._socket.recv_into(buffer))
        self._wait(left)
        return self._socket.recv_into(buffer)

    def _late(self, receive: Callable[[], T]) -> T:
        """What has come by now: it was perhaps this thread that was kept waiting, not the other side."""
        self._wait(0.0)
        try:
            return receive()
        except (BlockingIOError, SSLWantReadError) as error:
            raise TimeoutError("timed out") from error

    def _wait(self, seconds: float) -> None:
        self._limit = 1.05 * seconds
        self._socket.settimeout(self._limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class _Bounded(AbstractConnection):
    """``socket_connect_timeout`` bounds a connection with its greeting, ``socket_timeout`` a whole
    exchange, those of the greeting too. What is no RESP is an InvalidResponse, whatever the parser stumbles over."""

    _ends = 0.0
    _greeting = False

    @property
    def socket_timeout(self) -> float | None:
        """Seconds; while connecting, what is left of the time for that."""
        return max(self._ends - monotonic(), 1e-3) if self._greeting else self._socket_timeout

    @socket_timeout.setter
    def socket_timeout(self, value: float | None) -> None:
        self._socket_timeout = value

    @property
    def socket_connect_timeout(self) -> float | None:
        """Seconds; while connecting, what is left of them."""
        return max(self._ends - monotonic(), 1e-3) if self._greeting else self._socket_connect_timeout

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, value: float | None) -> None:
        self._socket_connect_timeout = value

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        if self._sock:
            return
        self._ends = monotonic() + (self._socket_connect_timeout or _FOREVER)
        self._greeting = True
        try:
            super().connect_check_health(check_health, retry_socket_connect)
        finally:
            self._greeting = False

    def _connect(self) -> Any:
        return _Socket(super()._connect(), self._ends)  # type: ignore[safe-super]

    def on_connect_check_health(self, check_health: bool = True) -> None:
        try:
            super().on_connect_check_health(check_health)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise InvalidResponse("The answer to HELLO is not one of Redis.") from error

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not self._sock:
            self.connect()
        if self._sock:
            ends = monotonic() + (self._socket_timeout or _FOREVER)
            self._sock.ends = min(ends, self._ends) if self._greeting else ends
        super().send_packed_command(command, check_health)

    def quiet(self) -> bool:
        """Whether it is connected and nothing has come that nobody asked for; ``can_read`` takes ten
        times as long to say so."""
        if not self._sock or self._parser._buffer.unread_bytes():
            return False
        watch = select.poll()
        watch.register(self._sock.fileno(), select.POLLIN)
        return not watch.poll(0)

    def can_read(self, timeout: float = 0) -> bool:
        """Whether something comes within ``timeout`` seconds; the rest of it may take ``socket_timeout``."""
        if timeout and self._sock:
            self._sock.ends = monotonic() + timeout
        found = super().can_read(timeout)
        if found and self._sock:
            self._sock.ends = monotonic() + (self._socket_timeout or _FOREVER)
        return found

    def read_response(
        self,
        disable_decoding: bool = False,
        *,
        timeout: float | object = SENTINEL,
        disconnect_on_error: bool | None = True,
        push_request: bool | None = False,
    ) -> Any:
        """The next reply. ``timeout`` (seconds, None for ever) bounds the whole of it, from now; without
        one it has to come within ``socket_timeout`` of the command."""
        if timeout is not SENTINEL and self._sock:
            self._sock.ends = monotonic() + (timeout if isinstance(timeout, int | float) else _FOREVER)
        try:
            return super().read_response(
                disable_decoding,
                timeout=timeout,
                disconnect_on_error=disconnect_on_error,
                push_request=push_request,
            )
        except ReadOnlyError:
            # A primary that became a replica: whoever connects anew finds the new one.
            self.mark_for_reconnect()
            raise
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise InvalidResponse("The reply is not RESP.") from error


class Tcp(_Bounded, Connection):
    """redis://"""


class Tls(_Bounded, SSLConnection):
    """rediss://"""


class Unix(_Bounded, UnixDomainSocketConnection):
    """unix://"""


class _Appointed(SentinelManagedConnection):
    """Connects to whom the sentinels call the primary, if that takes itself for it as well: from one that
    does not, old values could be read for as long as the connection lasts."""

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)
        greeting: dict[Any, Any] = dict(self.handshake_metadata)
        if greeting.get(b"role") != b"master":
            raise ConnectionError(f"{self.host}:{self.port} is not yet, or no longer, the primary.")


class AppointedTcp(Tcp, _Appointed):
    """redis+sentinel://"""


class AppointedTls(Tls, _Appointed):
    """rediss+sentinel://"""
