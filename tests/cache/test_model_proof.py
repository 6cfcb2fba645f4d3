"""Keys that are proven by labels against a plain model: two processes on one Valkey, on a clock that the test moves.

The model is the history of the database and nothing of how it is served: at which moment which epoch, day and
versions began. A read may be given, unflagged, only what was current at some moment from ``bound`` before it
began, or from its beginning if it is strict. Nobody is told of any change.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ClassVar

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from fleetcache import embedded
from fleetcache.cache.layer import Layer
from fleetcache.cache.layered import BOUND_SECONDS
from fleetcache.cache.reading import VIEW, Reading
from fleetcache.cache.single import Made
from fleetcache.clock import Clock
from fleetcache.errors import SourceDown, Unavailable, ViewUnusable
from fleetcache.label import Label
from tests.cache.engine import Engine, Facts, Hand, Prover, build, settle

KEYS = ["fleet:a", "ref:b"]
TTL, DAY = 60.0, 1000.0
START = 1_700_000_500.0
TICK = 0.001
KEY, WHO = st.sampled_from(KEYS), st.sampled_from([0, 1])
OPEN = threading.Event()
OPEN.set()


class View:
    """A copy of what the database was when it was refreshed, read together with the label of now."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.broken = False
        self.refresh()

    def refresh(self) -> None:
        """Copy what is now."""
        self._rows = {name: self._facts._made(name) for name in KEYS}

    def load(self, names: Sequence[str]) -> dict[str, Made]:
        """The layer's loader."""
        if self.broken or self._facts.fault is not None:
            raise ViewUnusable("It is broken.")
        now = self._facts.label
        return {
            name: Made(self._rows[name].value, self._rows[name].computed_at, self._rows[name].label, now)
            for name in names
        }


