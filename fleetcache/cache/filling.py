"""What happens on a miss: look in Redis, take the lease, load, store, tell those who wait."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleetcache.cache.codec import encode
from fleetcache.cache.counters import HitCounters
from fleetcache.cache.envelope import Envelope, unwrap, wrap
from fleetcache.cache.flight import Flight, Flights
from fleetcache.cache.lease import AFTER, ANEW, LOOK, Elsewhere, Lease, Leases, Stored
from fleetcache.cache.memory import KEPT_SECONDS, Entry
from fleetcache.cache.proof import NONE
from fleetcache.cache.reading import MEMORY, REDIS, Loaded, Reading
from fleetcache.cache.store import RedisStore
from fleetcache.clock import Clock
from fleetcache.errors import BadPayload, FleetcacheError, StoreDown, Unavailable

log = logging.getLogger(__name__)

Load = Callable[[Sequence[str]], Mapping[str, Loaded | FleetcacheError]]

ABSENT = "not held"
UNPROVEN = "the database has not been reached yet, so it is not known to be the one these values are of"
OUTDATED = "its numbers are from before the last change"
POLL_SECONDS = 0.05
"""How often a load of another process is looked after when no push says that it is done."""
AHEAD = 0.1
"""The last part of a value's life, in which the first hit has it loaded anew."""


@dataclass(frozen=True)
class Layer:
    """A source below Redis. ``load`` gives for every asked key a value or the reason against it,
    or raises a FleetcacheError when it cannot serve at all."""

    name: str
    label: str
    load: Load


