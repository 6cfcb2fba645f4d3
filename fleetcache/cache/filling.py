"""What happens on a miss: look in Redis, take the lease, load, store, tell those who wait."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from fleetcache.cache.codec import encode
from fleetcache.cache.counters import HitCounters
from fleetcache.cache.envelope import Envelope, unwrap, wrap
from fleetcache.cache.flight import Flight, Flights
from fleetcache.cache.layer import REASONS, Layer
from fleetcache.cache.lease import AFTER, ANEW, LOOK, Elsewhere, Lease, Leases, Stored
from fleetcache.cache.ledger import AHEAD, ELSEWHERE, UNPROVEN, Ledger
from fleetcache.cache.memory import KEPT_SECONDS, Entry
from fleetcache.cache.proof import NONE, Prover
from fleetcache.cache.reading import MEMORY, REDIS, Loaded, Reading
from fleetcache.cache.store import RedisStore
from fleetcache.clock import Clock
from fleetcache.errors import BadPayload, FleetcacheError, StoreDown, Unavailable
from fleetcache.label import Label

log = logging.getLogger(__name__)
POLL_SECONDS = 0.05
"""How often a load of another process is looked after when no push says that it is done."""
LAST_PART = 0.1
"""The last part of a value's life, in which the first hit has it loaded anew."""


