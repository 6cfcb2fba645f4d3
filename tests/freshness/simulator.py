"""The protocol against a modelled world: virtual time, one thread, every delay drawn from a seed.

The steps are those of production (``Ledger``, ``Flights``, ``Memory``); modelled are the database, Redis and
who comes when. A ``Variant`` breaks one thing, and has to be caught.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from fleetcache.cache.counters import UNCOUNTED
from fleetcache.cache.flight import Flight, Flights
from fleetcache.cache.ledger import Check, Ledger, Regress
from fleetcache.cache.memory import Entry, Memory
from fleetcache.cache.proof import NONE, Proof
from fleetcache.cache.reading import Reading
from fleetcache.cache.single import Single
from fleetcache.clock import Clock
from fleetcache.label import Label

Process = Generator[float, None, None]
TOPICS = ("leave", "pilots")
SLOTS = [
    Single("by-leave", int, 60.0, topics=frozenset({"leave"})),
    Single("by-both", int, 60.0, topics=frozenset(TOPICS)),
]
BOUND, POLL, DEADLINE = 0.25, 0.05, 0.25
SECONDS, QUIET = 6.0, 1.5
FIRST_DAY = date(2026, 11, 23)


@dataclass(frozen=True)
class Variant:
    """What is broken: a piece of the steps, or of how the world is asked."""

    name: str
    ledger: type[Ledger] = Ledger
    stamp_at_reply: bool = False
    sequence: bool = False
    two_statements: bool = False
    proof_last: bool = False
    join_any: bool = False


@dataclass
class Verdict:
    """What the reads of one schedule came to; ``worst`` in seconds beyond the bound."""

    served: int = 0
    flagged: int = 0
    old: int = 0
    worst: float = 0.0


@dataclass(frozen=True)
class Event:
    """Something that makes older numbers wrong, from the moment it was acknowledged."""

    topics: frozenset[str]
    acknowledged_at: float


@dataclass(frozen=True)
class Snapshot:
    """How many events are in it, and the label that goes with it."""

    events: int
    label: Label


@dataclass
class Database:
    """Commits, restores and midnights in the one order in which they became visible."""

    sequence: bool
    events: list[Event] = field(default_factory=list)
    epoch: int = 0
    day: date = FIRST_DAY
    day_ends_at: float = math.inf
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOPICS, 0))
    begun: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOPICS, 0))

    def snapshot(self) -> Snapshot:
        """What a statement sees now."""
        versions = self.begun if self.sequence else self.versions
        return Snapshot(len(self.events), Label(str(self.epoch), self.day, dict(versions)))


class World:
    """Time, chance, and whose turn it is."""

    def __init__(self, seed: int, variant: Variant, *, strict: bool) -> None:
        self.now = 0.0
        self.chance = random.Random(seed)
        self.variant = variant
        self.strict = strict
        self.verdict = Verdict()
        self.database = Database(variant.sequence)
        self.view = self.database.snapshot()
        self.redis: dict[str, Snapshot] = {}
        self._turns: list[tuple[float, int, Process, Instance | None]] = []
        self._number = 0
        self.instances = [Instance(self) for _ in range(3)]

    def go(self, process: Process, *, instance: Instance | None = None, after: float = 0.0) -> None:
        """Let a process take its next step ``after`` so many seconds."""
        self._number += 1
        heapq.heappush(self._turns, (self.now + after, self._number, process, instance))

    def run(self) -> Verdict:
        """One schedule to its end."""
        self.go(self._writing())
        self.go(self._refreshing())
        self.go(self._faults())
        for instance in self.instances:
            self.go(instance.polling(), instance=instance)
            self.go(self._reading(instance))
        while self._turns:
            at, _, process, of = heapq.heappop(self._turns)
            self.now = max(self.now, at)
            if of is not None and of.paused_until > self.now:
                self.go(process, instance=of, after=of.paused_until - self.now)
                continue
            if (pause := next(process, None)) is not None:
                self.go(process, instance=of, after=pause)
        return self.verdict

    def delay(self, usual: float = 0.001, long: float = 0.6) -> float:
        """A way over the network, or through a busy server: mostly short, now and then not."""
        return self.chance.expovariate(1 / usual) if self.chance.random() < 0.97 else self.chance.uniform(0, long)

    def _writing(self) -> Process:
        # Bursts, then silence for longer than the bound: steady writes heal mistakes and hide them.
        while self.now < SECONDS - QUIET:
            for _ in range(self.chance.randint(1, 6)):
                self.go(self._change(self.chance.choice(TOPICS)))
                yield self.chance.uniform(0, 0.08)
            yield self.chance.uniform(0.2, 0.9)

    def _change(self, topic: str) -> Process:
        self.database.begun[topic] += 1
        yield self.delay(0.01)
        self.database.versions[topic] += 1
        self.database.events.append(Event(frozenset({topic}), math.inf))
        place = len(self.database.events) - 1
        yield self.delay()
        self.database.events[place] = Event(frozenset({topic}), self.now)

    def _refreshing(self) -> Process:
        while self.now < SECONDS:
            found = self.database.snapshot()
            yield self.delay(0.05)
            self.view = found
            yield self.chance.uniform(0.3, 1.5)

    def _faults(self) -> Process:
        database = self.database
        while self.now < SECONDS - QUIET:
            yield self.chance.expovariate(1 / 0.5)
            kind = self.chance.randrange(6)
            if kind == 0:
                self.redis.clear()
            elif kind == 1:
                self.go(self._put_back(dict(self.redis)))
            elif kind in (2, 3):
                self.chance.choice(self.instances).paused_until = self.now + self.chance.uniform(0.05, 1.0)
            elif kind == 4 and self.chance.random() < 0.3:
                # Restored from a backup: fewer changes than there were, in another life.
                database.epoch += 1
                database.versions = {topic: n // 2 for topic, n in database.versions.items()}
                database.begun = dict(database.versions)
                database.events.append(Event(frozenset(TOPICS), self.now))
            elif kind == 5 and database.day_ends_at == math.inf:
                database.day_ends_at = self.now + self.chance.uniform(0, 0.5)
                self.go(self._midnight())

    def _put_back(self, old: dict[str, Snapshot]) -> Process:
        yield self.chance.uniform(0.1, 1.0)
        self.redis |= old

    def _midnight(self) -> Process:
        yield self.database.day_ends_at - self.now
        self.database.day += timedelta(days=1)
        self.database.day_ends_at = math.inf
        self.database.events.append(Event(frozenset(TOPICS), self.now))

    def _reading(self, instance: Instance) -> Process:
        # Whoever is late is not waited for: a queue behind one stuck load would hide the others.
        while self.now < SECONDS:
            yield self.chance.uniform(0, 0.04)
            slot = self.chance.choice(SLOTS)
            self.go(self._judged(instance, slot), instance=instance)

    def _judged(self, instance: Instance, slot: Single) -> Process:
        start = self.now
        need = self._needed(slot, start - (0 if self.strict else BOUND))
        answer = yield from instance.read(slot, start)
        self.verdict.served += 1
        if answer is None:
            self.verdict.flagged += 1
        elif answer.events <= need:
            self.verdict.old += 1
            missed = self.database.events[need].acknowledged_at
            self.verdict.worst = max(self.verdict.worst, start - missed - (0 if self.strict else BOUND))

    def _needed(self, slot: Single, moment: float) -> int:
        """The place of the last event of these topics that was acknowledged by then; -1 if none was."""
        events = self.database.events
        for place in reversed(range(len(events))):
            if events[place].acknowledged_at <= moment and events[place].topics & slot.topics:
                return place
        return -1


class _Nobody:
    """Nobody vouches for values without a label here."""

    def proof(self) -> Proof:
        return NONE


class Instance:
    """One process: its memory and its ledger, and the order in which it asks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.paused_until = 0.0
        clock = Clock(now=lambda: world.now, monotonic=lambda: world.now)
        self.ledger = world.variant.ledger(0.0 if world.strict else BOUND)
        self.memory = Memory(clock=clock)
        self.flights = Flights(self.memory, _Nobody(), self.ledger, clock=clock)
        self._checking = False

    def polling(self) -> Process:
        """As ``Poller``."""
        while self.world.now < SECONDS:
            yield from self._prove(self.world.now)
            yield POLL

    def _prove(self, since: float) -> Process:
        world = self.world
        while self._checking:
            yield 0.001
        if self.ledger.proven(since, world.now):
            return
        self._checking = True
        sent_at = world.now
        yield world.delay(0.0005)
        found, ends_at, asked_at = world.database.snapshot(), world.database.day_ends_at, world.now
        yield world.delay(0.0005)
        if world.now - sent_at <= DEADLINE or world.variant.stamp_at_reply:
            stamp = world.now if world.variant.stamp_at_reply else sent_at
            try:
                self.flights.told(Check(stamp, found.label, ends_at - asked_at))
            except Regress:
                raise AssertionError("no life of the database has fewer changes than before") from None
        self._checking = False

    def read(self, slot: Single, start: float) -> Generator[float, None, Snapshot | None]:
        """As ``LayeredCache.read`` and ``Answering.read``; None when the answer is flagged."""
        world = self.world
        entry = self.memory.entries.get(slot.name)
        if entry is not None and not world.strict:
            # Between any two looks another thread may have its turn.
            yield self._turn()
            now = world.now
            if world.variant.proof_last:
                soft = entry.soft
                yield self._turn()
                until = entry.proof.until
            else:
                until = entry.proof.until
                yield self._turn()
                soft = entry.soft
            if now < until and now < soft:
                return self._value(entry.value)
        since = start if world.strict else start - BOUND
        if not self.ledger.proven(since, world.now):
            yield from self._prove(since)
        entry = self.memory.entries.get(slot.name)
        if entry is not None and self.ledger.proven(since, world.now) and world.now < entry.hard:
            return self._value(entry.value)
        join = True
        while True:
            any_will_do = -math.inf if world.variant.join_any else since
            mine, others = self.flights.board([slot], UNCOUNTED, since=any_will_do, join=join)
            for flight in mine:
                flight.since = since
                yield from self._fill(flight)
            flight = (*mine, *others)[0]
            while flight.answer is None:
                yield 0.002
            assert isinstance(flight.answer, Reading)
            if flight.answer.stale:
                return None
            if flight.stamp >= since or world.variant.join_any:
                return self._value(flight.answer)
            join = False

    def _fill(self, flight: Flight) -> Process:
        """As ``Filling``: Redis, the view, the tables."""
        world, topics = self.world, flight.slot.topics
        yield world.delay()
        copy = world.redis.get(flight.name)
        yield world.delay()
        sent_at = self.ledger.sent_at
        if copy is not None and not self.ledger.refuses_held(
            copy.label.only(topics), topics, since=flight.since, now=world.now
        ):
            flight.stamp = sent_at
            self._land(flight, copy)
            return
        for copied in (True, False):
            sent_at, asked = world.now, self.ledger.known
            yield world.delay(0.002)
            found = world.database.snapshot()
            data = world.view if copied else found
            if world.variant.two_statements and not copied:
                yield world.delay(0.01)
                found = data = Snapshot(data.events, world.database.snapshot().label)
            yield world.delay(0.005, 0.9)
            if self.ledger.elsewhere(found.label):
                yield from self._prove(world.now)
            word = self.ledger.refuses_loaded(
                data.label.only(topics), found.label, topics, copied=copied, sent_at=sent_at, asked=asked
            )
            if not word:
                flight.stamp = sent_at
                yield world.delay()
                world.redis[flight.name] = data
                yield world.delay()
                self._land(flight, data)
                return
        self.flights.land(flight, self._reading(flight, data).flagged("nobody could prove it"))

    def _land(self, flight: Flight, data: Snapshot) -> None:
        now = self.world.now
        entry = Entry(
            self._reading(flight, data),
            soft=now + 60, hard=now + 60, true=math.inf, end=now + 3600,
            proof=flight.proof, label=data.label.only(flight.slot.topics), topics=flight.slot.topics,
        )  # fmt: skip
        self.flights.land(flight, entry.value, entry)

    def _reading(self, flight: Flight, data: Snapshot) -> Reading:
        return flight.reading("memory", data, self.world.now, data.label)

    def _value(self, reading: object) -> Snapshot:
        assert isinstance(reading, Reading) and isinstance(reading.value, Snapshot)
        return reading.value

    def _turn(self) -> float:
        """How long until this thread goes on: a switch of threads may come between any two of its looks."""
        return 0.0 if self.world.chance.random() < 0.8 else self.world.chance.uniform(0, 0.3)


