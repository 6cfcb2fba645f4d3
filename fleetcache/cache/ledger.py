"""Freshness by proof: the steps that decide what may be served, without any input or output.

A check asks the primary for its label. It proves that whatever holds at least that label was current when
the check was **sent**, and so may be served to every read that begins no later than ``bound`` seconds
after. Nothing else proves anything: a message may be lost, a copy in Redis may be of any age.

    read begins at t, needs a check sent at or after since = t - bound (strict: since = t)

    memory   served if its label is enough and the check in force was sent at or after since
    Redis    the same; what came is judged when it is there, not when it was asked for
    view     judged by the label of now that the same statement gives: the statement is a check of its own
    tables   current by themselves: their label is the one of now
    then     memory takes what a load gave if its label is still enough; otherwise nobody but those who waited

The simulator of ``tests/freshness`` runs these same steps against a modelled database, one broken at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from fleetcache.cache.proof import Proof
from fleetcache.label import Label

UNPROVEN, LAGS, AHEAD, ELSEWHERE = "unproven", "lags", "ahead", "elsewhere"
Holds = Callable[[Label, Collection[str]], bool]
"""Whether a value with this label, of these topics, is still current."""


@dataclass(frozen=True)
class Check:
    """An answer of the primary: its label, and for how many seconds its day lasts. ``sent_at`` is the
    moment (monotonic seconds) the question was sent: what changed after it may be missing."""

    sent_at: float
    label: Label
    day_seconds: float


class Ledger:
    """What one process knows of the database. ``known`` is the label of the last check; everything in
    memory that has one stands on the one ``proof``, so a hit looks at no label.

    Whoever calls the steps that write does so under the lock under which memory is filled.
    """

    def __init__(self, bound: float) -> None:
        self.bound = bound
        self.known: Label | None = None
        self.proof = Proof()
        self.dirty: str | None = None
        self._sent_at = self._day_ends = -math.inf

    def answered(self, check: Check, evict: Callable[[Holds], None]) -> set[str]:
        """Take note of a check; the topics that changed.

        ``evict`` is called with a test of a label and its topics, and has to void everything in memory
        that does not pass before it returns: only then is the proof put off, so that a reader who sees
        the new deadline sees the eviction as well (it looks at the deadline first).

        Raises Regress, and proves nothing, when the database has fewer changes than it had.
        """
        if check.sent_at <= self._sent_at:
            return set()
        before, known = self.known, check.label
        moved = set(known.versions)
        if before is known:
            moved = set()
        elif before is not None and before.epoch == known.epoch:
            fewer = [topic for topic, n in known.versions.items() if n < before.versions.get(topic, 0)]
            if fewer:
                raise Regress(fewer)
            if before.day == known.day:
                moved = {topic for topic, n in known.versions.items() if n > before.versions.get(topic, -1)}
        self.known = known
        if moved:
            evict(lambda label, topics: label.lacks(known, topics) == "")
        self._sent_at, self._day_ends = check.sent_at, check.sent_at + check.day_seconds
        self._extend()
        return moved

    def _extend(self) -> None:
        self.proof.until = -math.inf if self.dirty else min(self._sent_at + self.bound, self._day_ends)

    def doubt(self, reason: str | None, now: float) -> None:
        """Changes are not all counted (why), so labels prove nothing; None: they are again, and the
        epoch was renewed before ``now``. A check that is under way says nothing of the new one."""
        self.dirty = reason
        self._sent_at = now
        self._day_ends = -math.inf
        self._extend()

    def proven(self, since: float, now: float) -> bool:
        """Whether what is known may be relied on by a read that needs a check sent at or after ``since``."""
        return self.dirty is None and self._sent_at >= since and now < self._day_ends

    @property
    def sent_at(self) -> float:
        """When the last check was sent."""
        return self._sent_at

    def refuses_held(self, label: Label | None, topics: Collection[str], *, since: float, now: float) -> str:
        """Why a value that lay in memory or Redis may not be served as current; empty if it may."""
        if self.known is None or label is None or not self.proven(since, now):
            return UNPROVEN
        return label.lacks(self.known, topics)

    def ahead(self, label: Label | None, topics: Collection[str]) -> bool:
        """Whether a value has changes that no check has told of yet: they are new, or the database has
        lost some since, which a check made now will tell."""
        return label is not None and self.known is not None and _ahead(label, self.known, topics)

    def elsewhere(self, current: Label) -> bool:
        """Whether something was read in another life of the database than the last check."""
        return self.known is not None and self.known.epoch != current.epoch

    def refuses_loaded(
        self,
        label: Label,
        current: Label,
        topics: Collection[str],
        *,
        copied: bool,
        sent_at: float,
        asked: Label | None,
    ) -> str:
        """Why what a layer gave may not be served as current to who waits for it; empty if it may.

        ``current`` is the label of the statement that read it, and ``asked`` what was known when the layer
        was asked, at ``sent_at``: the primary has at least that. When it answers from another life
        (``elsewhere``) a check made after it says which is the present one. A layer that does not count
        gives what was ``copied`` before.
        """
        if self.dirty is not None:
            return UNPROVEN if copied else ""
        if self.elsewhere(current) and self._sent_at >= sent_at:
            return ELSEWHERE
        if asked is not None and _ahead(asked, current, topics):
            return LAGS
        return AHEAD if _ahead(label, current, topics) else label.lacks(current, topics)

    def reaches(self, after: Label) -> bool:
        """Whether a change of somebody's own, seen at ``after``, is in what is known."""
        return self.known is not None and self.known.epoch == after.epoch and not _ahead(after, self.known, after.versions)

    def keeps(self, label: Label, topics: Collection[str]) -> bool:
        """Whether memory may take a value: no check has told of a change that is not in it."""
        return self.dirty is None and self.known is not None and label.lacks(self.known, topics) == ""


def _ahead(one: Label, other: Label, topics: Iterable[str]) -> bool:
    """Whether ``one`` has changes of the same life that ``other`` has not."""
    return one.epoch == other.epoch and any(
        one.versions.get(topic, -1) > other.versions.get(topic, -1) for topic in topics
    )


class Regress(Exception):
    """Topics have fewer changes than were seen before, in the same life of the database."""
