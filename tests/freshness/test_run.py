"""The promise among real faults, in short; the long forms have their own command, ``pytest -m slow``.

No read of any instance that begins more than the bound after a commit returned is given older numbers,
unless they are flagged. The same judge has to convict the protocol that this one replaces.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.freshness.records import Fault, Read, Write
from tests.freshness.run import Plan, run, table
from tests.freshness.stage import House
from tests.freshness.stalls import Stalls
from tests.freshness.verdict import Verdict, judge

SEED = 20


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Servers of their own, for they are killed."""
    with House() as made:
        yield made


def held(plan: Plan, house: House) -> Verdict:
    """Play it; fails when the promise was broken."""
    verdict = run(plan, house)
    assert verdict.broken(most=plan.most) == [], "\n".join(
        [table(verdict), *map(str, verdict.older[:5]), *map(str, verdict.future[:5]), *verdict.after_quiet[:5]]
    )
    return verdict


def test_the_promise_holds_among_faults(house: House) -> None:
    """Three instances, writers of every kind, a fault every 1.4 seconds."""
    verdict = held(Plan(seconds=11, quiet=2, seed=SEED), house)
    assert verdict.reads.total() > 500 and verdict.writes.total() > 20 and len(verdict.faults) > 4, table(verdict)


def test_the_original_protocol_is_convicted(house: House) -> None:
    """Or the judge would see nothing."""
    verdict = run(Plan(seconds=4, quiet=0.5, seed=SEED, control=True), house)
    assert verdict.older and verdict.after_quiet, table(verdict)


@pytest.mark.slow
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(seed=SEED), id="bounded"),
        pytest.param(Plan(seed=SEED, bound_ms=0), id="strict"),
        pytest.param(Plan(seed=SEED, faults=False), id="without-faults"),
        pytest.param(Plan(seed=SEED, faults=False, busy=16), id="beside-busy-threads"),
    ],
)
def test_the_promise_holds_for_long(plan: Plan, house: House) -> None:
    """40 seconds of each kind."""
    held(plan, house)


def read(n: int, begin: float, **more: object) -> Read:
    """A read of a counter that was ``n``, with a bound of a quarter of a second; it took 10 ms."""
    told = {"stale": False, "seen": (("app", n),), "bound": 0.25, **more}
    return Read("one.1", "read", "ref:settings", due=begin, begin=begin, end=begin + 0.01, **told)  # type: ignore[arg-type]


WRITES = [
    Write("app", 1, 10.0, False),
    Write("app", 1, 10.1, True),
    Write("app", 2, 11.0, False),
    Write("app", 2, 11.5, False),
    Write("app", 2, 11.6, True),
]
"""1 was committed between 10.0 and 10.1; 2 was tried twice, and committed at some moment from 11.0 to 11.6."""


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (read(0, 10.34), None),
        (read(0, 10.36), "older"),
        (read(0, 10.11, bound=0.0), "older"),
        (read(0, 10.36, stale=True), None),
        (read(1, 9.98), "future"),
        (read(1, 10.0), None),
        (read(2, 11.0), None),
        (read(1, 11.84), None),
        (read(1, 11.86), "older"),
        (read(1, 11.7, seen=(("app", 1), ("app", 2))), "torn"),
        (read(1, 12.0, seen=(), error="unexpected: boom"), "unexpectedly"),
        (read(1, 12.0, seen=(), error="PostgreSQL did not answer."), None),
    ],
)
def test_the_judge_knows_right_from_wrong(one: Read, words: str | None) -> None:
    """To the millisecond, on either side."""
    stalls = Stalls()
    stalls.stop()
    verdict = judge([one], WRITES, [Fault("a fault", 9.0, 9.5)], standing={"app": 0}, stalls=stalls)
    broken = verdict.broken(most=100)
    assert bool(broken) == (words is not None) and (words is None or words in broken[0])
