"""Single flight: one load of a key at a time in this process, and everybody else waits for it.

A change that is heard of while a load is under way outruns it: those who already wait still get its
value (they asked before the change), memory does not, and who asks from now on starts another.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from fleetcache.cache.counters import Counts
from fleetcache.cache.lease import LOOK, Lease
from fleetcache.cache.memory import Entry, Memory
from fleetcache.cache.proof import NONE, Guard, Proof
from fleetcache.cache.reading import Reading, Slot
from fleetcache.clock import Clock

Answer = Reading | BaseException

UNPROVEN_SECONDS = 0.3
"""For so long readers join a load that nobody would tell of a change."""


class Flight:
    """One value under way. ``why`` collects the reasons of the layers that did not give it, ``how``
    says what to make of a value that lies in Redis; ``alone`` is one that loads without a lease, so
    that Redis cannot tell it of a change, ``before`` one of the same key that has not come home."""

    __slots__ = (
        "_landed", "alone", "answer", "before", "began", "count", "given_up", "how", "lease", "name",
        "outrun", "proof", "slot", "stored", "why", "woken",
    )  # fmt: skip

    def __init__(self, slot: Slot, proof: Proof, count: Counts, *, began: float) -> None:
        self.began = began
        self.name = slot.name
        self.slot = slot
        self.proof = proof
        self.count = count
        self.why: list[str] = []
        self.how = LOOK
        self.lease: Lease | None = None
        self.alone = False
        self.stored = False
        self.given_up = False
        self.before: Flight | None = None
        self.outrun = False
        self.answer: Answer | None = None
        self.woken: threading.Event | None = None
        self._landed = threading.Lock()  # held until it has; an Event costs ten times as much
        self._landed.acquire()

    def may_be_joined(self, proof: Proof, now: float) -> bool:
        """Whether it will do for somebody who asks now. Where a change since it began may have gone
        unheard it does only for a moment, or when two loads of the key are enough."""
        before = self.before
        if before is not None and before.answer is None and not before.given_up:
            return proof in (self.proof, NONE)
        heard = now < proof.until and not self.alone and not (self.lease and self.lease.lost)
        return self.proof is proof and (heard or now < self.began + UNPROVEN_SECONDS)

    def missed(self, layer: str, label: str, word: str, text: str) -> None:
        """A layer could not give it: a word to count, words to show."""
        self.count.missed(layer, word, self.name)
        self.why.append(f"{label}: {text.rstrip('.')}")

    def wait(self, seconds: float) -> Answer | None:
        """What came of it; None when nothing has within so many seconds."""
        if self.answer is None and self._landed.acquire(timeout=max(0.0, seconds)):
            self._landed.release()
        return self.answer

    def land(self, answer: Answer) -> None:
        """Hand the answer to everybody who waits."""
        self.answer, self.before = answer, None
        self._landed.release()


class Flights:
    """The loads under way in this process. Filling memory and hearing of a change exclude each
    other, so that no value from before a change gets in after it."""

    def __init__(self, memory: Memory, guard: Guard, *, clock: Clock) -> None:
        self._clock = clock
        self._memory = memory
        self._guard = guard
        self._lock = threading.Lock()
        self._under_way: dict[str, Flight] = {}

    def board(self, slots: Iterable[Slot], count: Counts) -> tuple[list[Flight], list[Flight]]:
        """For each slot a flight: those the caller has to bring home, and those it only waits for."""
        mine, others = [], []
        with self._lock:
            for slot in slots:
                # The proof first: what is asked for after it stands on it.
                proof = self._guard.proof(slot.topics)
                now = self._clock.monotonic()
                flight = self._under_way.get(slot.name)
                if flight is not None:
                    if flight.may_be_joined(proof, now):
                        others.append(flight)
                        continue
                    flight.outrun = True
                before, flight = flight, Flight(slot, proof, count, began=now)
                flight.before = before
                self._under_way[slot.name] = flight
                mine.append(flight)
        return mine, others

    def land(self, flight: Flight, answer: Answer, entry: Entry | None = None) -> None:
        """End a flight; ``entry`` is what memory is to hold, unless a change came in between."""
        with self._lock:
            if self._under_way.get(flight.name) is flight:
                del self._under_way[flight.name]
            if entry is not None and not flight.outrun:
                self._memory.put(flight.name, entry)
        flight.land(answer)

    def changed(self, names: Iterable[str] | None, *, told: bool = False) -> None:
        """Values of these names (None: of all) are no longer current. Redis has ``told`` so also of
        those that have only run out."""
        with self._lock:
            wanted = list(self._under_way) if names is None else list(names)
            self._memory.void(None if names is None else wanted, run_out=not told)
            for name in wanted:
                flight = self._under_way.pop(name, None)
                if flight is not None:
                    flight.outrun = True
                    if flight.woken is not None:
                        flight.woken.set()

    def give_up(self, flight: Flight) -> None:
        """Who asks from now on does not wait for this one: it takes too long."""
        with self._lock:
            if self._under_way.get(flight.name) is flight:
                del self._under_way[flight.name]
            flight.outrun = flight.given_up = True

    def forget(self) -> None:
        """Nothing that is held or under way is to be served any more, not even flagged."""
        self.changed(None)
        with self._lock:
            self._memory.clear()

    def abandon(self, flights: Sequence[Flight], error: BaseException) -> None:
        """End what has not come home by an error; nobody must wait for ever."""
        for flight in flights:
            if flight.answer is None:
                self.land(flight, error)
