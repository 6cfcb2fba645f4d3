"""A Valkey on a loopback port that a benchmark may fill, hang, kill and start again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from fleetcache.embedded import binaries
from fleetcache.embedded.account import account_for

ADDRESS = "127.0.0.1"


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        return int(free.getsockname()[1])


class Valkey:
    """The server process; it keeps nothing, so a restart comes back empty."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="fleetcache-bench-"))
        self._directory.chmod(0o755)
        found = binaries.find("valkey", account_for(self._directory), lambda text: None)
        self._binary, self.version = found.path, f"{found.product} {found.version}"
        self.port = free_port()
        self.client = redis.Redis(ADDRESS, self.port, protocol=3)
        self.start()

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self._process = subprocess.Popen(
            [self._binary, "--bind", ADDRESS, "--port", str(self.port), "--save", "", "--dir", self._directory],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection((ADDRESS, self.port), 1):
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def hang(self) -> None:
        """Let it accept and never answer."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.wait(5)

    def close(self) -> None:
        """Kill it and remove what it left."""
        self.client.close()
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
