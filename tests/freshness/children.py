"""Processes of ours, forked from one that has imported everything already: a new instance serves at once."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.freshness.instance", "tests.freshness.control"])
READY, QUIET = "ready", "quiet"


class Parent:
    """Who started this process, seen from inside of it."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection

    def say(self, word: str) -> None:
        """Tell it something."""
        self._connection.send(word)

    def hear(self) -> str:
        """Wait for a word of it; empty when it has ended."""
        try:
            return str(self._connection.recv())
        except EOFError:
            return ""


class Child:
    """A process that does ``work``; what it prints is appended to ``said``."""

    def __init__(self, work: Callable[..., None], *arguments: Any, said: Path) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_begin, args=(work, theirs, said, arguments), daemon=True)
        with _no_main():
            self._process.start()
        theirs.close()
        self._ready = False

    @property
    def ready(self) -> bool:
        """Whether it has said that it is."""
        with contextlib.suppress(EOFError):
            self._ready = self._ready or (self._connection.poll() and self._connection.recv() == READY)
        return self._ready

    def signal(self, number: signal.Signals) -> None:
        """Stop, continue or kill it."""
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def tell(self, word: str) -> None:
        """Tell it something."""
        with contextlib.suppress(OSError):
            self._connection.send(word)

    def end(self, within: float) -> int | None:
        """Wait for its end, or bring it about; how it ended."""
        self._process.join(within)
        if self._process.is_alive():
            self.signal(signal.SIGKILL)
            self._process.join(5)
        self._connection.close()
        return self._process.exitcode


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """A child first runs the file of the main module, and a page that was tested may have taken that place."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _begin(work: Callable[..., None], connection: Connection[Any, Any], said: Path, arguments: tuple[Any, ...]) -> None:
    with said.open("ab") as errors:
        os.dup2(errors.fileno(), 2)
    faulthandler.enable()
    work(Parent(connection), *arguments)
