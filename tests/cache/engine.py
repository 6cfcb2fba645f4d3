"""A cache engine on a real Valkey whose source, clock and guard a test holds in its hands."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from fleetcache.cache.client import connect
from fleetcache.cache.counters import HitCounters, Minute
from fleetcache.cache.layer import Layer
from fleetcache.cache.layered import BOUND_SECONDS, LayeredCache
from fleetcache.cache.ledger import Check, Ledger
from fleetcache.cache.link import Link
from fleetcache.cache.memory import LIMIT, Memory
from fleetcache.cache.names import Names
from fleetcache.cache.proof import Guard, Proof
from fleetcache.cache.reading import DATABASE
from fleetcache.cache.single import Made, Single
from fleetcache.cache.store import RedisStore
from fleetcache.cache.tracking import Tracking
from fleetcache.clock import SYSTEM, Clock
from fleetcache.label import Label
from tests.live import until

T = TypeVar("T")
SCHEMA = "0a"
KEYS = [f"fleet:{number}" for number in range(50)]


class Doc(msgspec.Struct, frozen=True):
    """A value that says which state of the source it was counted from."""

    version: int
    text: str = ""


class Source:
    """What the loader reads: a version of each key. A load takes its snapshot first and gives it after
    ``seconds`` and once ``gate`` is open; ``fault`` is raised in place of an answer."""

    def __init__(self, *, clock: Clock = SYSTEM, text: str = "") -> None:
        self.versions: defaultdict[str, int] = defaultdict(lambda: 1)
        self.loads: Counter[str] = Counter()
        self.fault: Exception | None = None
        self.seconds = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)
        self._clock = clock
        self._text = text
        self._lock = threading.Lock()

    def load(self, names: Sequence[str]) -> dict[str, Made]:
        """The loader of an engine."""
        with self._lock:
            self.loads.update(names)
            made = {name: self._made(name) for name in names}
        fault, gate = self.fault, self.gate
        self.begun.release()
        if self.seconds:
            time.sleep(self.seconds)
        assert gate.wait(30), "a test forgot to open the gate"
        if fault is not None:
            raise fault
        return made

    def change(self, name: str) -> int:
        """Write the next version of a key."""
        with self._lock:
            self.versions[name] += 1
            return self.versions[name]

    def hold(self) -> threading.Event:
        """Let loads wait from now on until the event is set."""
        self.gate = threading.Event()
        return self.gate

    def wait_begun(self) -> None:
        """Wait until one more load has its snapshot."""
        assert self.begun.acquire(timeout=15), "no load has begun"

    def _made(self, name: str) -> Made:
        return Made(Doc(self.versions[name], self._text), self._clock.now())


class Facts(Source):
    """A database: what it gives carries its label. Each key is a topic of its own, whose version is that of
    the key; a day lasts ``day_seconds``."""

    def __init__(self, *, clock: Clock = SYSTEM, keys: Sequence[str] = KEYS, day_seconds: float = math.inf) -> None:
        super().__init__(clock=clock)
        self.epoch = "e"
        self.keys = keys
        self.day_seconds = day_seconds

    @property
    def label(self) -> Label:
        """Of now."""
        now = self._clock.now()
        began = now // self.day_seconds * self.day_seconds if self.day_seconds < math.inf else 0.0
        day = datetime.fromtimestamp(began, UTC).date()
        return Label(self.epoch, day, {name: self.versions[name] for name in self.keys})

    def check(self) -> Check:
        """What it answers to a question that is sent now."""
        with self._lock:
            now = self._clock.now()
            left = self.day_seconds - now % self.day_seconds if self.day_seconds < math.inf else math.inf
            return Check(self._clock.monotonic(), self.label, left)

    def _made(self, name: str) -> Made:
        label = self.label
        return Made(Doc(self.versions[name], self._text), self._clock.now(), label, label)


class Prover:
    """Asks a database of the test's for its label, at once; with a ``fault`` it does not answer."""

    def __init__(self, facts: Facts) -> None:
        self.fault: str | None = None
        self.asked = 0
        self.cache: LayeredCache
        self._facts = facts

    def prove(self, since: float) -> bool:
        """Have a check answered."""
        if self.fault is not None:
            return False
        self.asked += 1
        self.cache.told(self._facts.check())
        return True


