"""The layered cache: memory, then Redis, then the loaders, each able to serve alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from fleetcache.cache.counters import UNCOUNTED, Counts, HitCounters
from fleetcache.cache.filling import ABSENT, Filling, Layer
from fleetcache.cache.flight import Flight, Flights
from fleetcache.cache.lease import ANEW
from fleetcache.cache.memory import Entry, Memory
from fleetcache.cache.proof import Guard
from fleetcache.cache.reading import MEMORY, NOBODY, Reading, Slot
from fleetcache.cache.single import Single, loader
from fleetcache.cache.store import RedisStore
from fleetcache.cache.warming import Progress, Warming
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import Unavailable

T = TypeVar("T")

SOFT_SECONDS = 0.5
HARD_SECONDS = 30.0
_WORDS = {
    "absent": ABSENT,
    "expired": "its time to live is over",
    "changed": "it has changed since",
    "unproven": "not known to be current",
}
_SAMPLED = 16  # of so many reads from memory one is timed


class LayeredCache:
    """Reads through the layers, and fills them on the way back up.

    A hit in memory is a look into a dict and at two deadlines. Everything else is a ``Flight``: one
    load of a key at a time, in this process and by a lease in Redis over all of them. ``soft`` and
    ``hard`` are the seconds a reader waits for it: after ``soft`` it takes a value whose time to live
    has run out, if there is one, flagged; after ``hard`` it gives up, and the load goes on.
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
        self._flights = Flights(memory, guard, clock=clock)
        self._filling = Filling(
            store, self._flights, counters, ttl=lambda name: self.ttls.get(name), schema=schema, clock=clock
        )
        self._warming = Warming(store, self._flights, self._filling)
        self._soft, self._hard = soft, hard
        self._clock = clock
        self._tick = 0

    @property
    def epoch(self) -> str | None:
        """Which database the values are of; None until one has been reached."""
        return self._filling.epoch

    @epoch.setter
    def epoch(self, epoch: str) -> None:
        self._filling.settle_on(epoch)

    def read(self, name: str, counted: bool = True) -> Reading:
        """One key. Raises Unavailable with the reason of every layer when none can give it."""
        entry = self._held(name)
        if entry is not None:
            now = self._monotonic()
            if now < entry.soft and now < entry.proof.until:
                if counted:
                    entry.hits += 1  # no call in between, so no other thread gets in between
                return entry.value  # type: ignore[no-any-return]
        return _given(self._read([self.slots[name]], self._layers, counted)[name])

    def read_many(
        self, names: Iterable[str], *, counted: bool = True
    ) -> dict[str, Reading | Unavailable]:
        """Several keys, each from the highest layer that has it: one round trip to Redis, one
        statement to the view, raw queries for the rest.

        ``counted`` reads are those of pages and the API; warming and the console are not.
        """
        self._tick += 1
        began = time.perf_counter() if counted and self._tick % _SAMPLED == 0 else None
        found = self._read([self.slots[name] for name in dict.fromkeys(names)], self._layers, counted)
        if began is not None and all(getattr(one, "layer", None) == MEMORY for one in found.values()):
            self.counters.timed(MEMORY, "hit", time.perf_counter() - began)
        return found

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
        if entry is not None and entry.soft > self._monotonic() < entry.proof.until:
            entry.hits += counted
            return entry.value  # type: ignore[no-any-return]
        layer = loader(name, load, nothing_ttl=nothing_ttl, clock=self._clock)
        return _given(self._read([Single(name, shape | None, ttl)], [layer], counted)[name])

    def invalidate(self, names: Sequence[str], *, version: float | None = None) -> int:
        """Drop values of keys everywhere; how many there were in Redis. What is being loaded is not
        stored any more, and with a ``version`` (the moment of the change, seconds since the epoch)
        nothing counted before it is. Raises StoreDown: then only this process has dropped them.
        """
        try:
            return self.store.delete(*names, version=version)
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

    def _read(
        self, slots: Sequence[Slot], layers: Sequence[Layer], counted: bool
    ) -> dict[str, Reading | Unavailable]:
        found: dict[str, Reading | Unavailable] = {}
        missing: dict[str, str] = {}
        count = self.counters if counted else UNCOUNTED
        for slot in slots:
            entry = self._held(slot.name)
            word = self._lacking(entry)
            if entry is not None and not word:
                if self._monotonic() >= entry.soft:
                    self.memory.put_off(entry)  # one reader is enough to have it loaded anew
                    self._ahead(slot, layers)
                if counted:
                    entry.hits += 1
                found[slot.name] = entry.value
            else:
                count.missed(MEMORY, word, slot.name)
                missing[slot.name] = word
        if missing:
            found |= self._fetch([slot for slot in slots if slot.name in missing], missing, layers, count)
        return found

    def _ahead(self, slot: Slot, layers: Sequence[Layer]) -> None:
        """Have a value loaded anew before its time to live runs out."""
        mine, _ = self._flights.board([slot], UNCOUNTED)
        for flight in mine:
            flight.how = ANEW
        if mine:
            self._depart(mine, layers)

    def _lacking(self, entry: Entry | None) -> str:
        """Why memory cannot serve an entry as current; empty if it can."""
        now = self._monotonic()
        if entry is None:
            return "absent"
        if now >= entry.hard:
            return "changed" if entry.true < 0 else "expired"
        return "" if now < entry.proof.until else "unproven"

    def _fetch(
        self, slots: Sequence[Slot], why: Mapping[str, str], layers: Sequence[Layer], count: Counts
    ) -> dict[str, Reading | Unavailable]:
        mine, others = self._flights.board(slots, count)
        for flight in mine:
            flight.why.append(f"memory: {_WORDS[why[flight.name]]}")
        try:
            rest = self._filling.look(mine) if mine else []
            if rest:
                self._depart(rest, layers)
        except BaseException as error:
            self._flights.abandon(mine, error)
            raise
        found: dict[str, Reading | Unavailable] = {}
        now = self._monotonic()
        for flight in (*mine, *others):
            answer = self._arrival(flight, now + self._soft, now + self._hard)
            found[flight.name] = answer
            if isinstance(answer, Reading):
                count.served(answer.layer, flight.name, stale=answer.stale, shared=flight in others)
            else:
                count.served(NOBODY, flight.name)
        return found

    def _depart(self, flights: Sequence[Flight], layers: Sequence[Layer]) -> None:
        """Have flights brought home by a thread of their own: readers may leave before them."""
        family = {name for flight in flights for name in flight.slot.family}
        idle = [self.slots[name] for name in family if self._lacking(self._held(name))]
        along, _ = self._flights.board(idle, UNCOUNTED)
        every = [*flights, *along]
        thread = threading.Thread(
            target=self._filling.fill, args=(every, layers), name="fleetcache-load", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # no more threads to be had
            self._flights.abandon(every, error)

    def _arrival(self, flight: Flight, soft: float, hard: float) -> Reading | Unavailable:
        """What comes of a flight; a value of before, flagged, when it is late or comes to nothing."""
        entry = self._held(flight.name)
        answer = None
        if entry is not None and self._monotonic() < entry.true:
            answer = flight.wait(soft - self._monotonic())
            if answer is None:
                before: Reading = entry.value
                return before.flagged("a newer one is being loaded")
        if answer is None:
            answer = flight.wait(hard - self._monotonic())
        if isinstance(answer, Reading):
            return answer
        if answer is None:
            self._filling.give_up(flight)
            answer = Unavailable(f"{flight.name} took longer than {self._hard:.0f} s to load.")
        if not isinstance(answer, Unavailable):
            raise answer
        kept = self.memory.kept(flight.name)
        last: Reading | None = kept.value if kept else None
        return last.flagged(str(answer)) if last else answer


def _given(answer: Reading | Unavailable) -> Reading:
    if isinstance(answer, Unavailable):
        raise answer
    return answer