class Model(RuleBasedStateMachine):
    """Every rule is one thing that happens; the asserts are in ``_judge``."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.clock = Clock(now=lambda: self.now, monotonic=lambda: self.now - START + 5000)
        self.facts = Facts(clock=self.clock, keys=KEYS, day_seconds=DAY)
        self.history: list[tuple[float, Label]] = []
        self.labels: dict[str, Label] = {}
        self._note()
        self.view = View(self.facts)
        self.raw = redis.Redis.from_url(self.url)
        prefix = f"proof-{secrets.token_hex(4)}"
        self.provers = [Prover(self.facts) for _ in range(2)]
        self.engines = [self._engine(prefix, prover) for prover in self.provers]
        self.names = self.engines[0].store.names
        self.pool = ThreadPoolExecutor(1)
        self.slow: tuple[int, str, float, Future[Reading]] | None = None
        self.reads: Counter[str] = Counter()

    def _engine(self, prefix: str, prover: Prover) -> Engine:
        engine = build(
            self.url, prefix, source=self.facts, guard=Hand(), prover=prover, clock=self.clock,
            ttl=TTL, keys=KEYS, soft=5, hard=5,
        )  # fmt: skip
        engine.cache._layers = [Layer(VIEW, "view", self.view.load, copied=True), *engine.cache._layers]
        return engine

    # What the world does. Every rule takes a moment: no two checks are sent at the same one.

    def _tick(self) -> None:
        self._pass(TICK)

    def _pass(self, seconds: float) -> None:
        before, self.now = self.now, self.now + seconds
        if before // DAY != self.now // DAY:
            self._note(at=self.now // DAY * DAY)

    def _note(self, at: float | None = None) -> None:
        label = self.facts.label
        self.history.append((self.now if at is None else at, label))
        self.labels[label.token()] = label

    @rule(key=KEY)
    def change(self, key: str) -> None:
        """Somebody writes the database."""
        self._tick()
        self.facts.change(key)
        self._note()
        self._tick()

    @rule()
    def another_database(self) -> None:
        """It is restored: another epoch, with other numbers of changes."""
        self._tick()
        self.facts.epoch = f"e{len(self.history)}"
        for key in KEYS:
            self.facts.versions[key] = 1
        self._note()
        self._tick()

    @rule()
    def refresh_view(self) -> None:
        self._tick()
        self.view.refresh()

    @rule(broken=st.booleans())
    def view_breaks(self, broken: bool) -> None:
        self.view.broken = broken

    @rule(fails=st.booleans())
    def loader(self, fails: bool) -> None:
        self.facts.fault = SourceDown() if fails else None

    @rule(who=WHO, fails=st.booleans())
    def checks(self, who: int, fails: bool) -> None:
        self.provers[who].fault = "it does not answer" if fails else None

    @rule(who=WHO)
    def a_check(self, who: int) -> None:
        """As the poller has them made, whoever reads."""
        self._tick()
        self.provers[who].prove(self.clock.monotonic())

    @rule(seconds=st.sampled_from([BOUND_SECONDS / 2, BOUND_SECONDS, 5.0, TTL * 0.95, TTL, DAY, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        """For the processes by their clock, for Redis by what is left of each key."""
        self._pass(seconds)
        for key in self.raw.scan_iter(f"{self.names.prefix}:c:*"):
            left = int(self.raw.pttl(key)) - int(seconds * 1000)
            if left > 0:
                self.raw.pexpire(key, left)
            else:
                self.raw.delete(key)

    @rule(key=KEY)
    def somebody_deletes(self, key: str) -> None:
        self.raw.delete(self.names.value(key))

    @rule(who=WHO, keys=st.lists(KEY, max_size=2))
    def invalidate(self, who: int, keys: list[str]) -> None:
        """No more than a hint."""
        self.engines[who].cache.invalidate(keys)

    @rule(who=WHO, key=KEY)
    def hear(self, who: int, key: str) -> None:
        self.engines[who].cache.heard([key])

    # What readers do.

    @rule(who=WHO, key=KEY, strict=st.booleans())
    def read(self, who: int, key: str, strict: bool) -> None:
        if self.slow is not None:
            return
        self._tick()
        began, cache = self.clock.monotonic(), self.engines[who].cache
        try:
            answer: Reading | Unavailable = cache.read_strict(key) if strict else cache.read(key)
        except Unavailable as error:
            answer = error
        settle()
        self._judge(who, key, answer, began - (0 if strict else BOUND_SECONDS))

    @rule(who=WHO, key=KEY)
    def read_change_read(self, who: int, key: str) -> None:
        """What pages and forms do all day."""
        self.read(who, key, False)
        self.change(key)
        for strict in (True, False):
            self.read(who, key, strict)
        self.time_passes(BOUND_SECONDS)
        for each in (0, 1):
            self.read(each, key, False)

    @rule(who=WHO, key=KEY)
    def midnight_comes(self, who: int, key: str) -> None:
        """What was proven a moment before it is of another day a moment after it."""
        self._pass((self.now // DAY + 1) * DAY - self.now - BOUND_SECONDS / 4)
        self.read(who, key, False)
        self.read(who, key, False)
        self._pass(BOUND_SECONDS / 2)
        self.read(who, key, False)

    @precondition(lambda self: self.slow is None and self.facts.fault is None)
    @rule(who=WHO, key=KEY)
    def begin_slow_read(self, who: int, key: str) -> None:
        """A load takes its snapshot now and brings it later."""
        self._tick()
        began = self.clock.monotonic()
        gate = self.facts.hold()
        while self.facts.begun.acquire(blocking=False):
            pass
        outcome = self.pool.submit(self.engines[who].cache.read, key)
        while not outcome.done() and not self.facts.begun.acquire(timeout=0.001):
            pass
        self.facts.gate = OPEN
        self.slow, self.slow_gate = (who, key, began, outcome), gate
        if outcome.done():
            self.finish_slow_read()

    @precondition(lambda self: self.slow is not None)
    @rule()
    def finish_slow_read(self) -> None:
        if self.slow is None:
            return
        who, key, began, outcome = self.slow
        self.slow = None
        self.slow_gate.set()
        reading = outcome.result(15)
        settle()
        self._judge(who, key, reading, began - BOUND_SECONDS, late=True)

    @precondition(lambda self: self.slow is None and self.facts.fault is None)
    @rule(who=WHO, key=KEY)
    def a_load_is_outrun(self, who: int, key: str) -> None:
        """A load begins, the database changes, a check tells of it, the load ends: what it brought is for
        those who waited and for nobody else."""
        self.change(key)  # so that neither memory nor Redis nor the view has it
        self._pass(2 * BOUND_SECONDS)
        self.begin_slow_read(who, key)
        self.change(key)
        self._pass(2 * BOUND_SECONDS)
        self.a_check(who)
        self.finish_slow_read()
        self.read(who, key, False)

    def teardown(self) -> None:
        self.facts.fault = None
        self.finish_slow_read()
        settle()
        try:
            assert self.raw.exists(*map(self.names.lease, KEYS)) == 0, "every lease was given back"
            assert [left for engine in self.engines for left in engine.left()] == []
        finally:
            if keys := self.raw.keys(f"{self.names.prefix}:*"):
                self.raw.delete(*keys)
            for engine in self.engines:
                engine.close()
            self.raw.close()
            self.pool.shutdown()

    def _judge(self, who: int, key: str, answer: Reading | Unavailable, since: float, *, late: bool = False) -> None:
        working = self.facts.fault is None
        if isinstance(answer, Unavailable):
            assert not working, "a loader that works is enough"
            return
        self.reads[answer.layer] += 1
        assert answer.version is not None
        label = self.labels[answer.version]
        assert answer.value.version == label.versions[key], "the label is that of the value"
        if answer.stale:
            assert answer.reason
            assert late or not working or self.provers[who].fault, "a loader and checks that work are enough"
            return
        ends = [at for at, _ in self.history[1:]] + [float("inf")]
        moment = since + START - 5000
        current = [one for (_, one), end in zip(self.history, ends, strict=True) if end > moment]
        assert any(label.lacks(one, {key}) == "" and one.lacks(label, {key}) == "" for one in current), (
            f"{label} from {answer.layer} was current before {moment}: {current}"
        )


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


def test_nothing_is_served_as_current_that_is_older_than_the_bound(servers: embedded.Servers) -> None:
    """Whatever changes, restores, midnights and faults of checks, loaders, view and Redis come together."""
    run(servers, 60, 40)


@pytest.mark.slow
def test_the_same_for_long(servers: embedded.Servers) -> None:
    run(servers, 3000, 80, slow=True)