class Filling:
    """Brings flights home."""

    def __init__(
        self,
        store: RedisStore,
        flights: Flights,
        counters: HitCounters,
        ledger: Ledger,
        prover: Prover,
        *,
        ttl: Callable[[str], float | None],
        schema: str,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._prover = prover
        self._store = store
        self._leases = Leases(store.link, store.names)
        self._flights = flights
        self._counters = counters
        self._ttl = ttl
        self._schema = schema
        self._clock = clock

    def look(self, flights: Sequence[Flight]) -> list[Flight]:
        """Bring home what Redis has; the rest, each with the reason."""
        began = time.perf_counter()
        try:
            held = self._store.fetch([flight.name for flight in flights])
        except StoreDown as error:
            for flight in flights:
                flight.count.failed(REDIS, flight.name)
                flight.missed(REDIS, "Redis", error.reason, error.message)
            return list(flights)
        rest = [flight for flight in flights if not self._offer(flight, held.get(flight.name))]
        took = time.perf_counter() - began
        flights[0].count.timed(REDIS, "miss" if rest else "hit", took)
        return rest

    def fill(self, flights: Sequence[Flight], layers: Sequence[Layer]) -> None:
        """Bring flights home by loading, or by waiting for the process that does."""
        woken = threading.Event()
        for flight in flights:
            flight.woken = woken
        waiting = list(flights)
        try:
            while waiting:
                woken.clear()
                waiting, pause = self._round(waiting, layers)
                waiting = [flight for flight in waiting if not flight.given_up]
                if waiting:
                    woken.wait(min(pause, POLL_SECONDS))
        except BaseException as error:
            self._flights.abandon(flights, error)
            if not isinstance(error, FleetcacheError):
                log.exception("loading failed")

    def _round(self, flights: Sequence[Flight], layers: Sequence[Layer]) -> tuple[list[Flight], float]:
        """Load what we get the lease on; the rest, and for how long its leases last."""
        names = {flight.name: flight for flight in flights}
        try:
            seats = self._leases.take({flight.name: flight.how for flight in flights})
        except StoreDown as error:
            for flight in flights if error.reason != "open" else ():  # that one has been counted already
                flight.count.failed(REDIS, flight.name)
                flight.missed(REDIS, "Redis", f"not stored: {error.reason}", error.message)
            for flight in flights:
                flight.alone = True
            self._load(dict.fromkeys(flights), layers)
            return [], 0.0
        ours: dict[Flight, Lease | None] = {}
        waiting: list[Flight] = []
        pause = math.inf
        for name, seat in seats.items():
            flight = names[name]
            if isinstance(seat, Lease):
                ours[flight] = flight.lease = seat
            elif isinstance(seat, Elsewhere):
                # What is there may be what the other one is about to replace.
                flight.how = AFTER if flight.how != LOOK else LOOK
                waiting.append(flight)
                pause = min(pause, seat.seconds + 0.002)
            elif not self._offer(flight, seat):
                waiting.append(flight)
                pause = 0.0
        self._load(ours, layers)
        return waiting, pause

    def _load(self, flights: dict[Flight, Lease | None], layers: Sequence[Layer]) -> None:
        """Load from the first layer that can; keep and hand out what came."""
        pending = dict(flights)
        try:
            self._through(layers, pending)
            # The database that answered is another one by now, and worth a second try.
            pending = {flight: lease for flight, lease in pending.items() if flight.elsewhere}
            self._through(layers, pending)
        finally:
            self._release(list(flights))
        for flight in flights:
            if flight.answer is None:
                self.strand(flight)

    def _through(self, layers: Sequence[Layer], pending: dict[Flight, Lease | None]) -> None:
        """Ask one layer after another; what is left in ``pending`` none of them could give."""
        for layer in layers:
            if pending:
                fresh = self._ask(layer, pending)
                self._keep(layer, {flight: (pending.pop(flight), loaded) for flight, loaded in fresh.items()})

    def strand(self, flight: Flight) -> None:
        """End a flight that nobody can bring home: with what could not be proven, if there is anything."""
        why = "; ".join(flight.why)
        known = self._ledger.known
        answer: Reading | Unavailable = Unavailable(f"{flight.name} is unavailable: {why}.")
        # Of another life of the database nothing is shown, not even as old.
        if flight.last is not None and (known is None or known.epoch == flight.last[1].epoch):
            answer = flight.last[0].flagged(why)
        self._flights.land(flight, answer)

    def _ask(self, layer: Layer, pending: Mapping[Flight, Lease | None]) -> dict[Flight, Loaded]:
        began, sent_at, asked = time.perf_counter(), self._clock.monotonic(), self._ledger.known
        try:
            answers = layer.load([flight.name for flight in pending])
        except FleetcacheError as error:
            answers = dict.fromkeys((flight.name for flight in pending), error)
        except Exception as error:
            log.exception("%s failed", layer.label)
            failure = Unavailable(f"it failed unexpectedly ({type(error).__name__})")
            answers = dict.fromkeys((flight.name for flight in pending), failure)
        fresh: dict[Flight, Loaded] = {}
        for flight in pending:
            answer = answers[flight.name]
            if isinstance(answer, FleetcacheError):
                flight.count.failed(layer.name, flight.name)
                flight.missed(layer.name, layer.label, type(answer).__name__, answer.message)
            elif word := self._refusal(flight, layer, answer, sent_at, asked):
                flight.missed(layer.name, layer.label, word, REASONS[word])
                flight.found(
                    flight.reading(layer.name, answer.value, answer.computed_at, answer.label), answer.label
                )
            else:
                flight.stamp = sent_at
                fresh[flight] = answer
        took = time.perf_counter() - began
        next(iter(pending)).count.timed(layer.name, "hit" if len(fresh) == len(pending) else "miss", took)
        return fresh

    def _refusal(
        self, flight: Flight, layer: Layer, loaded: Loaded, sent_at: float, asked: Label | None
    ) -> str:
        """Why what a layer gave may not be served as current; empty if it may."""
        label, current = loaded.label, loaded.current
        if label is None or current is None:
            return ""
        if self._ledger.elsewhere(current):
            self._prover.prove(self._clock.monotonic())  # the server may have been started anew
        word = self._ledger.refuses_loaded(
            label, current, flight.slot.topics, copied=layer.copied, sent_at=sent_at, asked=asked
        )
        flight.elsewhere = word == ELSEWHERE
        return word

    def _keep(self, layer: Layer, fresh: Mapping[Flight, tuple[Lease | None, Loaded]]) -> None:
        """Store what came under its lease, then hand it out."""
        entries: dict[Flight, Entry] = {}
        stored: list[tuple[Lease, Stored]] = []
        for flight, (lease, loaded) in fresh.items():
            self._counters.loaded(layer.name, flight.name)
            milliseconds = self._store.milliseconds(self._seconds(flight, loaded.value))
            expires_at = self._clock.now() + milliseconds / 1000
            # While changes are not all counted a label says nothing, and a value is for those who wait.
            if lease is not None and (loaded.label is None or self._ledger.dirty is None):
                data = encode(wrap(flight.name, loaded, schema=self._schema, expires_at=expires_at))
                stored.append((lease, Stored(data, milliseconds)))
            entries[flight] = self._entry(flight, loaded, loaded.value, expires_at)
        kept: dict[str, bool] = {}
        try:
            accepted = self._leases.keep(stored) if stored else []
            kept = {lease.name: taken for (lease, _), taken in zip(stored, accepted, strict=True)}
        except StoreDown as error:
            for lease, _ in stored:
                self._counters.failed(REDIS, lease.name)
                self._counters.missed(REDIS, f"not stored: {error.reason}", lease.name)
        for flight, (_, loaded) in fresh.items():
            reading = flight.reading(layer.name, loaded.value, loaded.computed_at, loaded.label)
            flight.stored = kept.get(flight.name, False)
            entry: Entry | None = entries[flight]
            if loaded.label is None and flight.name not in kept:
                entries[flight].proof = NONE  # of what Redis does not hold it tells no change
            elif loaded.label is None and not flight.stored:
                entry = None
            self._flights.land(flight, reading, entry)

    def _offer(self, flight: Flight, data: bytes | None) -> bool:
        """Bring a flight home with what lay in Redis, if that may be served."""
        if data is None:
            flight.missed(REDIS, "Redis", "absent", REASONS["absent"])
            return False
        try:
            envelope = unwrap(flight.name, data, flight.slot.shape)
            word, text = envelope.unfit(flight.name, schema=self._schema)
        except BadPayload as error:
            flight.count.failed(REDIS, flight.name)
            word, text = "unreadable", error.message
        if not word and flight.slot.topics:
            word = self._doubtful(flight, envelope.label)
            text = REASONS.get(word, "")
        if word:
            flight.how = ANEW
            flight.missed(REDIS, "Redis", word, text)
            if word == UNPROVEN:
                flight.found(self._held(flight, REDIS, envelope), envelope.label)
            return False
        entry = self._entry(flight, envelope, envelope.payload, envelope.expires_at)
        self._flights.land(flight, self._held(flight, REDIS, envelope), entry)
        return True

    def _doubtful(self, flight: Flight, label: Label | None) -> str:
        """Why a value of Redis cannot be proven current; empty if it can."""
        topics, ledger = flight.slot.topics, self._ledger
        if ledger.ahead(label, topics):
            self._prover.prove(self._clock.monotonic())
        flight.stamp = ledger.sent_at
        word = ledger.refuses_held(label, topics, since=flight.since, now=self._clock.monotonic())
        return AHEAD if not word and ledger.ahead(label, topics) else word

    def _held(self, flight: Flight, layer: str, envelope: Envelope[Any]) -> Reading:
        """A value as it lay there: no layer above has to say why it was not served."""
        reading = flight.reading(layer, envelope.payload, envelope.computed_at, envelope.label)
        return msgspec.structs.replace(reading, expires_at=envelope.expires_at, reason=None)

    def _entry(self, flight: Flight, source: Loaded | Envelope[Any], value: object, expires_at: float) -> Entry:
        """What memory holds: the reading that every hit is handed, and its moments."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        hard = monotonic + expires_at - now
        reading = flight.reading(MEMORY, value, source.computed_at, source.label)
        return Entry(
            msgspec.structs.replace(reading, expires_at=expires_at, reason=None),
            soft=hard - LAST_PART * max(0.0, hard - monotonic),
            hard=hard,
            true=math.inf,
            end=max(hard, monotonic + KEPT_SECONDS),
            proof=flight.proof,
            label=source.label,
            topics=flight.slot.topics,
        )

    def _seconds(self, flight: Flight, value: object) -> float:
        """How long what came may be kept."""
        ttl = self._ttl(flight.name) or float(flight.slot.ttl)
        nothing = flight.slot.nothing_ttl
        return ttl if nothing is None or value is not None else min(ttl, nothing)

    def give_up(self, flight: Flight) -> None:
        """Who asks from now on, here or elsewhere, does not wait for this one: it takes too long."""
        self._flights.give_up(flight)
        self._release([flight])

    def _release(self, flights: Sequence[Flight]) -> None:
        try:
            self._leases.release([flight.lease for flight in flights if flight.lease is not None])
        except StoreDown as error:
            log.debug("leases end by themselves: %s", error.technical)
