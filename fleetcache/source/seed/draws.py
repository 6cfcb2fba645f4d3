"""Random draws that stay the same in every process and with every library version."""

from __future__ import annotations

from statistics import NormalDist
from zlib import crc32

import numpy as np

from .days import Flags, Floats, Ints

_MASK = (1 << 64) - 1


class Draws:
    """One named stream of numbers.

    numpy promises a stable stream for bit generators (PCG64) and SeedSequence, but not for
    the methods of Generator; so only raw 64-bit words are taken, and every transform is here.
    A stream per purpose keeps one part of the airline unchanged when another is edited.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        key = np.random.SeedSequence([seed & _MASK, crc32(purpose.encode())])
        self._bits = np.random.PCG64(key)

    def uniform(self, count: int) -> Floats:
        """``count`` numbers in [0, 1)."""
        raw = np.asarray(self._bits.random_raw(count), dtype=np.uint64)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, limit: Ints | int, count: int) -> Ints:
        """``count`` whole numbers in [0, limit)."""
        return np.floor(self.uniform(count) * limit).astype(np.int64)

    def between(self, low: Ints | int, high: Ints | int, count: int) -> Ints:
        """``count`` whole numbers in [low, high]."""
        span = np.asarray(high) - np.asarray(low) + 1
        return np.asarray(low + np.floor(self.uniform(count) * span)).astype(np.int64)

    def order(self, count: int) -> Ints:
        """The numbers 0 .. count-1, shuffled."""
        return np.argsort(self.uniform(count), kind="stable").astype(np.int64)

    def some(self, count: int, chosen: int) -> Flags:
        """``count`` flags of which exactly ``chosen`` are set."""
        flags = np.zeros(count, dtype=np.bool_)
        flags[self.order(count)[:chosen]] = True
        return flags

    def weighted(self, weights: Floats, chosen: int) -> Ints:
        """Indices of ``chosen`` items drawn without replacement, by weight (0 = never)."""
        keys = np.log(self.uniform(len(weights)) + 2.0**-54) / np.maximum(weights, 1e-12)
        keys[weights <= 0] = -np.inf
        return np.argsort(-keys, kind="stable")[:chosen].astype(np.int64)

    def shared_out(self, shares: dict[str, float], count: int) -> list[str]:
        """``count`` labels, shuffled, each as often as its share says (largest remainder)."""
        total = sum(shares.values())
        exact = {label: count * share / total for label, share in shares.items()}
        whole = {label: int(number) for label, number in exact.items()}
        rest = sorted(shares, key=lambda label: whole[label] - exact[label])
        for label in rest[: count - sum(whole.values())]:
            whole[label] += 1
        labels = [label for label in shares for _ in range(whole[label])]
        return [labels[i] for i in self.order(count).tolist()]

    def truncated_normal(
        self, count: int, *, mean: float, deviation: float, low: float, high: float
    ) -> Floats:
        """``count`` values spread evenly over the quantiles of a truncated normal, shuffled."""
        curve = NormalDist(mean, deviation)
        bottom, top = curve.cdf(low), curve.cdf(high)
        quantiles = bottom + (top - bottom) * (np.arange(count) + self.uniform(count)) / count
        values = np.array([curve.inv_cdf(q) for q in quantiles.tolist()], dtype=np.float64)
        return values[self.order(count)]
