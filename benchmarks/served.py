"""A Streamlit app in a process of its own, and what it takes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.server import ADDRESS, free_port
from fleetcache import embedded

REPO = Path(__file__).parents[1]
START_SECONDS = 120.0


class Served:
    """``streamlit run FILE`` from the repository, so with its settings; ``home`` is where its servers are."""

    def __init__(self, file: str, home: Path) -> None:
        port = free_port()
        self.url = f"http://{ADDRESS}:{port}"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FLEETCACHE_", "STREAMLIT_")) and name not in ("DATABASE_URL", "REDIS_URL")
        }
        self._log = home / f"{Path(file).stem}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", file, "--server.port", str(port)],
                cwd=REPO, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**kept, "PYTHONPATH": str(REPO), "HOME": str(home), "FLEETCACHE_HOME": str(home / "data")},
            )  # fmt: skip
        self._seen = psutil.Process(self._process.pid)

    def ready(self) -> Served:
        """Wait until it answers."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/_stcore/health", trust_env=False).status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.1)
        raise RuntimeError(f"It did not start: {self._log.read_text(errors='replace')}")

    def cpu(self) -> float:
        """Seconds of processor time that it took so far; psutil has them in hundredths only."""
        return time.clock_gettime(~self._process.pid << 3 | 2)  # its clock, as clock_getcpuclockid(3) names it on Linux

    def memory(self) -> float:
        """Its resident memory in MB."""
        return float(self._seen.memory_info().rss) / 2**20

    def close(self) -> None:
        """End it as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class Apps:
    """Ours, the same with charts by plotly express on the same data, and one that shows a single number."""

    ours: Served
    express: Served
    empty: Served


@contextmanager
def apps() -> Iterator[Apps]:
    """All three, started on a fresh demo with servers of its own."""
    home = Path(tempfile.mkdtemp(prefix="fleetcache-pages-"))
    home.chmod(0o755)
    with ExitStack() as ending:
        ending.callback(_remove, home)

        def serve(file: str) -> Served:
            found = Served(file, home)
            ending.callback(found.close)
            return found.ready()

        yield Apps(serve("app.py"), serve("benchmarks/foils/express.py"), serve("benchmarks/foils/empty.py"))


def _remove(home: Path) -> None:
    """When the servers in it have ended, which they do by themselves."""
    until = time.monotonic() + START_SECONDS
    while embedded.running(home / "data") is not None and time.monotonic() < until:
        time.sleep(0.2)
    shutil.rmtree(home, ignore_errors=True)
