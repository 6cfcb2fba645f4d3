"""The layered cache against a plain model: two processes on one Valkey, on a clock that the test moves.

The model is what a reader may rely on and nothing of how it is done: the version of each key in the
source, and for each process the version that an invalidation it knows of has made the oldest to be
served. What Redis tells of waits in an inbox of each process, and its guard is moved by hand the way a
guard has to be: put off only when everything told before has been heard.
"""

from __future__ import annotations

import math
import secrets
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fleetcache import embedded
from fleetcache.cache.memory import KEPT_SECONDS
from fleetcache.cache.reading import Reading
from fleetcache.clock import Clock
from fleetcache.errors import SourceDown, Unavailable
from tests.cache.engine import Engine, Hand, Source, build, settle

KEYS = ["fleet:a", "ref:b"]
PATTERNS = ["fleet:*", "ref:*", "*", "nothing:*"]
TTL = 60.0
LONGEST = 200.0
TRUST = 0.3
START = 1_700_000_000.0
KEY = st.sampled_from(KEYS)
WHO = st.sampled_from([0, 1])
OPEN = threading.Event()
OPEN.set()


@dataclass
class Process:
    """An engine, and what the model knows of it."""

    engine: Engine
    guard: Hand
    oldest: Counter[str] = field(default_factory=Counter)
    """The version of each key below which this process may serve nothing as current."""
    inbox: list[str] = field(default_factory=list)
    """What Redis told and the process has not heard yet."""
    kept: dict[str, float] = field(default_factory=dict)
    """Since when it has a value of a key that it may show when all else fails."""
    reads: Counter[str] = field(default_factory=Counter)
    flagged: int = 0


