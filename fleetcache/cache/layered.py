"""The layers in order: Redis, then the loaders below it, each able to serve alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from fleetcache.cache.counters import HitCounters
from fleetcache.cache.reading import NOBODY, REDIS, Envelope, Loaded, Reading, Slot
from fleetcache.cache.store import RedisStore
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import BadPayload, FleetcacheError, StoreDown, Unavailable

Load = Callable[[Sequence[str]], Mapping[str, Loaded | FleetcacheError]]

ABSENT = "not held"
UNPROVEN = "the database has not been reached yet, so it is not known to be the one these values are of"


@dataclass(frozen=True)
class Layer:
    """A source below Redis. ``load`` gives for every asked key a value or the reason against it
    (others may come along), or raises a FleetcacheError when it cannot serve at all."""

    name: str
    label: str
    load: Load


class Uncounted:
    """Takes the place of the counters for reads of the program's own."""

    def served(self, layer: str, key: str) -> None:
        """Not a read of a person."""

    def missed(self, layer: str, reason: str, key: str) -> None:
        """Not a miss that anybody waited for."""

    def failed(self, layer: str, key: str) -> None:
        """Not a failure that anybody saw."""

    def timed(self, layer: str, outcome: str, seconds: float) -> None:
        """Not a time that anybody spent."""


UNCOUNTED = Uncounted()


@dataclass
class Progress:
    """How far a warming has come."""

    done: int
    total: int
    key: str


