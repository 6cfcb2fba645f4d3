"""What a read gets: from memory what is proven, of the rest what flights bring home."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterable, Mapping, Sequence

from fleetcache.cache.counters import UNCOUNTED, Counts, HitCounters
from fleetcache.cache.filling import Filling
from fleetcache.cache.flight import Flight, Flights
from fleetcache.cache.layer import REASONS, Layer
from fleetcache.cache.lease import ANEW
from fleetcache.cache.ledger import UNPROVEN, Ledger
from fleetcache.cache.memory import Entry, Memory
from fleetcache.cache.proof import Prover
from fleetcache.cache.reading import MEMORY, NOBODY, Reading, Slot
from fleetcache.clock import Clock
from fleetcache.errors import Unavailable

JOINED_ROUNDS = 3
"""So often a reader waits for what others asked for, before it has a load of its own made."""
IN_VAIN_SECONDS = 1.0


class Answering:
    """Answers readers. They wait ``soft`` seconds for a flight while there is a value whose time to live
    has run out, and ``hard`` seconds when there is none; with ``refuse`` what cannot be proven current is
    Unavailable in place of flagged."""

    def __init__(
        self,
        memory: Memory,
        flights: Flights,
        filling: Filling,
        ledger: Ledger,
        counters: HitCounters,
        prover: Prover,
        slots: Mapping[str, Slot],
        *,
        soft: float,
        hard: float,
        refuse: bool,
        clock: Clock,
    ) -> None:
        self._memory = memory
        self._held = memory.entries.get
        self._flights = flights
        self._filling = filling
        self._ledger = ledger
        self._counters = counters
        self._prover = prover
        self._slots = slots
        self._soft, self._hard = soft, hard
        self._refuse = refuse
        self._monotonic = clock.monotonic
        self._in_vain_until = -math.inf

    def read(
        self, slots: Sequence[Slot], layers: Sequence[Layer], counted: bool, since: float
    ) -> dict[str, Reading | Unavailable]:
        """Keys, with every change in them that was committed before ``since`` (monotonic seconds)."""
        count = self._counters if counted else UNCOUNTED
        held, missing = self._look(slots, since)
        if any(slot.topics for slot in missing) and self._prove(since):
            held, missing = self._look(slots, since)
        found: dict[str, Reading | Unavailable] = {}
        for slot, entry in held.items():
            if self._monotonic() >= entry.soft:
                self._memory.put_off(entry)  # one reader is enough to have it loaded anew
                self._ahead(slot, layers)
            if counted:
                entry.hits += 1
            found[slot.name] = entry.value
        for slot, word in missing.items():
            count.missed(MEMORY, word, slot.name)
        for rounds in itertools.count():
            if not missing:
                break
            answers = self._fetch(missing, layers, count, since, rounds < JOINED_ROUNDS)
            missing = {slot: UNPROVEN for slot in missing if slot.name not in answers}
            found |= answers
        return found

    def _prove(self, since: float) -> bool:
        """Have a check made if there is none that will do, for without one neither memory nor Redis may
        serve a key with topics; whether there is a new one."""
        return not self._ledger.proven(since, self._monotonic()) and self._prover.prove(since)

    def _look(
        self, slots: Iterable[Slot], since: float
    ) -> tuple[dict[Slot, Entry], dict[Slot, str]]:
        """What memory can serve, and of the rest why not."""
        held: dict[Slot, Entry] = {}
        missing: dict[Slot, str] = {}
        for slot in slots:
            entry = self._held(slot.name)
            word = self._lacking(slot, entry, since)
            if entry is None or word:
                missing[slot] = word
            else:
                held[slot] = entry
        return held, missing

    def _ahead(self, slot: Slot, layers: Sequence[Layer]) -> None:
        """Have a value loaded anew before its time to live runs out."""
        mine, _ = self._flights.board([slot], UNCOUNTED)
        for flight in mine:
            flight.how = ANEW
        if mine:
            self._depart(mine, layers)

    def _lacking(self, slot: Slot, entry: Entry | None, since: float) -> str:
        """Why memory cannot serve an entry as current; empty if it can."""
        if entry is None:
            return "absent"
        now = self._monotonic()
        # The proof first, as in ``read``.
        proven = self._ledger.proven(since, now) if slot.topics else now < entry.proof.until
        if now >= entry.hard:
            return "changed" if entry.true < 0 else "expired"
        return "" if proven else UNPROVEN

    def _fetch(
        self, wanted: Mapping[Slot, str], layers: Sequence[Layer], count: Counts, since: float, join: bool
    ) -> dict[str, Reading | Unavailable]:
        """What flights bring home; nothing of those whose answer is too old for who asks here."""
        mine, others = self._flights.board(wanted, count, since=since, join=join)
        for flight in mine:
            flight.why.append(f"memory: {REASONS[wanted[flight.slot]]}")
            if (kept := self._memory.kept(flight.name)) is not None:
                flight.found(kept.value, kept.label)
        try:
            rest = self._filling.look(mine) if mine else []
            if rest := [flight for flight in rest if not self._stranded(flight)]:
                self._depart(rest, layers)
        except BaseException as error:
            self._flights.abandon(mine, error)
            raise
        found: dict[str, Reading | Unavailable] = {}
        now = self._monotonic()
        for flight in (*mine, *others):
            answer = self._arrival(flight, now + self._soft, now + self._hard, since)
            stale = isinstance(answer, Reading) and answer.stale
            if flight.slot.topics:
                if isinstance(answer, Reading) and not stale and flight.stamp < since:
                    continue
                if stale and self._refuse:
                    answer = Unavailable(f"{flight.name} cannot be proven current: {answer.reason}.")  # type: ignore[union-attr]
            found[flight.name] = answer
            if flight.slot.topics and self._prover.fault is not None and (stale or not isinstance(answer, Reading)):
                self._in_vain_until = self._monotonic() + IN_VAIN_SECONDS
            if isinstance(answer, Reading):
                count.served(answer.layer, flight.name, stale=stale, shared=flight in others)
            else:
                count.served(NOBODY, flight.name)
        return found

    def _stranded(self, flight: Flight) -> bool:
        """End a flight at once when there is something old to show, checks fail, and somebody else has just
        asked the view and the tables in vain: then nobody waits for them. As long as they answer they need
        no check."""
        fault = self._prover.fault
        if fault is None or flight.last is None or self._monotonic() >= self._in_vain_until:
            return False
        flight.why.append(f"database: {fault.rstrip('.')}")
        self._filling.strand(flight)
        return True

    def _depart(self, flights: Sequence[Flight], layers: Sequence[Layer]) -> None:
        """Have flights brought home by a thread of their own: readers may leave before them."""
        family = {name for flight in flights for name in flight.slot.family}
        _, idle = self._look([self._slots[name] for name in family], -math.inf)
        along, _ = self._flights.board(idle, UNCOUNTED)
        every = [*flights, *along]
        thread = threading.Thread(
            target=self._filling.fill, args=(every, layers), name="fleetcache-load", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # no more threads to be had
            self._flights.abandon(every, error)

    def _arrival(self, flight: Flight, soft: float, hard: float, since: float) -> Reading | Unavailable:
        """What comes of a flight; when it is late or comes to nothing a value of before, flagged unless it
        is proven and has only lived too long."""
        entry = self._held(flight.name)
        answer = None
        if entry is not None and self._monotonic() < entry.true:
            answer = flight.wait(soft - self._monotonic())
            if answer is None:
                before: Reading = entry.value
                topics, now = flight.slot.topics, self._monotonic()
                if topics and not self._ledger.refuses_held(entry.label, topics, since=since, now=now):
                    return before
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
        kept = self._memory.kept(flight.name)
        last: Reading | None = kept.value if kept else None
        return last.flagged(str(answer)) if last else answer