class Model(RuleBasedStateMachine):
    """Every rule is one thing that happens; the asserts are in ``read``."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        clock = Clock(now=lambda: self.now, monotonic=lambda: self.now - START + 5000)
        self.source = Source(clock=clock)
        self.version = 1
        self.invalidated: Counter[str] = Counter()
        """The version of each key when an invalidation of it last returned."""
        prefix = f"model-{secrets.token_hex(4)}"
        self.clock, self.raw = clock, redis.Redis.from_url(self.url)
        self.processes = [self._process(prefix) for _ in range(2)]
        self.names = self.processes[0].engine.store.names
        self.slow: tuple[Process, str, Future[Reading]] | None = None
        self.pool = ThreadPoolExecutor(1)
        self.before = self._in_redis()
        for process in self.processes:
            self._prove(process)

    def _process(self, prefix: str) -> Process:
        guard = Hand(-math.inf)
        engine = build(
            self.url, prefix, source=self.source, guard=guard, clock=self.clock, ttl=TTL, keys=KEYS, soft=5, hard=5
        )
        return Process(engine, guard)

    # What the world does.

    @rule(key=KEY)
    def change(self, key: str) -> None:
        """Somebody writes the source, and tells nobody."""
        self.version += 1
        self.source.versions[key] = self.version

    @rule(key=KEY, who=WHO)
    def change_and_invalidate(self, key: str, who: int) -> None:
        """Somebody writes the source and says so, as our own writers do."""
        self.change(key)
        self.invalidate([key], who)

    @rule(keys=st.lists(KEY, max_size=2), who=WHO)
    def invalidate(self, keys: list[str], who: int) -> None:
        there = self._in_redis()
        count = self.processes[who].engine.cache.invalidate(keys)
        assert count == sum(there[key] is not None for key in set(keys))
        self._done(who, keys)

    @rule(pattern=st.sampled_from(PATTERNS), who=WHO)
    def invalidate_matching(self, pattern: str, who: int) -> None:
        fits = [key for key in KEYS if pattern in ("*", f"{key.split(':')[0]}:*")]
        there = self._in_redis()
        cache = self.processes[who].engine.cache
        count = cache.flush() if pattern == "*" else cache.invalidate_matching(pattern)
        assert count == sum(there[key] is not None for key in fits)
        self._done(who, fits)

    @rule(key=KEY)
    def somebody_deletes(self, key: str) -> None:
        """DEL by a foreign client: a change that was not asked for is told all the same."""
        self.raw.delete(self.names.value(key))

    @rule(seconds=st.sampled_from([0.01, TRUST / 2, TRUST, TRUST, 5.0, TTL * 0.95, TTL, LONGEST, KEPT_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        """For the processes by their clock, for Redis by what is left of each key."""
        for process in self.processes:
            process.engine.counters.flush()
        self.now += seconds
        for key in self.raw.scan_iter(f"{self.names.prefix}:c:*"):
            left = int(self.raw.pttl(key)) - int(seconds * 1000)
            if left > 0:
                self.raw.pexpire(key, left)
            else:
                self.raw.delete(key)

    @rule(fails=st.booleans())
    def loader(self, fails: bool) -> None:
        self.source.fault = SourceDown() if fails else None

    @rule(who=WHO, ttl=st.sampled_from([None, 1.0, LONGEST]))
    def override(self, who: int, ttl: float | None) -> None:
        self.processes[who].engine.cache.ttls = {} if ttl is None else dict.fromkeys(KEYS, ttl)

    # What the guards do.

    @rule(who=WHO, share=st.floats(0, 1))
    def some_messages_arrive(self, who: int, share: float) -> None:
        self._hear(self.processes[who], math.ceil(share * len(self.processes[who].inbox)))

    @rule(who=WHO)
    def a_ping_is_answered(self, who: int) -> None:
        """Everything told before has been heard; only then the proof may be put off."""
        self._prove(self.processes[who])

    @rule(who=WHO)
    def the_link_is_lost(self, who: int) -> None:
        """And with it what was under way on it."""
        process = self.processes[who]
        process.inbox.clear()
        process.guard.void()

    # What readers do.

    @rule(who=WHO, key=KEY)
    def read(self, who: int, key: str) -> None:
        process = self.processes[who]
        if not self._would_wait(process, key):
            self._one_read(process, key)

    @rule(key=KEY, times=st.integers(1, 3))
    def both_read(self, key: str, times: int) -> None:
        for who in [0, 1] * times:
            self.read(who, key)
            self.messages_are_sent()

    @rule(who=WHO, key=KEY, by=WHO)
    def read_change_read(self, who: int, key: str, by: int) -> None:
        """What pages and forms do all day."""
        self.read(who, key)
        self.messages_are_sent()
        self.change_and_invalidate(key, by)
        self.messages_are_sent()
        self.read(who, key)

    @rule(who=WHO)
    def read_all(self, who: int) -> None:
        process = self.processes[who]
        if any(self._would_wait(process, key) for key in KEYS):
            return
        oldest = {key: self._oldest(process, key) for key in KEYS}
        answers = process.engine.cache.read_many(KEYS)
        self._settle()
        for key, answer in answers.items():
            self._judge(process, key, answer, oldest[key])

    @precondition(lambda self: self.slow is None and self.source.fault is None)
    @rule(who=WHO, key=KEY)
    def begin_slow_read(self, who: int, key: str) -> None:
        """A load takes its snapshot now and brings it later."""
        process = self.processes[who]
        oldest = self._oldest(process, key)
        settle()
        gate = self.source.hold()
        while self.source.begun.acquire(blocking=False):
            pass
        outcome = self.pool.submit(process.engine.cache.read, key)
        while not outcome.done() and not self.source.begun.acquire(timeout=0.001):
            pass
        self.source.gate = OPEN
        self.slow, self.slow_gate = (process, key, outcome), gate
        self.slow_oldest, self.slow_own = oldest, False
        if outcome.done():
            self.finish_slow_read()

    @precondition(lambda self: self.slow is not None)
    @rule()
    def finish_slow_read(self) -> None:
        if self.slow is None:
            return
        process, key, outcome = self.slow
        self.slow = None
        self.slow_gate.set()
        reading = outcome.result(15)
        settle()
        self._judge(process, key, reading, self.slow_oldest, late=True)

    @precondition(lambda self: self.slow is None and self.source.fault is None)
    @rule(who=WHO, key=KEY, by=WHO, heard=st.booleans())
    def a_load_is_outrun(self, who: int, key: str, by: int, heard: bool) -> None:
        """A load begins, the key changes, the load ends: nobody who reads then may get what it brought."""
        self.somebody_deletes(key)
        self._prove(self.processes[who])
        self.begin_slow_read(who, key)
        self.change_and_invalidate(key, by)
        self.messages_are_sent()
        if heard:
            self._prove(self.processes[who])
        self.finish_slow_read()
        self.messages_are_sent()
        self.both_read(key, 2)

    # How the model follows.

    @invariant()
    def messages_are_sent(self) -> None:
        """Redis tells both processes of every value that is another than before."""
        now = self._in_redis()
        changed = [key for key in KEYS if now[key] != self.before[key]]
        self.before = now
        for process in self.processes:
            process.inbox += changed

    def teardown(self) -> None:
        self.source.fault = None
        self.finish_slow_read()
        settle()
        try:
            reads = sum((process.reads for process in self.processes), Counter())
            first = int(START // 60)
            for process in self.processes:
                process.engine.counters.flush()
            minutes = self.processes[0].engine.counters.minutes(first, int(self.now // 60)).values()
            served: Counter[str] = Counter()
            for minute in minutes:
                for (layer, _), n in (minute.served if minute else Counter()).items():
                    served[layer] += n
            assert served == reads
            assert sum(sum(minute.stale.values()) for minute in minutes if minute) == sum(
                process.flagged for process in self.processes
            )
            assert self.raw.exists(*map(self.names.lease, KEYS)) == 0, "every lease was given back"
            assert [left for process in self.processes for left in process.engine.left()] == []
        finally:
            self.raw.delete(*self.raw.keys(f"{self.names.prefix}:*"))
            for process in self.processes:
                process.engine.close()
            self.raw.close()
            self.pool.shutdown()

    def _in_redis(self) -> dict[str, bytes | None]:
        values: Any = self.raw.mget([self.processes[0].engine.store.names.value(key) for key in KEYS])
        return dict(zip(KEYS, values, strict=True))

    def _done(self, who: int, keys: list[str]) -> None:
        """An invalidation has returned: its own process knows at once."""
        for key in keys:
            self.invalidated[key] = self.source.versions[key]
            self.processes[who].oldest[key] = self.source.versions[key]
        if self.slow is not None and self.slow[1] in keys and self.slow[0] is self.processes[who]:
            self.slow_own = True

    def _hear(self, process: Process, count: int) -> None:
        heard, process.inbox = process.inbox[:count], process.inbox[count:]
        process.engine.cache.heard(heard)
        if not process.inbox:
            process.oldest |= self.invalidated

    def _prove(self, process: Process) -> None:
        self.messages_are_sent()
        self._hear(process, len(process.inbox))
        process.guard.current.until = self.clock.monotonic() + TRUST

    def _oldest(self, process: Process, key: str) -> int:
        """The oldest version that a read which begins now may be given unflagged: that of the last
        invalidation, unless the guard still vouches while its message is on its way."""
        trusted = self.clock.monotonic() < process.guard.current.until
        return max(process.oldest[key], 0 if trusted else self.invalidated[key])

    def _would_wait(self, process: Process, key: str) -> bool:
        """Whether a read would wait for the load that is held."""
        return self.slow is not None and self.slow[1] == key and not (self.slow_own and self.slow[0] is process)

    def _one_read(self, process: Process, key: str) -> None:
        oldest = self._oldest(process, key)
        try:
            answer: Reading | Unavailable = process.engine.cache.read(key)
        except Unavailable as error:
            answer = error
        self._settle()
        self._judge(process, key, answer, oldest)

    def _settle(self) -> None:
        """Let the loads that nobody waits for end, unless one of them is held."""
        if self.slow is None:
            settle()

    def _judge(
        self, process: Process, key: str, answer: Reading | Unavailable, oldest: int, *, late: bool = False
    ) -> None:
        if isinstance(answer, Unavailable):
            process.reads["none"] += 1
            assert self.source.fault is not None, "a loader that works is enough"
            since = process.kept.get(key)
            assert since is None or self.now - since >= KEPT_SECONDS, "there was a value to show"
            return
        process.reads[answer.layer] += 1
        process.flagged += answer.stale
        version = answer.value.version
        assert version <= self.source.versions[key]
        if answer.stale:
            assert answer.reason
            assert self.source.fault is not None, "a loader that works is enough"
            return
        assert version >= oldest, f"{version} from {answer.layer}, at least {oldest}"
        if not late:  # what a load of before brought need not be kept
            assert self.now < answer.computed_at + LONGEST, "not older than any time to live"
            if answer.expires_at is not None:
                assert self.now < answer.expires_at, "not beyond its own"
            if answer.layer != "memory":
                process.kept[key] = self.now


def run(servers: embedded.Servers, examples: int, steps: int, *, slow: bool = False) -> None:
    assert servers.redis_url is not None
    Model.url = servers.redis_url
    run_state_machine_as_test(
        Model,
        settings=settings(
            max_examples=examples,
            derandomize=not slow,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_reader_is_never_given_what_an_invalidation_has_outrun(servers: embedded.Servers) -> None:
    """Nor what has run out - unless it is flagged; and every read is counted once, under the layer it was
    served from."""
    run(servers, 70, 40)


@pytest.mark.slow
def test_the_same_for_long(servers: embedded.Servers) -> None:
    run(servers, 3000, 80, slow=True)
