"""The judge: what every read had to show at least, and at most."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.freshness.records import Fault, Read, Write
from tests.freshness.stalls import Stalls

UNEXPECTED = "unexpected: "


@dataclass(frozen=True)
class Wrong:
    """A counter that one unflagged read showed, and should not have: ``by`` how many seconds its promise
    was broken, the number it ``wanted``, and the last fault that had begun before."""

    read: Read
    counter: str
    n: int
    wanted: int
    by: float
    fault: Fault | None

    def __str__(self) -> str:
        read, fault = self.read, self.fault
        before = f"{fault.kind} {fault.detail} {read.begin - fault.at:.3f} s before" if fault else "no fault before"
        return (
            f"{read.key} on {read.instance} by {read.kind} from {read.layer}: {self.counter} is {self.n}, not "
            f"{self.wanted}; begun at {read.begin:.4f}, took {read.end - read.begin:.4f} s, {self.by * 1000:.1f} ms "
            f"beyond the promise; {before}"
        )


class History:
    """What became of one counter."""

    def __init__(self, standing: int) -> None:
        self._first = standing
        self._invoked: list[float] = []
        self._acknowledged: list[float] = []

    def add(self, write: Write) -> None:
        """Take note; a number that was tried several times counts from the first try."""
        moments = self._acknowledged if write.acknowledged else self._invoked
        if write.n == self._first + len(moments) + 1:
            moments.append(write.at)

    def least(self, moment: float) -> int:
        """The number that was acknowledged before this moment."""
        return self._first + bisect_left(self._acknowledged, moment)

    def most(self, moment: float) -> int:
        """The number that may have been committed at this moment."""
        return self._first + bisect_left(self._invoked, moment)

    def acknowledged(self, n: int) -> float:
        """When the commit of a number returned."""
        place = n - self._first - 1
        return self._acknowledged[place] if 0 <= place < len(self._acknowledged) else -math.inf

    def __len__(self) -> int:
        return len(self._acknowledged)


@dataclass
class Verdict:
    """What a run came to."""

    reads: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    layers: Counter[str] = field(default_factory=Counter)
    older: list[Wrong] = field(default_factory=list)
    future: list[Wrong] = field(default_factory=list)
    torn: list[Read] = field(default_factory=list)
    unexpected: list[Read] = field(default_factory=list)
    after_quiet: list[str] = field(default_factory=list)
    flagged_after_quiet: list[str] = field(default_factory=list)
    asked_after_quiet: int = 0
    lost: list[str] = field(default_factory=list)
    writes: Counter[str] = field(default_factory=Counter)
    maybes: int = 0
    faults: list[Fault] = field(default_factory=list)
    late: float = 0.0
    excused: int = 0
    stalls: list[tuple[float, float]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """How much of what was asked got no current number, in percent; while the machine itself stood
        still there is no excuse needed, and none for anything but that."""
        degraded = self.flagged.total() + self.refused.total() - self.excused
        return 100 * degraded / max(1, self.reads.total())

    def shares(self) -> dict[str, float]:
        """The same for each instance."""
        return {
            name: 100 * (self.flagged[name] + self.refused[name]) / count for name, count in self.reads.items()
        }

    def broken(self, *, most: float) -> list[str]:
        """What of the promise did not hold, or was not put to the test."""
        faults = {
            "reads older than the bound": len(self.older),
            "reads from the future": len(self.future),
            "torn reads": len(self.torn),
            "reads that failed unexpectedly": len(self.unexpected),
            "values wrong after quiet": len(self.after_quiet),
            "values flagged after quiet": len(self.flagged_after_quiet),
            "writes lost": len(self.lost),
            "counters that were never written": sum(not count for count in self.writes.values()),
        }
        found = [f"{count} {what}" for what, count in faults.items() if count]
        if self.share > most:
            found.append(f"{self.share:.1f} % of the reads flagged or refused, more than {most:.0f} %")
        return found


def judge(
    reads: Iterable[Read], writes: Iterable[Write], faults: Iterable[Fault], *, standing: Mapping[str, int],
    stalls: Stalls,
) -> Verdict:  # fmt: skip
    """Hold every unflagged read against what had been written."""
    verdict = Verdict(faults=sorted(faults, key=lambda fault: fault.at), stalls=stalls.found)
    histories = {name: History(n) for name, n in standing.items()}
    tries: Counter[tuple[str, int]] = Counter()
    for write in sorted(writes, key=lambda write: write.at):
        histories[write.counter].add(write)
        if not write.acknowledged:
            tries[write.counter, write.n] += 1
    verdict.writes = Counter({name: len(history) for name, history in histories.items()})
    verdict.maybes = sum(count - 1 for count in tries.values())
    for read in reads:
        name = read.instance.partition(".")[0]
        verdict.reads[name] += 1
        verdict.late = max(verdict.late, read.begin - read.due)
        if (read.stale or read.error is not None) and stalls.during(read.begin, read.end):
            verdict.excused += 1
        if read.error is not None:
            verdict.refused[name] += 1
            if read.error.startswith(UNEXPECTED):
                verdict.unexpected.append(read)
        elif read.stale:
            verdict.flagged[name] += 1
        else:
            verdict.layers[read.layer] += 1
            _weigh(read, histories, verdict)
    return verdict


def _weigh(read: Read, histories: Mapping[str, History], verdict: Verdict) -> None:
    found: dict[str, set[int]] = defaultdict(set)
    for counter, n in read.seen:
        found[counter].add(n)
        history = histories[counter]
        least, most = history.least(read.begin - read.bound), history.most(read.end)
        if n < least:
            by = read.begin - read.bound - history.acknowledged(n + 1)
            verdict.older.append(Wrong(read, counter, n, least, by, _before(read, verdict.faults)))
        elif n > most:
            verdict.future.append(Wrong(read, counter, n, most, 0.0, _before(read, verdict.faults)))
    if any(len(numbers) > 1 for numbers in found.values()):
        verdict.torn.append(read)


def _before(read: Read, faults: list[Fault]) -> Fault | None:
    return max((fault for fault in faults if fault.at <= read.end), key=lambda fault: fault.at, default=None)


def settle(
    verdict: Verdict, finals: Mapping[str, Mapping[str, Any]], truth: Mapping[str, Any], *,
    writes: Iterable[Write], standing: Mapping[str, int],
) -> None:  # fmt: skip
    """Hold what was served after the quiet against the tables, and them against what was acknowledged."""
    for name, found in finals.items():
        for key, one in found.items():
            verdict.asked_after_quiet += 1
            if one["stale"] or one["error"] is not None:
                verdict.flagged_after_quiet.append(f"{key} on {name}: {one['error'] or 'stale'}")
            elif one["value"] != truth[key]:
                verdict.after_quiet.append(f"{key} on {name}")
    acknowledged: Counter[str] = Counter()
    for write in writes:
        if write.acknowledged:
            acknowledged[write.counter] = max(acknowledged[write.counter], write.n)
    for counter, n in acknowledged.items():
        if standing[counter] < n:
            verdict.lost.append(f"{counter} is {standing[counter]}, {n} was acknowledged")