class NoExpiry(Ledger):
    """What was proven once is proven for ever."""

    def _extend(self) -> None:
        self.proof.until = math.inf

    def proven(self, since: float, now: float) -> bool:
        return self.known is not None


class TrustsRedis(Ledger):
    """What lies in Redis is taken for current."""

    def refuses_held(self, label: Label | None, topics: Collection[str], *, since: float, now: float) -> str:
        return ""


class NoRevalidation(Ledger):
    """Memory takes whatever a load brings, whatever a check has told of meanwhile."""

    def keeps(self, label: Label, topics: Collection[str]) -> bool:
        return True


class ComparesAcrossLives(Ledger):
    """Labels of another life or day are compared by their versions alone."""

    def answered(self, check: Check, evict: Callable[..., None]) -> set[str]:
        before = self.known
        label = check.label
        if before is not None:
            label = Label(before.epoch, before.day, label.versions)
            if any(n < before.versions[topic] for topic, n in label.versions.items()):
                self.known = None
        return super().answered(Check(check.sent_at, label, check.day_seconds), evict)


SOUND = Variant("sound")
BROKEN = [
    Variant("no expiry", ledger=NoExpiry),
    Variant("stamp at reply", stamp_at_reply=True),
    Variant("trust Redis", ledger=TrustsRedis),
    Variant("sequence version", sequence=True),
    Variant("label and data from two statements", two_statements=True),
    Variant("no re-validation", ledger=NoRevalidation),
    Variant("compares across lives", ledger=ComparesAcrossLives),
    Variant("looks at the proof last", proof_last=True),
    Variant("joins any load", join_any=True),
]


def schedules(variant: Variant, seeds: range, *, strict: bool = False) -> Iterator[Verdict]:
    """The verdict of one schedule after another."""
    for seed in seeds:
        yield World(seed, variant, strict=strict).run()
