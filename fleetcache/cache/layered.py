"""The layered cache: memory, then Redis, then the loaders, each able to serve alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from fleetcache.cache.answering import Answering
from fleetcache.cache.counters import HitCounters
from fleetcache.cache.filling import Filling
from fleetcache.cache.flight import Flights
from fleetcache.cache.layer import Layer
from fleetcache.cache.ledger import Check, Ledger
from fleetcache.cache.memory import Memory
from fleetcache.cache.proof import Guard, Prover, Unprovable
from fleetcache.cache.reading import MEMORY, Reading, Slot
from fleetcache.cache.single import Single, loader
from fleetcache.cache.store import RedisStore
from fleetcache.cache.warming import Progress, Warming
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import Unavailable
from fleetcache.label import Label

T = TypeVar("T")

SOFT_SECONDS = 0.5
HARD_SECONDS = 30.0
BOUND_SECONDS = 0.25
_SAMPLED = 16  # of so many reads from memory one is timed


class LayeredCache:
    """Reads through the layers, and fills them on the way back up.

    A hit in memory is a look into a dict and at two deadlines. Everything else is a ``Flight``: one
    load of a key at a time, in this process and by a lease in Redis over all of them. ``soft`` and
    ``hard`` are the seconds a reader waits for it: after ``soft`` it takes a value whose time to live
    has run out, if there is one, flagged; after ``hard`` it gives up, and the load goes on.

    Keys with topics are proven: no read that begins more than ``bound`` seconds after a change was
    committed is given older numbers, unless they are flagged (``cache.ledger`` has the steps). With
    ``refuse`` what cannot be proven is Unavailable instead. Invalidation and what Redis tells of it are
    no more than hints for them; for keys without topics they are all there is.
    """

    def __init__(
        self,
        store: RedisStore,
        layers: Sequence[Layer],
        slots: Mapping[str, Slot],
        counters: HitCounters,
        *,
        schema: str,
        memory: Memory,
        guard: Guard,
        ledger: Ledger | None = None,
        prover: Prover | None = None,
        refuse: bool = False,
        soft: float = SOFT_SECONDS,
        hard: float = HARD_SECONDS,
        clock: Clock = SYSTEM,
    ) -> None:
        self.store = store
        self.counters = counters
        self.slots = slots
        self.ttls: Mapping[str, float] = {}
        self.memory = memory
        self._held = memory.entries.get  # bound once, and ``counted`` below by position: a sixth of a hit
        self._monotonic = clock.monotonic
        self._layers = layers
        self.ledger = ledger or Ledger(BOUND_SECONDS)
        self.prover = prover or Unprovable()
        self._flights = Flights(memory, guard, self.ledger, clock=clock)
        self._filling = Filling(
            store,
            self._flights,
            counters,
            self.ledger,
            self.prover,
            ttl=lambda name: self.ttls.get(name),
            schema=schema,
            clock=clock,
        )
        self._answering = Answering(
            memory,
            self._flights,
            self._filling,
            self.ledger,
            counters,
            self.prover,
            slots,
            soft=soft,
            hard=hard,
            refuse=refuse,
            clock=clock,
        )
        self._warming = Warming(store, self._flights, self._filling)
        self._hard = hard
        self._clock = clock
        self._tick = 0

    def read(self, name: str, counted: bool = True) -> Reading:
        """One key. Raises Unavailable with the reason of every layer when none can give it."""
        entry = self._held(name)
        if entry is not None:
            now = self._monotonic()
            # The proof first: whoever puts it off has voided before what is old.
            if now < entry.proof.until and now < entry.soft:
                if counted:
                    entry.hits += 1  # no call in between, so no other thread gets in between
                return entry.value  # type: ignore[no-any-return]
        since = self._monotonic() - self.ledger.bound
        return _given(self._answering.read([self.slots[name]], self._layers, counted, since)[name])

    def read_strict(self, name: str, counted: bool = True) -> Reading:
        """One key with every change that was committed before the call: bound 0. It costs about a read
        of Redis, shared by all who ask at the same time. Raises Unavailable."""
        return _given(self._answering.read([self.slots[name]], self._layers, counted, self._monotonic())[name])

    def read_many(
        self, names: Iterable[str], *, counted: bool = True, after: Label | None = None
    ) -> dict[str, Reading | Unavailable]:
        """Several keys, each from the highest layer that has it: one round trip to Redis, one
        statement to the view, raw queries for the rest.

        ``counted`` reads are those of pages and the API; warming and the console are not. ``after`` is
        the label of the database after a change of the reader's own: it is in what is read.
        """
        self._tick += 1
        began = time.perf_counter() if counted and self._tick % _SAMPLED == 0 else None
        since = self._monotonic()
        if after is None or self.ledger.reaches(after):
            since -= self.ledger.bound
        slots = [self.slots[name] for name in dict.fromkeys(names)]
        found = self._answering.read(slots, self._layers, counted, since)
        if began is not None and all(getattr(one, "layer", None) == MEMORY for one in found.values()):
            self.counters.timed(MEMORY, "hit", time.perf_counter() - began)
        return found

    def at_hand(self, names: Iterable[str]) -> bool:
        """Whether memory can give all of these keys now, so that nobody would have to wait for them."""
        now = self._monotonic()
        found = [self._held(name) for name in names]
        return all(entry is not None and now < entry.proof.until and now < entry.soft for entry in found)

    def get_or_load(
        self,
        name: str,
        shape: type[T],
        load: Callable[[], T | None],
        *,
        ttl: float,
        nothing_ttl: float | None = None,
        counted: bool = True,
    ) -> Reading:
        """A key outside the table: its value from memory or Redis, else what ``load`` gives, kept for
        ``ttl`` seconds. That there is nothing (None) is kept too, for ``nothing_ttl`` seconds.

        Raises Unavailable when ``load`` raises a FleetcacheError and no value is held.
        """
        entry = self._held(name)
        if entry is not None:
            now = self._monotonic()
            if now < entry.proof.until and now < entry.soft:
                entry.hits += counted
                return entry.value  # type: ignore[no-any-return]
        slot = Single(name, shape | None, ttl, nothing_ttl)
        return _given(self._answering.read([slot], [loader(name, load, clock=self._clock)], counted, -math.inf)[name])

    def invalidate(self, names: Sequence[str]) -> int:
        """Drop values of keys everywhere; how many there were in Redis. What is being loaded is not
        stored any more. Raises StoreDown: then only this process has dropped them.
        """
        try:
            return self.store.delete(*names)
        finally:
            self._flights.changed(names)

    def invalidate_matching(
        self, pattern: str, *, progress: Callable[[int], None] | None = None
    ) -> int:
        """Drop the values that fit a glob everywhere; how many there were in Redis. Raises StoreDown:
        then some may be left."""
        try:
            return self.store.invalidate(pattern, progress=progress)
        finally:
            self._flights.changed(None)

    def flush(self, *, progress: Callable[[int], None] | None = None) -> int:
        """Drop all values of ours everywhere; how many there were in Redis. Raises StoreDown."""
        return self.invalidate_matching("*", progress=progress)

    def heard(self, names: Iterable[str] | None) -> None:
        """Values of these names (None: of any) changed in Redis: what memory has of them is void."""
        self._flights.changed(names, told=True)

    def told(self, check: Check) -> set[str]:
        """Take note of a check of the database; the topics that changed. Raises Regress."""
        return self._flights.told(check)

    def doubt(self, reason: str | None) -> None:
        """Changes of the database are not all counted, and why: nothing is kept or served from a copy
        until, with None, they are again and its epoch has been renewed."""
        self._flights.doubt(reason)

    def warm(
        self, names: Iterable[str], *, progress: Callable[[Progress], None] | None = None
    ) -> list[Unavailable]:
        """Load keys anew from the layers below and keep them, one load after another in the given
        order; the ones that could not be loaded or kept. Raises StoreDown."""
        slots = [self.slots[name] for name in names]
        return self._warming.warm(slots, self.slots, self._layers, patience=self._hard, progress=progress)

    def now(self) -> float:
        """The moment against which ages are counted, seconds since the epoch."""
        return self._clock.now()

    def ttl(self, name: str) -> float:
        """Seconds a value of this key may be kept: the override of the settings, or its own."""
        return float(self.ttls.get(name, self.slots[name].ttl))


def _given(answer: Reading | Unavailable) -> Reading:
    if isinstance(answer, Unavailable):
        raise answer
    return answer