class LayeredCache:
    """Reads through the layers, and fills Redis on the way back up."""

    def __init__(
        self,
        store: RedisStore,
        layers: Sequence[Layer],
        slots: Mapping[str, Slot],
        counters: HitCounters,
        *,
        schema: str,
        clock: Clock = SYSTEM,
    ) -> None:
        self.store = store
        self.counters = counters
        self.epoch: str | None = None
        self.ttls: Mapping[str, float] = {}
        self._layers = layers
        self.slots = slots
        self._schema = schema
        self._clock = clock

    def read(self, name: str, *, counted: bool = True) -> Reading:
        """One key. Raises Unavailable with the reason of every layer when none can give it."""
        answer = self.read_many([name], counted=counted)[name]
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    def read_many(
        self, names: Iterable[str], *, counted: bool = True
    ) -> dict[str, Reading | Unavailable]:
        """Several keys, each from the highest layer that has it: one round trip to Redis, one
        statement to the view, raw queries for the rest.

        ``counted`` reads are those of pages and the API; warming and the console are not.
        """
        wanted = list(dict.fromkeys(names))
        found: dict[str, Reading] = {}
        why: dict[str, list[str]] = {name: [] for name in wanted}
        count = self.counters if counted else UNCOUNTED
        redis_up = self._from_redis(wanted, found, why, count)
        fresh: dict[str, Loaded] = {}
        for layer in self._layers:
            missing = [name for name in wanted if name not in found]
            if not missing:
                break
            self._from_layer(layer, missing, found, why, fresh, count)
        if redis_up:
            self._keep(fresh)
        for name in wanted:
            count.served(found[name].layer if name in found else NOBODY, name)
        return {
            name: found[name]
            if name in found
            else Unavailable(f"{name} is unavailable: {'; '.join(why[name])}.")
            for name in wanted
        }

    def warm(
        self, names: Iterable[str], *, progress: Callable[[Progress], None] | None = None
    ) -> list[Unavailable]:
        """Load keys anew from the layers below and keep them in Redis, one after another in the
        given order; the ones that could not be loaded. Raises StoreDown."""
        failures: list[Unavailable] = []
        pending = list(names)
        for place, name in enumerate(pending):
            found: dict[str, Reading] = {}
            why: dict[str, list[str]] = {name: []}
            fresh: dict[str, Loaded] = {}
            for layer in self._layers:
                if name not in found:
                    self._from_layer(layer, [name], found, why, fresh, UNCOUNTED)
            self.store.set_many(self._envelopes(fresh))
            if name not in found:
                failures.append(Unavailable(f"{name} is unavailable: {'; '.join(why[name])}."))
            if progress is not None:
                progress(Progress(place + 1, len(pending), name))
        return failures

    def _from_redis(
        self,
        names: Sequence[str],
        found: dict[str, Reading],
        why: dict[str, list[str]],
        count: HitCounters | Uncounted,
    ) -> bool:
        """Take what Redis has; whether it answered."""
        began = time.perf_counter()
        try:
            held = self.store.get_many(names, Envelope)
        except StoreDown as error:
            for name in names:
                count.failed(REDIS, name)
                count.missed(REDIS, "down", name)
                why[name].append(f"Redis: {_plain(error)}")
            return False
        now = self._clock.now()
        for name in names:
            answer = held.get(name)
            reading = None
            if answer is None:
                reason, text = "absent", ABSENT
            elif isinstance(answer, BadPayload):
                reason, text = "unreadable", _plain(answer)
                count.failed(REDIS, name)
            else:
                reason, text = self._unfit(name, answer, now)
                if not reason:
                    reading = self._reading(name, answer, count)
                    reason, text = ("unreadable", str(reading)) if isinstance(reading, str) else ("", "")
            if isinstance(reading, Reading):
                found[name] = reading
            else:
                count.missed(REDIS, reason, name)
                why[name].append(f"Redis: {text}")
        took = time.perf_counter() - began
        count.timed(REDIS, "hit" if len(found) == len(names) else "miss", took)
        return True

    def _unfit(self, name: str, envelope: Envelope, now: float) -> tuple[str, str]:
        """Why a held value may not be served: a word to count and words to show; empty if it may."""
        if (envelope.key, envelope.schema) != (name, self._schema):
            return "foreign", f"holds {envelope.key} of schema {envelope.schema}"
        if self.epoch is not None and envelope.epoch != self.epoch:
            return "epoch", "the value is from another database"
        if now >= envelope.day_ends_at:
            return "day", f"the value is as of {envelope.day.isoformat()}"
        return "", ""

    def _reading(
        self, name: str, envelope: Envelope, count: HitCounters | Uncounted
    ) -> Reading | str:
        try:
            value = msgspec.json.decode(envelope.payload, type=self.slots[name].shape)
        except msgspec.DecodeError as error:
            count.failed(REDIS, name)
            return f"the value does not parse ({error})"
        return Reading(
            key=name,
            value=value,
            layer=REDIS,
            computed_at=envelope.computed_at,
            expires_at=envelope.expires_at,
            day=envelope.day,
            stale=self.epoch is None,
            reason=None if self.epoch is not None else UNPROVEN,
        )

    def _from_layer(
        self,
        layer: Layer,
        names: Sequence[str],
        found: dict[str, Reading],
        why: dict[str, list[str]],
        fresh: dict[str, Loaded],
        count: HitCounters | Uncounted,
    ) -> None:
        began = time.perf_counter()
        try:
            answers = layer.load(names)
        except FleetcacheError as error:
            answers = dict.fromkeys(names, error)
        for name in names:
            answer = answers[name]
            if isinstance(answer, FleetcacheError):
                count.failed(layer.name, name)
                count.missed(layer.name, type(answer).__name__, name)
                why[name].append(f"{layer.label}: {_plain(answer)}")
                continue
            found[name] = Reading(
                key=name,
                value=answer.value,
                layer=layer.name,
                computed_at=answer.computed_at,
                expires_at=None,
                day=answer.day,
                reason="; ".join(why[name]) or None,
            )
        took = time.perf_counter() - began
        hit = all(name in found for name in names)
        count.timed(layer.name, "hit" if hit else "miss", took)
        for name, answer in answers.items():
            if not isinstance(answer, FleetcacheError):
                fresh[name] = answer
                self.epoch = answer.epoch
                self.counters.loaded(layer.name, name)

    def _keep(self, fresh: Mapping[str, Loaded]) -> None:
        try:
            self.store.set_many(self._envelopes(fresh))
        except StoreDown:
            for name in fresh:
                self.counters.failed(REDIS, name)

    def _envelopes(self, fresh: Mapping[str, Loaded]) -> dict[str, tuple[Envelope, float]]:
        now = self._clock.now()
        envelopes: dict[str, tuple[Envelope, float]] = {}
        for name, loaded in fresh.items():
            ttl = min(self.ttl(name), loaded.day_ends_at - now)
            if ttl > 0:
                envelopes[name] = (
                    Envelope(
                        schema=self._schema,
                        key=name,
                        epoch=loaded.epoch,
                        day=loaded.day,
                        day_ends_at=loaded.day_ends_at,
                        versions=loaded.versions,
                        computed_at=loaded.computed_at,
                        expires_at=now + ttl,
                        payload=msgspec.Raw(msgspec.json.encode(loaded.value)),
                    ),
                    ttl,
                )
        return envelopes

    def now(self) -> float:
        """The moment against which ages are counted, seconds since the epoch."""
        return self._clock.now()

    def ttl(self, name: str) -> float:
        """Seconds a value of this key may be kept: the override of the settings, or its own."""
        return float(self.ttls.get(name, self.slots[name].ttl))


def _plain(error: FleetcacheError) -> str:
    return error.message.rstrip(".")
