"""One Valkey whose cache survives a restart."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from fleetcache.embedded import binaries
from fleetcache.embedded.home import Name
from fleetcache.embedded.place import SOCKET_NAMES, Place

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",  # the append-only file is enough
    "maxmemory": "256mb",
    "maxmemory-policy": "volatile-lru",
    "always-show-logo": "no",
}


def url(sockets: Path) -> str:
    """The URL for redis-py, through the socket in this directory."""
    return "unix://" + quote(str(sockets / SOCKET_NAMES["valkey"]))


class Valkey:
    """The Valkey of one home."""

    name: Name = "valkey"
    signals = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))

    def __init__(self, place: Place, log: Path) -> None:
        self.place = place
        self.log = log
        self.title = "Valkey"
        self.socket = place.sockets / SOCKET_NAMES["valkey"]
        self.data = place.data / "valkey"
        self._binary: binaries.Binary | None = None

    def prepare(self, lock: int, say: Callable[[str], None]) -> Iterator[None]:
        """Find the program and make its directory. Raises NoServer or OSError."""
        self._binary = binaries.find("valkey", self.place.account, say)
        self.title = self._binary.title
        if not self.data.exists():
            self.data.mkdir(mode=0o700)
            self.place.account.own(self.data)
        yield

    def command(self) -> list[str | Path]:
        """How to start it; `prepare` comes first."""
        assert self._binary is not None
        settings = dict(SETTINGS, dir=str(self.data), unixsocket=str(self.socket))
        options = [part for key, value in settings.items() for part in (f"--{key}", value)]
        return [self._binary.path, *options]

    def is_ready(self, pid: int) -> bool:
        """Whether it answers; not while it still loads its file."""
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1.0)
                probe.connect(str(self.socket))
                probe.sendall(b"PING\r\n")
                return probe.recv(64).startswith(b"+PONG")
        except OSError:
            return False
