"""The program as a person starts it: a server process of its own, and servers that can be stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import redis

from fleetcache.embedded import binaries
from fleetcache.embedded.account import account_for

REPO = Path(__file__).parents[1]
ADDRESS = "127.0.0.1"
T = TypeVar("T")
# What the person who runs the tests has set must not reach the program under test.
OURS = ("FLEETCACHE_", "STREAMLIT_")
TOKENS = {role: f"fc_{role:_<43}" for role in ("viewer", "manager", "admin")}
"""Secrets of tokens that every database with the demo airline has in the tests; the App uses the admin's."""


def bearer(role: str) -> dict[str, str]:
    """The header with which a program signs in."""
    return {"Authorization": f"Bearer {TOKENS[role]}"}


def until(true: Callable[[], T], *, within: float = 15.0, what: str = "") -> T:
    """Poll until it is true (or no longer raises AssertionError); its last word otherwise."""
    deadline = time.monotonic() + within
    while True:
        # The last look begins after the deadline: a machine that stood still in the one before says nothing.
        last = time.monotonic() >= deadline
        try:
            if found := true():
                return found
            why: object = what or true
        except AssertionError as error:
            why = error
        assert not last, f"not within {within} s: {why}"
        time.sleep(0.05)


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives, run in a thread of its own: the browser tests leave a running loop in theirs."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, work).result()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind((ADDRESS, 0))
        return int(found.getsockname()[1])


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a person with an empty home, and these settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OURS) and name not in ("DATABASE_URL", "REDIS_URL")
    }
    return {**kept, "HOME": str(home), "FLEETCACHE_HOME": str(home / "data"), **settings}


def run(*arguments: str, env: Mapping[str, str], within: float = 60) -> subprocess.CompletedProcess[str]:
    """``python -m fleetcache …`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "fleetcache", *arguments],
        cwd=REPO, env=env, capture_output=True, text=True, timeout=within, check=False,
    )  # fmt: skip


class App:
    """``streamlit run app.py`` in a process of its own; ``secrets`` is the secrets.toml of whoever starts it."""

    def __init__(self, *, port: int | None = None, secrets: str = "", **settings: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="fleetcache-app-"))
        if secrets:
            (self.home / ".streamlit").mkdir()
            (self.home / ".streamlit" / "secrets.toml").write_text(secrets, encoding="utf-8")
        self.port = port or free_port()
        self.url = f"http://{ADDRESS}:{self.port}"
        self.env = environment(self.home, **settings)
        self._log = self.home / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)],
                cwd=REPO, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.http = httpx.Client(base_url=self.url, timeout=10, headers=bearer("admin"))

    @property
    def said(self) -> str:
        """Everything it wrote so far."""
        return self._log.read_text(errors="replace")

    def ready(self, within: float = 60) -> App:
        """Wait until it answers."""

        def answers() -> bool:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.said}"
            with contextlib.suppress(httpx.TransportError):
                return self.http.get("/healthz").status_code == 200
            return False

        until(answers, within=within, what=self.said)
        return self

    @contextlib.contextmanager
    def visitor(self, role: str | None = None) -> Iterator[httpx.Client]:
        """A browser without a browser: it says where its requests come from, and is signed in to the demo by
        cookie as the person with this role."""
        with httpx.Client(base_url=self.url, timeout=10, headers={"Origin": self.url}) as found:
            if role is not None:
                answer = found.post(f"/sign-in/{role}")
                assert answer.status_code == 303, answer.text
            yield found

    def get(self, path: str) -> Any:
        """The JSON of a route that must answer 200."""
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def metrics(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The dashboard's numbers, and apart from them how they were served."""
        document = self.get("/api/dashboard/metrics")
        return document, document.pop("performance")

    def close(self) -> None:
        """End it as Ctrl-C does."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        shutil.rmtree(self.home, ignore_errors=True)


class Redis:
    """A Valkey that a test may stop, hang and start again; it keeps nothing."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="fleetcache-redis-"))
        self._directory.chmod(0o755)
        self._binary = binaries.find("valkey", account_for(self._directory), lambda text: None).path
        self._socket = self._directory / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"
        self.client = redis.Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        self._process = subprocess.Popen(
            [self._binary, "--port", "0", "--unixsocket", self._socket, "--save", "", "--dir", self._directory],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

        def answers() -> bool:
            with contextlib.suppress(redis.RedisError):
                return bool(self.client.ping())
            return False

        until(answers, what="Valkey")

    def hang(self) -> None:
        """Let it accept and never answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def close(self) -> None:
        """Kill it and remove what it left."""
        self.client.close()
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)
