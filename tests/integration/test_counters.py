"""C9: hits and misses in minute buckets that add up, survive, and show gaps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from fleetcache import embedded
from fleetcache.access.roles import Person
from fleetcache.cache.client import connect
from fleetcache.cache.counters import HitCounters
from fleetcache.cache.link import Link
from fleetcache.cache.marks import Mark, Marks
from fleetcache.cache.names import Names
from fleetcache.clock import Clock
from fleetcache.errors import StoreDown
from fleetcache.panels import cache as panel
from fleetcache.runtime import Runtime


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    @property
    def minute(self) -> int:
        return int(self.at // 60)

    def clock(self) -> Clock:
        return Clock(now=lambda: self.at)


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def client(servers: embedded.Servers) -> Iterator[redis.Redis]:
    assert servers.redis_url is not None
    opened = connect(servers.redis_url, connect_seconds=1, command_seconds=1)
    yield opened
    opened.close()


def counters(client: redis.Redis, prefix: str, hand: Hand, name: str) -> HitCounters:
    return HitCounters(Link(client), Names(prefix, "0a"), instance=name, clock=hand.clock())


def test_two_instances_add_up_and_sending_twice_changes_nothing(
    client: redis.Redis, prefix: str, hand: Hand
) -> None:
    first, second = (counters(client, prefix, hand, name) for name in ("one", "two"))
    for each in (first, second):
        each.served("redis", "fleet:stats")
        each.missed("redis", "absent", "fleet:stats")
        each.flush()
        each.flush()
    first.served("redis", "fleet:stats")
    first.served("database", "fleet:stats")
    first.flush()
    minute = second.minutes(hand.minute, hand.minute)[hand.minute]
    assert minute is not None
    assert minute.served == {("redis", "fleet:stats"): 3, ("database", "fleet:stats"): 1}
    assert minute.missed == {("redis", "absent", "fleet:stats"): 2}
    assert minute.hit_rate == 75.0
    assert minute.without_query_rate == 75.0


def test_a_minute_nobody_recorded_is_a_gap_and_a_quiet_one_is_zero(
    client: redis.Redis, prefix: str, hand: Hand
) -> None:
    one = counters(client, prefix, hand, "one")
    start = hand.minute
    one.flush()
    hand.at += 120
    one.served("redis", "k")
    one.flush()
    minutes = one.minutes(start, start + 2)
    assert minutes[start] is not None
    assert minutes[start].reads() == 0  # type: ignore[union-attr]
    assert minutes[start].hit_rate is None  # type: ignore[union-attr]
    assert minutes[start + 1] is None
    assert minutes[start + 2].reads() == 1  # type: ignore[union-attr]
    assert [each.counted is None for each in panel.bins(minutes, 1)] == [False, True, False]
    assert panel.recorded(minutes) == 2


def test_counts_wait_while_redis_is_down_for_two_hours(client: redis.Redis, prefix: str, hand: Hand) -> None:
    one = counters(client, prefix, hand, "one")
    start = hand.minute
    one.served("database", "lost")
    hand.at += 60
    one.served("database", "kept")
    good, one._link = one._link, Link(connect("unix:///nowhere", connect_seconds=0.1, command_seconds=0.1))
    with pytest.raises(StoreDown):
        one.flush()
    hand.at += 120 * 60
    one.served("redis", "now")
    one._link = good
    one.flush()
    minutes = one.minutes(start, hand.minute)
    assert minutes[start] is None, "older than two hours"
    assert minutes[start + 1].served == {("database", "kept"): 1}  # type: ignore[union-attr]
    assert minutes[hand.minute].served == {("redis", "now"): 1}  # type: ignore[union-attr]


def test_a_count_that_comes_late_adds_to_its_minute(client: redis.Redis, prefix: str, hand: Hand) -> None:
    """A clock that steps back over a flush must not start the minute anew."""
    one = counters(client, prefix, hand, "one")
    one.served("redis", "k")
    hand.at += 60
    one.flush()
    hand.at -= 60
    one.served("redis", "k")
    hand.at += 60
    one.flush()
    assert one.minutes(hand.minute - 1, hand.minute)[hand.minute - 1].reads() == 2  # type: ignore[union-attr]


def test_minutes_long_past_are_asked_for_once(client: redis.Redis, prefix: str, hand: Hand) -> None:
    """A day of minutes is two megabytes; every look at the Cache page would fetch it again."""
    one = counters(client, prefix, hand, "one")
    old = hand.minute
    one.served("redis", "k")
    one.flush()
    hand.at += 130 * 60
    assert one.minutes(old, hand.minute)[old].reads() == 1  # type: ignore[union-attr]
    client.delete(Names(prefix, "0a").minute(old))
    one.served("redis", "k")
    one.flush()
    again = one.minutes(old, hand.minute)
    assert again[old].reads() == 1  # type: ignore[union-attr]
    assert again[hand.minute].reads() == 1  # type: ignore[union-attr]


def test_a_bucket_with_garbage_in_it_is_read_around(client: redis.Redis, prefix: str, hand: Hand) -> None:
    one = counters(client, prefix, hand, "one")
    one.served("redis", "k")
    one.flush()
    client.hset(Names(prefix, "0a").minute(hand.minute), "x|served|redis|k", "many")
    client.hset(Names(prefix, "0a").minute(hand.minute), "nonsense", "1")
    assert one.minutes(hand.minute, hand.minute)[hand.minute].reads() == 1  # type: ignore[union-attr]


def test_a_new_life_of_an_instance_does_not_overwrite_the_old(
    client: redis.Redis, prefix: str, hand: Hand
) -> None:
    """A restart within a minute: each life has its own name."""
    for name in ("life-1", "life-2"):
        each = counters(client, prefix, hand, name)
        each.served("redis", "k")
        each.flush()
    assert each.minutes(hand.minute, hand.minute)[hand.minute].reads() == 2  # type: ignore[union-attr]


def test_times_are_measured_within_their_steps(client: redis.Redis, prefix: str, hand: Hand) -> None:
    one = counters(client, prefix, hand, "one")
    for n in range(100):
        one.timed("redis", "hit", 0.001 if n < 94 else 0.1)
    one.timed("redis", "miss", 0.5)
    one.flush()
    minute = one.minutes(hand.minute, hand.minute)[hand.minute]
    assert minute is not None
    assert minute.latency("redis", "hit", 0.5) == pytest.approx(0.001, rel=0.2)
    assert minute.latency("redis", "hit", 0.95) == pytest.approx(0.1, rel=0.2)
    assert minute.latency("redis", "miss", 0.5) == pytest.approx(0.5, rel=0.2)
    assert minute.latency("database", "hit", 0.5) is None


def test_history_survives_a_flush_of_the_cache(runtime: Runtime) -> None:
    """C5: flush takes our values, not our history, not the marks."""
    runtime.cache.read("fleet:stats")
    runtime.counters.flush()
    runtime.marks.add(Mark(runtime.cache.now(), "deploy", runtime.id))
    assert runtime.console(Person("test", "admin")).flush() >= 1
    minute = int(runtime.cache.now() // 60)
    window = panel.total(runtime.counters.minutes(minute - 1, minute))
    assert window.reads() == 1
    kinds = [mark.kind for mark in runtime.marks.since(runtime.cache.now() - 60)]
    assert kinds == ["deploy", "flush"]


def test_reads_of_the_console_and_warming_are_not_counted(runtime: Runtime) -> None:
    runtime.store.flush()
    runtime.console(Person("test", "admin")).warm()
    runtime.cache.read("fleet:stats", counted=False)
    runtime.counters.flush()
    minute = int(runtime.cache.now() // 60)
    window = panel.total(runtime.counters.minutes(minute - 1, minute))
    assert window.reads() == 0
    assert sum(window.loaded.values()) >= 20


def test_marks_are_kept_in_order_and_bad_ones_left_out(client: redis.Redis, prefix: str) -> None:
    marks = Marks(Link(client), Names(prefix, "0a"))
    for at in (30.0, 10.0, 20.0):
        marks.add(Mark(at, "flush", "one"))
    client.zadd(Names(prefix, "0a").marks, {b"garbage": 15.0})
    assert [mark.at for mark in marks.since(15)] == [20.0, 30.0]
