"""Worker processes that hold contestants and do at one moment what they are asked to."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import redis

from benchmarks.caches import Cache, Place
from benchmarks.document import plain
from benchmarks.peers import CONTESTANTS
from benchmarks.server import ADDRESS

SPAWN = multiprocessing.get_context("spawn")


@cache
def contestant(name: str, place: Place, seconds: float) -> Cache:
    """This process's instance of a contestant, over a loader that takes so long."""
    client = redis.Redis(ADDRESS, place.port)

    def load(key: str) -> Any:
        client.incr(f"runs:{key}")
        time.sleep(seconds)
        return plain(key)

    return CONTESTANTS[name].build(place, load)


def build(name: str, place: Place, seconds: float) -> None:
    """Have it made before it is timed."""
    contestant(name, place, seconds)


def runs(client: redis.Redis, key: str) -> int:
    """How often the loaders of all processes ran for this key."""
    return int(client.get(f"runs:{key}") or 0)


class Crew:
    """So many processes; ``ask`` runs a module-level function in each of them at once."""

    def __init__(self, size: int) -> None:
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(size):
            ours, theirs = SPAWN.Pipe()
            process = SPAWN.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def start(self, job: Callable[..., Any], *arguments: Any) -> None:
        """Begin, and do not wait for the answers."""
        self.start_each(job, [arguments] * len(self._pipes))

    def start_each(self, job: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> None:
        """The same, each process with arguments of its own."""
        for pipe, own in zip(self._pipes, arguments, strict=True):
            pipe.send((job, own))

    def answers(self, within: float = 600) -> list[Any]:
        """What each of them said. Raises what one of them raised, TimeoutError."""
        found = []
        for pipe in self._pipes:
            if not pipe.poll(within):
                raise TimeoutError
            good, answer = pipe.recv()
            if not good:
                raise RuntimeError(answer)
            found.append(answer)
        return found

    def ask(self, job: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Have it done by all of them."""
        self.start(job, *arguments)
        return self.answers()

    def kill(self) -> None:
        """SIGKILL, whatever they are at."""
        for process in self._processes:
            process.kill()
            process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


def _work(pipe: Connection) -> None:
    while True:
        try:
            job, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((True, job(*arguments)))
        except Exception:  # noqa: BLE001 - whoever asked is told
            pipe.send((False, traceback.format_exc()))


def names(contestants: Sequence[Any]) -> list[str]:
    """What workers know contestants by."""
    return [each.name for each in contestants]
