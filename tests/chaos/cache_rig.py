"""Engines on a Valkey of their own, with a clock that a test can put forward and a source it can change."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import msgspec

from fleetcache.cache.breaker import Breaker
from fleetcache.cache.client import connect
from fleetcache.cache.counters import HitCounters
from fleetcache.cache.layer import Layer
from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.ledger import Check
from fleetcache.cache.link import Link
from fleetcache.cache.memory import Memory
from fleetcache.cache.names import Names
from fleetcache.cache.reading import DATABASE, Reading
from fleetcache.cache.single import Made
from fleetcache.cache.store import RedisStore
from fleetcache.cache.tracking import Tracking
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import FleetcacheError
from fleetcache.label import Label

SCHEMA, EPOCH, TOPIC = "0a", "this database", "numbers"
FIRST_DAY = date(2026, 11, 23)
DEADLINE = 0.05
"""Seconds a command may take in production."""
PATIENT = 2.0
"""The same where no test asks how long it took, so that a busy machine trips nothing."""


class Doc(msgspec.Struct, frozen=True):
    """What a key holds."""

    number: int
    text: str = ""


@dataclass(frozen=True)
class Key:
    """A row of the table of keys."""

    name: str
    ttl: float = 60.0
    shape: Any = Doc
    topics: frozenset[str] = frozenset()
    family: Sequence[str] = ()
    nothing_ttl: None = None


class Travel:
    """Time that goes on by itself, and can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.clock = Clock(lambda: SYSTEM.now() + self.ahead, lambda: SYSTEM.monotonic() + self.ahead)


@dataclass
class Source:
    """The database: one number, which every key shows as it is when it is asked for, and how often it was
    changed; ``midnight`` (seconds since the epoch) is when its day ends."""

    travel: Travel
    number: int = 1
    text: str = ""
    midnight: float = math.inf
    fails: FleetcacheError | None = None
    during: Callable[[], object] = lambda: None
    """What happens between a snapshot and its arrival."""
    loads: Counter[str] = field(default_factory=Counter)

    @property
    def label(self) -> Label:
        """Of now."""
        day = FIRST_DAY + timedelta(days=self.travel.clock.now() >= self.midnight)
        return Label(EPOCH, day, {TOPIC: self.number})

    def load(self, names: Sequence[str], *, labelled: bool = False) -> dict[str, Made]:
        self.loads.update(names)
        if self.fails is not None:
            raise self.fails
        label = self.label if labelled else None
        value = Made(Doc(self.number, self.text), self.travel.clock.now(), label, label)
        made = dict.fromkeys(names, value)
        self.during()
        return made


class Checks:
    """Asks the source which state it is in, as long as it does not fail."""

    def __init__(self, source: Source) -> None:
        self.cache: LayeredCache
        self._source = source

    @property
    def fault(self) -> str | None:
        """Why it does not answer."""
        return None if self._source.fails is None else self._source.fails.message

    def prove(self, since: float) -> bool:
        """Have it asked."""
        clock = self._source.travel.clock
        if self._source.fails is not None:
            return False
        sent_at, left = clock.monotonic(), self._source.midnight - clock.now()
        self.cache.told(Check(sent_at, self._source.label, left if left > 0 else math.inf))
        return True


class Engine:
    """One instance of the cache as the program builds it. ``listens`` says whether it has the
    connection that hears of changes; without it memory is never trusted, unless the values are
    ``labelled``: then checks of the source prove them."""

    def __init__(
        self,
        url: str,
        source: Source,
        *,
        prefix: str,
        listens: bool = True,
        labelled: bool = False,
        command_seconds: float = PATIENT,
        ttl: float = 60.0,
    ) -> None:
        clock = source.travel.clock
        self.source = source
        checks = Checks(source)
        client = connect(url, connect_seconds=max(0.25, command_seconds), command_seconds=command_seconds)
        self.link = Link(client, breaker=Breaker(clock=clock))
        self.names = Names(prefix, SCHEMA)
        self.store = RedisStore(self.link, self.names)
        memory = Memory(clock=clock)
        self.tracking = Tracking(self.link, self.names, clock=clock)
        self.counters = HitCounters(
            self.link, self.names, instance=secrets.token_hex(2), harvest=memory.harvest, clock=clock
        )
        self.cache = LayeredCache(
            self.store,
            (Layer(DATABASE, "loader", lambda names: source.load(names, labelled=labelled)),),
            {
                name: Key(name, ttl, topics=frozenset({TOPIC} if labelled else ()))
                for name in map("k{}".format, range(2000))
            },
            self.counters,
            schema=SCHEMA,
            memory=memory,
            guard=self.tracking,
            prover=checks if labelled else None,
            clock=clock,
        )
        checks.cache = self.cache
        if listens:
            self.tracking.start(self.cache)

    def read(self, name: str = "k1") -> Reading:
        """What a page gets."""
        return self.cache.read(name)

    def layer(self, name: str = "k1") -> str:
        """Who serves a key now."""
        return self.cache.read(name).layer

    def reasons(self) -> dict[str, set[str]]:
        """By key why Redis could not give it, as the counters say once they are in Redis."""
        self.counters.flush()
        minute = int(self.source.travel.clock.now() // 60)
        found: dict[str, set[str]] = {}
        for one in self.counters.minutes(minute - 2, minute).values():
            for layer, reason, key in one.missed if one else ():
                if layer == "redis":
                    found.setdefault(key, set()).add(reason)
        return found

    def close(self) -> None:
        self.tracking.close()
        self.link.client.close()


@dataclass(frozen=True)
class Seen:
    """One read: when it began and ended, and what came (an exception too)."""

    began: float
    ended: float
    came: Reading | BaseException


class Readers:
    """Threads that read one key all the time, as pages do."""

    def __init__(self, engine: Engine, name: str = "k1", *, threads: int = 1, pause: float = 0.002) -> None:
        self.seen: list[Seen] = []
        self._engine, self._name, self._pause = engine, name, pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    def readings(self) -> Iterator[tuple[Seen, Reading]]:
        """What was read; nothing may have been raised."""
        for one in self.seen:
            assert isinstance(one.came, Reading), one
            yield one, one.came

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            began = time.monotonic()
            came: Reading | BaseException
            try:
                came = self._engine.read(self._name)
            except BaseException as error:  # noqa: BLE001 - whatever it is, a test wants to see it
                came = error
            self.seen.append(Seen(began, time.monotonic(), came))