class Filling:
    """Brings flights home."""

    def __init__(
        self,
        store: RedisStore,
        flights: Flights,
        counters: HitCounters,
        *,
        ttl: Callable[[str], float | None],
        schema: str,
        clock: Clock,
    ) -> None:
        self.epoch: str | None = None
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
        outdated: dict[Flight, Reading] = {}
        try:
            for layer in layers:
                if not pending:
                    break
                fresh = self._ask(layer, pending, outdated)
                self._keep(layer, {flight: (pending.pop(flight), loaded) for flight, loaded in fresh.items()})
        finally:
            self._release(list(flights))
        for flight in pending:
            nothing = Unavailable(f"{flight.name} is unavailable: {'; '.join(flight.why)}.")
            self._flights.land(flight, outdated.get(flight, nothing))

    def _ask(
        self, layer: Layer, pending: Mapping[Flight, Lease | None], outdated: dict[Flight, Reading]
    ) -> dict[Flight, Loaded]:
        began = time.perf_counter()
        try:
            answers = layer.load([flight.name for flight in pending])
        except FleetcacheError as error:
            answers = dict.fromkeys((flight.name for flight in pending), error)
        except Exception as error:
            log.exception("%s failed", layer.label)
            failure = Unavailable(f"it failed unexpectedly ({type(error).__name__})")
            answers = dict.fromkeys((flight.name for flight in pending), failure)
        fresh: dict[Flight, Loaded] = {}
        for flight, lease in pending.items():
            answer = answers[flight.name]
            if isinstance(answer, FleetcacheError):
                flight.count.failed(layer.name, flight.name)
                flight.missed(layer.name, layer.label, type(answer).__name__, answer.message)
            elif lease is not None and lease.floor is not None and answer.computed_at < lease.floor:
                flight.missed(layer.name, layer.label, "outdated", OUTDATED)
                outdated[flight] = _reading(flight, layer.name, answer, stale=True)
            elif answer.day_ends_at is not None and self._clock.now() >= answer.day_ends_at:
                flight.missed(layer.name, layer.label, "day", f"its numbers are as of {answer.day.isoformat()}")
                outdated[flight] = _reading(flight, layer.name, answer, stale=True)
            else:
                fresh[flight] = answer
        took = time.perf_counter() - began
        next(iter(pending)).count.timed(layer.name, "hit" if len(fresh) == len(pending) else "miss", took)
        return fresh

    def _keep(self, layer: Layer, fresh: Mapping[Flight, tuple[Lease | None, Loaded]]) -> None:
        """Store what came under its lease, then hand it out."""
        entries: dict[Flight, Entry] = {}
        stored: list[tuple[Lease, Stored]] = []
        for flight, (lease, loaded) in fresh.items():
            self._counters.loaded(layer.name, flight.name)
            if loaded.epoch not in (None, self.epoch) and not flight.outrun:
                self.settle_on(loaded.epoch)
            now = self._clock.now()
            milliseconds = self._milliseconds(flight, loaded, now)
            expires_at = now + milliseconds / 1000
            if lease is not None and milliseconds > 0:
                data = encode(wrap(flight.name, loaded, schema=self._schema, expires_at=expires_at))
                stored.append((lease, Stored(data, milliseconds, loaded.computed_at)))
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
            reading = _reading(flight, layer.name, loaded)
            flight.stored = kept.get(flight.name, False)
            if flight.name not in kept:
                entries[flight].proof = NONE  # of what Redis does not hold it tells no change
            self._flights.land(flight, reading, entries[flight] if kept.get(flight.name, True) else None)

    def _offer(self, flight: Flight, data: bytes | None) -> bool:
        """Bring a flight home with what lay in Redis, if that may be served."""
        if data is None:
            flight.missed(REDIS, "Redis", "absent", ABSENT)
            return False
        try:
            envelope = unwrap(flight.name, data, flight.slot.shape)
            word, text = envelope.unfit(
                flight.name, schema=self._schema, epoch=self.epoch, now=self._clock.now()
            )
        except BadPayload as error:
            flight.count.failed(REDIS, flight.name)
            word, text = "unreadable", error.message
        if word:
            flight.how = ANEW
            flight.missed(REDIS, "Redis", word, text)
            return False
        unknown = self.epoch is None and envelope.epoch is not None
        reading = Reading(
            key=flight.name,
            value=envelope.payload,
            layer=REDIS,
            computed_at=envelope.computed_at,
            expires_at=envelope.expires_at,
            day=envelope.day,
            stale=unknown,
            reason=UNPROVEN if unknown else None,
        )
        entry = None if unknown else self._entry(flight, envelope, envelope.payload, envelope.expires_at)
        self._flights.land(flight, reading, entry)
        return True

    def _entry(self, flight: Flight, source: Loaded | Envelope[Any], value: object, expires_at: float) -> Entry:
        """What memory holds: the reading that every hit is handed, and its moments."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        true = math.inf if source.day_ends_at is None else monotonic + source.day_ends_at - now
        hard = min(monotonic + expires_at - now, true)
        reading = Reading(
            key=flight.name,
            value=value,
            layer=MEMORY,
            computed_at=source.computed_at,
            expires_at=expires_at,
            day=source.day,
        )
        soft = hard - AHEAD * max(0.0, hard - monotonic)
        return Entry(
            reading, soft=soft, hard=hard, true=true, end=max(hard, monotonic + KEPT_SECONDS), proof=flight.proof
        )

    def _milliseconds(self, flight: Flight, loaded: Loaded, now: float) -> int:
        """How long what came may be kept; 0 when its day is over already."""
        ttl = self._ttl(flight.name) or float(flight.slot.ttl)
        if loaded.day_ends_at is not None:
            ttl = min(ttl, loaded.day_ends_at - now)
        return self._store.milliseconds(ttl) if ttl > 0 else 0

    def give_up(self, flight: Flight) -> None:
        """Who asks from now on, here or elsewhere, does not wait for this one: it takes too long."""
        self._flights.give_up(flight)
        self._release([flight])

    def _release(self, flights: Sequence[Flight]) -> None:
        try:
            self._leases.release([flight.lease for flight in flights if flight.lease is not None])
        except StoreDown as error:
            log.debug("leases end by themselves: %s", error.technical)

    def settle_on(self, epoch: str) -> None:
        """From now on values are of this database, and none of another one is served."""
        before, self.epoch = self.epoch, epoch
        if before not in (None, epoch):
            self._flights.forget()


def _reading(flight: Flight, layer: str, loaded: Loaded, *, stale: bool = False) -> Reading:
    return Reading(
        key=flight.name,
        value=loaded.value,
        layer=layer,
        computed_at=loaded.computed_at,
        expires_at=None,
        day=loaded.day,
        stale=stale,
        reason="; ".join(flight.why) or None,
    )
