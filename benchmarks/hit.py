"""What a hit costs: in memory, and on Redis."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.caches import Contestant, Place
from benchmarks.document import plain
from benchmarks.measure import Table, median, percentile, times, turns, us
from benchmarks.ours import OURS, OURS_ON_REDIS
from benchmarks.peers import MEMORY, REDIS
from benchmarks.server import Valkey

SLICE_NS = 10_000_000
COLUMNS = ("contestant", "p50 us", "p95 us", "ratio", "a hit gives")
TEXT = (
    "One thread, one key, a JSON document of 4 KB. Contestants take turns in slices of about 10 ms; "
    "p50 and p95 are over the slices, the ratio is the median of the rounds' own ratios to **{base}**. "
    "Asyncio peers run inside one event loop and are timed per awaited call."
)


def run(quick: bool) -> list[Table]:
    """Both tables."""
    with Valkey() as server:
        place = Place(server.port, ttl=3600)
        memory = [*OURS, *MEMORY]
        base = (*OURS, MEMORY[1])[0]
        on_redis = [*REDIS[:2], *OURS_ON_REDIS, *REDIS[2:]]
        return [
            _table("Memory hit", memory, base, place, 10 if quick else 150),
            _table("Redis hit", on_redis, REDIS[0], place, 10 if quick else 150),
        ]


def _table(
    title: str, contestants: Sequence[Contestant], base: Contestant, place: Place, rounds: int
) -> Table:
    caches = {each.name: each.build(place, plain) for each in contestants}
    sizes: dict[str, int] = {}
    for name, cache in caches.items():
        key = f"hit:{name}"
        cache.spin(key, 20)
        sizes[name] = max(1, 20 * SLICE_NS // cache.spin(key, 20))
    slices: dict[str, list[float]] = {name: [] for name in caches}
    for contestant in turns(contestants, rounds, title):
        name = contestant.name
        slices[name].append(caches[name].spin(f"hit:{name}", sizes[name]) / sizes[name])
    for cache in caches.values():
        cache.close()
    rows = [
        (
            each.name,
            us(median(slices[each.name])),
            us(percentile(slices[each.name], 0.95)),
            times(median([a / b for a, b in zip(slices[each.name], slices[base.name], strict=True)])),
            each.gives,
        )
        for each in contestants
    ]
    return Table(title, TEXT.format(base=base.name), COLUMNS, rows)
