"""The one shape in which a benchmark sees every contestant."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from benchmarks.server import ADDRESS

Load = Callable[[str], Any]


@dataclass(frozen=True)
class Place:
    """Where and for how long to cache.

    ``deadline`` seconds for connecting and for every command, without retries; None leaves the
    client as it comes.
    """

    port: int
    ttl: int = 60
    deadline: float | None = None

    @property
    def url(self) -> str:
        """The Redis as most peers want it."""
        return f"redis://{ADDRESS}:{self.port}/0"

    def client_options(self, *, asynchronous: bool = False) -> dict[str, Any]:
        """What redis-py has to be told to keep to the deadline."""
        if self.deadline is None:
            return {}
        return {
            "socket_timeout": self.deadline,
            "socket_connect_timeout": self.deadline,
            "retry": (AsyncRetry if asynchronous else Retry)(NoBackoff(), 0),
        }


@dataclass
class Cache:
    """A contestant at work: ``read`` gets or loads, ``drop`` invalidates one key,
    ``drop_group`` every key that begins so (how many, when it knows).

    ``physical`` is the name in Redis of a key; ``close`` lets go of everything.
    """

    read: Callable[[str], Any]
    drop: Callable[[str], object]
    drop_group: Callable[[str], int | None] | None = None
    physical: Callable[[str], str] = str
    close: Callable[[], object] = lambda: None

    def spin(self, key: str, count: int) -> int:
        """Nanoseconds for so many reads on end."""
        read = self.read
        began = time.perf_counter_ns()
        for _ in repeat(None, count):
            read(key)
        return time.perf_counter_ns() - began


class Loop:
    """An event loop in a thread of its own, so that asyncio peers can be asked by anybody."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._threads = ThreadPoolExecutor(256)
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def run(self, awaited: Awaitable[Any]) -> Any:
        """Wait here for what is done there."""

        async def whole() -> Any:
            return await awaited

        return asyncio.run_coroutine_threadsafe(whole(), self._loop).result()

    async def load(self, load: Load, key: str) -> Any:
        """Run a blocking loader without blocking the loop."""
        return await self._loop.run_in_executor(self._threads, load, key)

    def close(self) -> None:
        """Stop it; what still waits is abandoned."""

        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1) if tasks else None
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._threads.shutdown(wait=False, cancel_futures=True)


class AsyncCache(Cache):
    """A contestant whose verbs are coroutines."""

    def __init__(
        self,
        loop: Loop,
        read: Callable[[str], Awaitable[Any]],
        drop: Callable[[str], Awaitable[Any]],
        drop_group: Callable[[str], Awaitable[Any]] | None = None,
        physical: Callable[[str], str] = str,
    ) -> None:
        self._loop, self._read, self._drop_group = loop, read, drop_group
        super().__init__(
            read=lambda key: loop.run(read(key)),
            drop=lambda key: loop.run(drop(key)),
            drop_group=self._drop_all if drop_group else None,
            physical=physical,
            close=loop.close,
        )

    def spin(self, key: str, count: int) -> int:
        """Nanoseconds for so many awaited reads on end, all inside the loop."""
        read = self._read

        async def reads() -> int:
            began = time.perf_counter_ns()
            for _ in repeat(None, count):
                await read(key)
            return time.perf_counter_ns() - began

        return int(self._loop.run(reads()))

    def _drop_all(self, start: str) -> int | None:
        assert self._drop_group is not None
        found = self._loop.run(self._drop_group(start))
        return found if type(found) is int else None


@dataclass(frozen=True)
class Contestant:
    """A cache in one configuration; ``gives`` says what a hit makes of what is held."""

    name: str
    gives: str
    build: Callable[[Place, Load], Cache]
