"""Writers: plain SQL over plain connections, in bursts with silence in between.

The silence is longer than the bound, for steady writing heals and hides what the last write of a burst
would show. One process for all of them, which waits for nobody who reads.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import psycopg

from tests.freshness.children import Parent
from tests.freshness.counters import COUNTERS, Counter
from tests.freshness.records import Log, Write, now

ISOLATION = (
    psycopg.IsolationLevel.READ_COMMITTED,
    psycopg.IsolationLevel.REPEATABLE_READ,
    psycopg.IsolationLevel.SERIALIZABLE,
)
CRASHES = 0.2
"""How often a writer that has something to do after its commit does not live to do it."""


class Plan(msgspec.Struct, frozen=True):
    """What the process of the writers is told: where to connect as whom, where each counter stands."""

    urls: dict[str, str]
    standing: dict[str, int]
    log: str
    seed: int


class Writer:
    """Counts one counter up. A write whose acknowledgement was lost is made again until it is
    acknowledged, so the counter is never less than what was acknowledged."""

    def __init__(
        self, counter: Counter, url: str, n: int, log: Log, seed: int, *, after: Callable[[], None] | None = None
    ) -> None:
        self.counter = counter
        self.n = n
        self._url = url
        self._log = log
        self._chance = random.Random(f"{seed} {counter.name}")
        self._connection: psycopg.Connection | None = None
        self._after = after
        self._turn = threading.Lock()

    def write(self) -> bool:
        """The next number; whether it was acknowledged."""
        with self._turn:
            return self._once()

    def _once(self) -> bool:
        if self._after is not None and self._chance.random() >= CRASHES:
            return self._write() and self._follow(self._after)
        return self._write()

    def _follow(self, after: Callable[[], None]) -> bool:
        after()
        return True

    def _write(self) -> bool:
        n = self.n + 1
        self._log.add([Write(self.counter.name, n, now(), False)])
        try:
            connection = self._connected()
            connection.isolation_level = self._chance.choice(ISOLATION)
            with connection.transaction():
                self.counter.write(connection, n, self._pause, self._chance)
                self._pause()
        except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.IntegrityError):
            # The connection was lost, another transaction was in the way, or the try before it got through.
            self.close()
            return False
        self._log.add([Write(self.counter.name, n, now(), True)])
        self.n = n
        return True

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=2)
            if self.counter.session:
                self._connection.execute(self.counter.session.encode())
        return self._connection

    def _pause(self) -> None:
        """Mostly none; now and then long enough for others to commit in between."""
        if self._chance.random() < 0.3:
            threading.Event().wait(self._chance.uniform(0.001, 0.03))


class Bursts:
    """Who writes when, the same for all: a few writers for a while, then nobody."""

    def __init__(self, writers: Mapping[str, Writer], seed: int) -> None:
        self._writers = writers
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._first = True

    def run(self) -> None:
        """Until ``stop``."""
        while not self._stop.is_set():
            names = self._some()
            seconds = 0.0 if self._chance.random() < 0.3 else self._chance.uniform(0.3, 1.0)
            pause = self._chance.choice((0.003, 0.01, 0.05))
            busy = [threading.Thread(target=self._burst, args=(name, seconds, pause)) for name in names]
            for thread in busy:
                thread.start()
            for thread in busy:
                thread.join()
            self._stop.wait(self._chance.uniform(0.5, 1.5))

    def _some(self) -> set[str]:
        """First all, then mostly one or two; often those whose rows are read by several statements."""
        if self._first:
            self._first = False
            return set(self._writers)
        count = self._chance.choice((1, 1, 2, 3, len(self._writers)))
        names = set(self._chance.sample(sorted(self._writers), k=count))
        return names | {"crew"} if self._chance.random() < 0.3 else names

    def stop(self) -> None:
        """Write no more; what is under way ends."""
        self._stop.set()

    def _burst(self, name: str, seconds: float, pause: float) -> None:
        ends = now() + seconds
        while True:
            if not self._writers[name].write():
                self._stop.wait(0.05)
            if now() >= ends or self._stop.is_set():
                break
            self._stop.wait(pause)


def run(
    parent: Parent, plan: Plan, after: Callable[[str], Callable[[], None] | None] = lambda name: None
) -> None:
    """Write until told not to. ``after`` gives, by counter, what its writer does after each commit."""
    log = Log(Path(plan.log))
    writers = {
        name: Writer(COUNTERS[name], plan.urls[COUNTERS[name].role], n, log, plan.seed, after=after(name))
        for name, n in plan.standing.items()
        if name != "killer"
    }
    bursts = Bursts(writers, plan.seed)
    thread = threading.Thread(target=bursts.run)
    thread.start()
    parent.hear()
    bursts.stop()
    thread.join()
