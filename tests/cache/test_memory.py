"""The level above Redis: bounded, exact in what it counts, shared but never written to: C1, C9."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from fleetcache.cache.memory import Entry, Memory
from fleetcache.cache.proof import Proof
from fleetcache.clock import Clock
from tests.cache.engine import Doc

SURE = Proof(math.inf)


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.clock = Clock(now=lambda: self.seconds, monotonic=lambda: self.seconds)


def entry(value: object = 1, *, hard: float = math.inf, end: float = math.inf, proof: Proof = SURE) -> Entry:
    return Entry(value, soft=hard, hard=hard, true=hard, end=end, proof=proof)


def test_it_never_holds_more_than_its_limit() -> None:
    memory = Memory(limit=100)
    for number in range(1000):
        memory.put(f"k{number}", entry(number))
        assert len(memory) <= 100
    assert len(memory) == 100


def test_what_is_read_stays_and_what_is_not_makes_room() -> None:
    """CLOCK: ten hot keys outlive a scan over thousands of cold ones."""
    memory = Memory(limit=100)
    hot = [f"hot{number}" for number in range(10)]
    for name in hot:
        memory.set(name, 1, 1000)
    for number in range(5000):
        memory.set(f"cold{number}", number, 1000)
        if number % 20 == 0:
            assert [memory.get(name, int) for name in hot] == [1] * 10
    assert all(memory.exists(name) for name in hot)


def test_what_was_hot_once_does_not_stay_for_ever() -> None:
    memory = Memory(limit=10)
    memory.set("once", 1, 1000)
    for _ in range(1000):
        memory.get("once", int)
    for number in range(30):
        memory.set(f"cold{number}", number, 1000)
    assert not memory.exists("once")


def test_when_all_are_hot_one_still_goes() -> None:
    memory = Memory(limit=10)
    for number in range(50):
        memory.set(f"k{number}", number, 1000)
        for name in list(memory.entries):
            memory.get(name, int)
        assert len(memory) <= 10
    assert memory.exists("k49"), "the newest is never the one that goes"


def test_what_has_ended_goes_however_hot_it_was() -> None:
    watch = Watch()
    memory = Memory(limit=2, clock=watch.clock)
    memory.set("ended", 1, 10)
    memory.set("current", 2, 1000)
    memory.get("ended", int)
    memory.get("current", int)
    watch.seconds += 20
    memory.set("new", 3, 1000)
    assert set(memory.entries) == {"current", "new"}


def test_making_room_in_a_full_memory_does_not_look_at_all_of_it() -> None:
    """A put into a full memory costs about what any other costs."""

    def seconds(memory: Memory, prefix: str) -> float:
        began = time.perf_counter()
        for number in range(5000):
            memory.set(f"{prefix}{number}", number, 1000)
        return time.perf_counter() - began

    empty, full = Memory(limit=10_000), Memory(limit=10_000)
    seconds(full, "a")
    seconds(full, "b")
    # The best of several, for somebody else may have the processor in any one of them.
    assert min(seconds(full, f"c{turn}-") for turn in range(5)) < 20 * seconds(empty, "c")


def test_hits_add_up_exactly_under_replacement_and_eviction() -> None:
    """Eight threads read as the cache reads, while one replaces what they read, and harvests."""
    memory = Memory(limit=20)
    over = threading.Event()
    names = [f"k{number}" for number in range(30)]
    harvested: Counter[str] = Counter()

    def read() -> Counter[str]:
        mine: Counter[str] = Counter()
        while not over.is_set():
            for name in names:
                found = memory.entries.get(name)
                if found is not None:
                    found.hits += 1
                    mine[name] += 1
        return mine

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(8)]
        for _ in range(4):
            for _ in range(4):
                for name in names:
                    memory.put(name, entry())
                memory.delete(*names[-3:])
                over.wait(0.06)  # whoever got hold of an entry counts within two harvests, also on a busy machine
            harvested.update(memory.harvest())
        over.set()
        done = sum((reader.result(15) for reader in readers), Counter())
    harvested.update(memory.harvest())
    assert sum(done.values()) > 1000
    assert harvested == done
    assert memory.harvest() == Counter()


def test_a_hit_that_comes_after_the_harvest_is_not_lost() -> None:
    """A reader got hold of an entry, then it was replaced and harvested, then the reader counted."""
    memory = Memory()
    held = entry()
    memory.put("a", held)
    memory.put("a", entry())
    assert memory.harvest() == {}
    held.hits += 1
    assert memory.harvest() == {"a": 1}
    assert memory.harvest() == {}


def test_what_is_gone_is_not_remembered_for_ever() -> None:
    """Thousands of replacements between two harvests keep their counts and not their values."""
    memory = Memory()
    for _ in range(10_000):
        one = entry()
        memory.put("a", one)
        one.hits += 1
    assert len(memory._gone) <= 1001
    assert memory.harvest() == {"a": 10_000}


def test_every_reader_is_handed_the_same_object() -> None:
    """No copy on a hit; a frozen value cannot be written to."""
    memory = Memory()
    doc = Doc(1)
    memory.set("a", doc, 10)
    assert memory.get("a", Doc) is doc
    with pytest.raises(AttributeError):
        doc.version = 2  # type: ignore[misc]
    assert msgspec.structs.replace(doc, version=2) is not memory.get("a", Doc)


def test_what_is_void_is_kept_and_not_served() -> None:
    watch = Watch()
    memory = Memory(clock=watch.clock)
    for name in ("a", "b"):
        memory.put(name, entry(name, hard=watch.seconds + 10, end=watch.seconds + 100))
    memory.void(["a", "unknown"])
    assert memory.get("a", str) is None
    assert not memory.exists("a")
    assert memory.get("b", str) == "b"
    kept = memory.kept("a")
    assert kept is not None
    assert kept.value == "a"
    memory.void(None)
    assert memory.get("b", str) is None
    watch.seconds += 100
    assert memory.kept("a") is None
    assert memory.kept("b") is None
    assert memory.kept("unknown") is None


def test_nothing_is_served_beyond_its_proof() -> None:
    """A voided proof takes everything that stands on it, and an extension brings it back only then."""
    watch = Watch()
    memory = Memory(clock=watch.clock)
    proof = Proof(watch.seconds + 5)
    memory.put("a", entry(proof=proof))
    assert memory.exists("a")
    watch.seconds += 5
    assert not memory.exists("a")
    proof.until += 5
    assert memory.exists("a")


def test_put_off_does_not_bring_back_what_is_void() -> None:
    """Asking for a load ahead and hearing of a change at the same moment: the change wins."""
    memory = Memory()
    for _ in range(2000):
        one = entry(hard=1e12)
        one.soft = 0
        memory.put("a", one)
        with ThreadPoolExecutor(2) as pool:
            pool.submit(memory.put_off, one)
            pool.submit(memory.void, ["a"])
        assert one.soft < 0
        assert one.hard < 0