class Hand:
    """A guard moved by hand: memory is trusted until the test says otherwise. ``asked`` tells how many
    readers have boarded a flight, each of one key."""

    def __init__(self, until: float = math.inf) -> None:
        self.current = Proof(until)
        self.asked = 0

    def proof(self) -> Proof:
        """What a value may stand on."""
        self.asked += 1
        return self.current

    def void(self) -> None:
        """As after a lost link: nothing may stand on what was, and nothing vouches for what comes."""
        self.current.until = -math.inf
        self.current = Proof()


@dataclass
class Engine:
    """One process's cache, with all its parts."""

    cache: LayeredCache
    source: Source
    tracking: Tracking | None

    @property
    def store(self) -> RedisStore:
        return self.cache.store

    @property
    def memory(self) -> Memory:
        return self.cache.memory

    @property
    def counters(self) -> HitCounters:
        return self.cache.counters

    def version(self, name: str) -> int:
        """The version a read gives; it must not be flagged."""
        reading = self.cache.read(name)
        assert not reading.stale, reading.reason
        return int(reading.value.version)

    def in_memory(self, name: str) -> int:
        """Read until memory serves it, as it does soon after a load; the version."""
        until(lambda: self.cache.read(name, counted=False).layer == "memory", what=f"{name} in memory")
        return self.version(name)

    def has_lease(self, name: str) -> bool:
        """Whether anybody may load and store a key at this moment."""
        return bool(self.store.link.client.exists(self.store.names.lease(name)))

    def counted(self) -> Minute:
        """What all instances of this prefix counted in the last minutes, ours flushed."""
        self.counters.flush()
        minute = int(self.cache.now() // 60)
        total = Minute()
        for one in self.counters.minutes(minute - 5, minute).values():
            total.add(one or Minute())
        return total

    def left(self) -> list[object]:
        """What is still under way: flights that nobody brings home, leases that are renewed for ever."""
        settle()
        return [*self.cache._flights._under_way, *self.cache._filling._leases._live]

    def close(self) -> None:
        """Let go of Redis."""
        if self.tracking is not None:
            self.tracking.close()
        self.store.link.client.close()


def build(
    url: str,
    prefix: str,
    *,
    source: Source | None = None,
    guard: Guard | None = None,
    prover: Prover | None = None,
    refuse: bool = False,
    clock: Clock = SYSTEM,
    ttl: float = 60.0,
    family: Sequence[str] = (),
    soft: float = 0.5,
    hard: float = 30.0,
    limit: int = LIMIT,
    command: float = 1.0,
    keys: Sequence[str] = KEYS,
) -> Engine:
    """An engine; with a guard of the test's own, or one that listens to Redis and is trusted already. With a
    ``prover`` every key is a topic of its own."""
    source = source or Source(clock=clock)
    link = Link(connect(url, connect_seconds=1, command_seconds=command))
    names = Names(prefix, SCHEMA)
    memory = Memory(limit=limit, clock=clock)
    tracking = Tracking(link, names, clock=clock) if guard is None else None
    cache = LayeredCache(
        RedisStore(link, names, chance=lambda: 0.0),
        [Layer(DATABASE, "loader", source.load)],
        {
            name: Single(name, Doc, ttl, topics=frozenset({name} if prover else ()), family=family)
            for name in keys
        },
        HitCounters(link, names, instance=secrets.token_hex(3), harvest=memory.harvest, clock=clock),
        schema=SCHEMA,
        memory=memory,
        guard=guard or tracking,  # type: ignore[arg-type]
        ledger=Ledger(BOUND_SECONDS),
        prover=prover,
        refuse=refuse,
        soft=soft,
        hard=hard,
        clock=clock,
    )
    if prover is not None:
        prover.cache = cache
    if tracking is not None:
        tracking.start(cache)
        until(lambda: tracking.trusted, what="memory is trusted")
    return Engine(cache, source, tracking)


def together(threads: int, call: Callable[[], T]) -> list[Future[T]]:
    """The outcomes of a call made by so many threads at the same moment."""
    start = threading.Barrier(threads)

    def one() -> T:
        start.wait(15)
        return call()

    with ThreadPoolExecutor(threads) as pool:
        return [pool.submit(one) for _ in range(threads)]


def loading_threads() -> list[threading.Thread]:
    """The threads of loads that are under way in this process."""
    return [thread for thread in threading.enumerate() if thread.name == "fleetcache-load"]


def settle() -> None:
    """Wait for the loads that nobody waits for."""
    for thread in loading_threads():
        thread.join(15)
        assert not thread.is_alive(), "a load hangs"


def value_of(outcome: Future[Any]) -> Any:
    """The version an outcome gave."""
    return outcome.result().value.version
