"""Single flight: one load of a key at a time in this process, and everybody else waits for it.

A change that is heard of while a load is under way outruns it: those who already wait still get its
value (they asked before the change), memory does not, and who asks from now on starts another.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from fleetcache.cache.counters import Counts
from fleetcache.cache.lease import LOOK, Lease
from fleetcache.cache.ledger import Check, Ledger
from fleetcache.cache.memory import Entry, Memory
from fleetcache.cache.proof import NONE, Guard, Proof
from fleetcache.cache.reading import Reading, Slot
from fleetcache.clock import Clock
from fleetcache.label import Label

Answer = Reading | BaseException

UNPROVEN_SECONDS = 0.3
"""For so long readers join a load that nobody would tell of a change."""


class Flight:
    """One value under way. ``why`` collects the reasons of the layers that did not give it, ``how``
    says what to make of a value that lies in Redis; ``alone`` is one that loads without a lease, so
    that Redis cannot tell it of a change, ``before`` one of the same key that has not come home.

    ``since`` is when the check may have been sent, at the earliest, that proves a value of Redis to who
    asked; ``stamp`` the moment at which the answer was surely current; ``last`` the youngest value, with
    its label, that could not be proven, for when nothing better is to be had; ``elsewhere`` tells that
    the layer asked last answered from another database.
    """

    __slots__ = (
        "_landed", "alone", "answer", "before", "began", "count", "elsewhere", "given_up", "how", "last",
        "lease", "name", "outrun", "proof", "since", "slot", "stamp", "stored", "why", "woken",
    )  # fmt: skip

    def __init__(self, slot: Slot, proof: Proof, count: Counts, *, began: float, since: float) -> None:
        self.began = began
        self.since = since
        self.stamp = math.inf
        self.elsewhere = False
        self.last: tuple[Reading, Label] | None = None
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

    def may_be_joined(self, proof: Proof, now: float, since: float) -> bool:
        """Whether it will do for somebody who asks now. A load that began ``since`` then is surely
        current; where nobody can check that, and a change since it began may have gone unheard, it does
        only for a moment, or when two loads of the key are enough."""
        before = self.before
        if self.slot.topics:
            # Two loads of a key are enough: who comes later waits for this one and then asks again.
            two = before is not None and before.answer is None and not before.given_up
            return two or self.began >= since
        if before is not None and before.answer is None and not before.given_up:
            return proof in (self.proof, NONE)
        heard = now < proof.until and not self.alone and not (self.lease and self.lease.lost)
        return self.proof is proof and (heard or now < self.began + UNPROVEN_SECONDS)

    def missed(self, layer: str, label: str, word: str, text: str) -> None:
        """A layer could not give it: a word to count, words to show."""
        self.count.missed(layer, word, self.name)
        self.why.append(f"{label}: {text.rstrip('.')}")

    def reading(self, layer: str, value: object, computed_at: float, label: Label | None) -> Reading:
        """What a layer gave for it."""
        return Reading(
            key=self.name,
            value=value,
            layer=layer,
            computed_at=computed_at,
            expires_at=None,
            day=label.day if label else datetime.fromtimestamp(computed_at, UTC).date(),
            version=label.token() if label else None,
            reason="; ".join(self.why) or None,
        )

    def found(self, reading: Reading, label: Label | None) -> None:
        """A value that could not be proven current."""
        if label is not None and (self.last is None or reading.computed_at >= self.last[0].computed_at):
            self.last = reading, label

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

    def __init__(self, memory: Memory, guard: Guard, ledger: Ledger, *, clock: Clock) -> None:
        self._clock = clock
        self._memory = memory
        self._guard = guard
        self._ledger = ledger
        self._lock = threading.Lock()
        self._under_way: dict[str, Flight] = {}

    def board(
        self, slots: Iterable[Slot], count: Counts, *, since: float = -math.inf, join: bool = True
    ) -> tuple[list[Flight], list[Flight]]:
        """For each slot a flight: those the caller has to bring home, and those it only waits for, if it
        wants to ``join`` others at all."""
        mine, others = [], []
        with self._lock:
            for slot in slots:
                # The proof first: what is asked for after it stands on it.
                proof = self._ledger.proof if slot.topics else self._guard.proof()
                now = self._clock.monotonic()
                flight = self._under_way.get(slot.name)
                if flight is not None:
                    if join and flight.may_be_joined(proof, now, since):
                        others.append(flight)
                        continue
                    flight.outrun = True
                before, flight = flight, Flight(slot, proof, count, began=now, since=since)
                flight.before = before
                self._under_way[slot.name] = flight
                mine.append(flight)
        return mine, others

    def land(self, flight: Flight, answer: Answer, entry: Entry | None = None) -> None:
        """End a flight; ``entry`` is what memory is to hold, unless a change came in between."""
        with self._lock:
            if self._under_way.get(flight.name) is flight:
                del self._under_way[flight.name]
            if entry is not None and self._kept(flight, entry):
                self._memory.put(flight.name, entry)
        flight.land(answer)

    def _kept(self, flight: Flight, entry: Entry) -> bool:
        """Whether memory may hold what came: nothing was heard in between, and no check has told of a
        change that is not in it."""
        return not flight.outrun and (entry.label is None or self._ledger.keeps(entry.label, entry.topics))

    def told(self, check: Check) -> set[str]:
        """Take note of a check of the database; the topics that changed. Raises Regress."""
        with self._lock:
            before = self._ledger.known
            moved = self._ledger.answered(check, self._memory.evict)
            after = self._ledger.known
            if before is not None and after is not None and before.epoch != after.epoch:
                # Of another database, or of another life of it: nothing to be shown even as old.
                self._memory.clear()
        return moved

    def doubt(self, reason: str | None) -> None:
        """Nothing with a label is to be relied on (why), or from now on again (None)."""
        with self._lock:
            self._ledger.doubt(reason, self._clock.monotonic())
            self._memory.doubt()

    def changed(self, names: Iterable[str] | None, *, told: bool = False) -> None:
        """Values of these names (None: of all) are no longer current. Redis has ``told`` so also of
        those that have only run out."""
        with self._lock:
            wanted = list(self._under_way) if names is None else list(names)
            self._memory.void(None if names is None else wanted, run_out=not told)
            for name in wanted:
                flight = self._under_way.get(name)
                if flight is not None:
                    if flight.woken is not None:
                        flight.woken.set()
                    if not (told and flight.slot.topics):  # of which the label will tell
                        flight.outrun = True
                        del self._under_way[name]

    def give_up(self, flight: Flight) -> None:
        """Who asks from now on does not wait for this one: it takes too long."""
        with self._lock:
            if self._under_way.get(flight.name) is flight:
                del self._under_way[flight.name]
            flight.outrun = flight.given_up = True

    def abandon(self, flights: Sequence[Flight], error: BaseException) -> None:
        """End what has not come home by an error; nobody must wait for ever."""
        for flight in flights:
            if flight.answer is None:
                self.land(flight, error)
