"""What an administrator wants to know of the cache: how often it helps, and how fast it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleetcache.cache.counters import Minute
from fleetcache.cache.reading import LAYERS

WINDOWS = {"1 h": (60, 1), "6 h": (360, 5), "24 h": (1440, 15)}
"""Name of a window -> its minutes, and the minutes of one of its bins."""


@dataclass(frozen=True)
class Bin:
    """Some minutes taken together: ``start`` in seconds since the epoch, and what was counted;
    None where nobody recorded anything."""

    start: float
    counted: Minute | None


@dataclass(frozen=True)
class LayerTime:
    """Measured times of one layer in seconds, None where none was measured; how many reads of pages
    and the API it served, how many of them with an old value, flagged; and how often it failed."""

    layer: str
    served: int
    stale: int
    failed: int
    hit_p50: float | None
    hit_p95: float | None
    miss_p50: float | None
    miss_p95: float | None


def bins(minutes: Mapping[int, Minute | None], size: int) -> list[Bin]:
    """Minutes in bins of ``size``, aligned to the clock, oldest first."""
    grouped: dict[int, list[Minute | None]] = {}
    for minute, counted in sorted(minutes.items()):
        grouped.setdefault(minute // size, []).append(counted)
    return [Bin(start * size * 60.0, _sum(group)) for start, group in grouped.items()]


def total(minutes: Mapping[int, Minute | None]) -> Minute:
    """Everything counted in a window."""
    return _sum(list(minutes.values())) or Minute()


def recorded(minutes: Mapping[int, Minute | None]) -> int:
    """How many of the minutes somebody recorded."""
    return sum(counted is not None for counted in minutes.values())


def layer_times(window: Minute) -> list[LayerTime]:
    """Times per layer, hits and misses apart."""
    return [
        LayerTime(
            layer,
            window.reads(layer),
            stale(window, layer),
            sum(n for (by, _), n in window.failed.items() if by == layer),
            window.latency(layer, "hit", 0.5),
            window.latency(layer, "hit", 0.95),
            window.latency(layer, "miss", 0.5),
            window.latency(layer, "miss", 0.95),
        )
        for layer in LAYERS
    ]


def stale(window: Minute, layer: str | None = None) -> int:
    """Reads served with an old value, flagged, by one layer or by all."""
    return sum(n for (by, _), n in window.stale.items() if layer in (None, by))


def share(window: Minute, layer: str) -> float | None:
    """Share of reads that one layer served, percent; None without reads."""
    reads = window.reads()
    return 100 * window.reads(layer) / reads if reads else None


def miss_reasons(window: Minute) -> list[tuple[str, str, int]]:
    """(layer, reason, how often), the most frequent first."""
    counts: dict[tuple[str, str], int] = {}
    for (layer, reason, _key), n in window.missed.items():
        counts[layer, reason] = counts.get((layer, reason), 0) + n
    return sorted(((*which, n) for which, n in counts.items()), key=lambda row: -row[2])


def reads_by_key(window: Minute) -> dict[str, dict[str, int]]:
    """Key -> layer -> reads of pages and the API."""
    found: dict[str, dict[str, int]] = {}
    for (layer, key), n in window.served.items():
        found.setdefault(key, {})[layer] = n
    return found


def _sum(group: Sequence[Minute | None]) -> Minute | None:
    known = [counted for counted in group if counted is not None]
    if not known:
        return None
    whole = Minute()
    for counted in known:
        whole.add(counted)
    return whole
