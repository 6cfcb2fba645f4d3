"""The level above Redis: values in this process, bounded, with deadlines, read without a lock."""

from __future__ import annotations

import fnmatch
import math
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from fleetcache.cache.proof import Proof
from fleetcache.clock import SYSTEM, Clock
from fleetcache.decoding import convert
from fleetcache.errors import BadPayload
from fleetcache.label import Label

T = TypeVar("T")
_SURE = Proof(math.inf)
LIMIT = 10_000
KEPT_SECONDS = 3600


class Entry:
    """One value; all moments on the monotonic clock, in seconds.

    Up to ``soft`` a hit asks for nothing but the proof, up to ``hard`` it may be served as current,
    up to ``true`` it may be served flagged while a new one is loaded, up to ``end`` when every loader
    fails. ``label`` says which state of the database it is of, in as far as its ``topics`` go; None for
    one that is of none. ``hits`` counts reads.
    """

    __slots__ = ("end", "hard", "hits", "label", "proof", "seen", "soft", "taken", "topics", "true", "value")

    def __init__(
        self,
        value: Any,
        *,
        soft: float,
        hard: float,
        true: float,
        end: float,
        proof: Proof,
        label: Label | None = None,
        topics: frozenset[str] = frozenset(),
    ) -> None:
        self.value = value
        self.label = label
        self.topics = topics
        self.soft, self.hard, self.true, self.end = soft, hard, true, end
        self.proof = proof
        self.hits = 0
        self.taken = 0  # of the hits, those already counted
        self.seen = 0  # the hits when room was last looked for

    def void(self) -> None:
        """No longer current; kept for when nothing better is to be had."""
        self.soft = self.hard = self.true = -math.inf


class Memory:
    """Values under their names; immutable ones, for every reader is handed the same object.

    Reading takes no lock: ``entries`` is a dict whose values are replaced as a whole. When it is
    full the oldest without a recent hit makes room (the CLOCK algorithm of Corbató, 1968).
    """

    def __init__(self, *, limit: int = LIMIT, clock: Clock = SYSTEM) -> None:
        self.entries: OrderedDict[str, Entry] = OrderedDict()
        self._limit = limit
        self._clock = clock
        self._lock = threading.RLock()
        self._gone: list[tuple[str, Entry]] = []
        self._late: list[tuple[str, Entry]] = []
        self._counts: Counter[str] = Counter()

    def put(self, name: str, entry: Entry) -> None:
        """Hold an entry, in place of the one before."""
        with self._lock:
            before = self.entries.pop(name, None)
            if before is not None:
                self._retire(name, before)
                before.void()  # a reader may have just got hold of it, and see the proof put off before it looks
            elif len(self.entries) >= self._limit:
                self._make_room()
            self.entries[name] = entry

    def doubt(self) -> None:
        """Serve nothing that has a label as current."""
        self.evict(lambda label, topics: False)

    def void(self, names: Iterable[str] | None, *, run_out: bool = True) -> None:
        """Serve the values of these names (None: of all) no longer as current; those that have
        ``run_out`` no longer while another is loaded either."""
        with self._lock:
            for name in list(self.entries) if names is None else names:
                entry = self.entries.get(name)
                if entry is not None and (run_out or self._clock.monotonic() < entry.hard):
                    entry.void()

    def evict(self, holds: Callable[[Label, frozenset[str]], bool]) -> None:
        """Serve no longer as current what a check of the database has shown to be old."""
        with self._lock:
            for entry in self.entries.values():
                if entry.label is not None and not holds(entry.label, entry.topics):
                    entry.void()

    def clear(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            for name, entry in self.entries.items():
                entry.void()
                self._retire(name, entry)
            self.entries.clear()

    def put_off(self, entry: Entry) -> None:
        """Ask no reader to have it loaded anew before it is to be."""
        with self._lock:
            entry.soft = entry.hard

    def kept(self, name: str) -> Entry | None:
        """The entry of a name as long as it may be served at all."""
        entry = self.entries.get(name)
        return entry if entry is not None and self._clock.monotonic() < entry.end else None

    def harvest(self) -> Counter[str]:
        """Hits by name since the last harvest."""
        with self._lock:
            for entries in (self._late, self._gone, self.entries.items()):
                self._count(entries)
            self._late, self._gone = self._gone, []
            counts, self._counts = self._counts, Counter()
        return counts

    def __len__(self) -> int:
        return len(self.entries)

    def _count(self, entries: Iterable[tuple[str, Entry]]) -> None:
        for name, entry in entries:
            hits = entry.hits
            if hits > entry.taken:
                self._counts[name] += hits - entry.taken
                entry.taken = hits

    def _retire(self, name: str, entry: Entry) -> None:
        # Counted by the next two harvests: a reader that has just got hold of it still adds its hit.
        if entry.hits != entry.taken or self._clock.monotonic() < entry.proof.until:
            self._gone.append((name, entry))
        if len(self._gone) > 1000:
            self._count(self._gone[:500])
            del self._gone[:500]

    def _make_room(self) -> None:
        for _ in range(len(self.entries)):
            name, entry = next(iter(self.entries.items()))
            if entry.hits == entry.seen or self._clock.monotonic() >= entry.end:
                break
            entry.seen = entry.hits
            self.entries.move_to_end(name)
        name, entry = self.entries.popitem(last=False)
        self._retire(name, entry)
        entry.void()

    # The verbs that every store has, on values that nobody else shares.

    def get(self, name: str, type: type[T]) -> T | None:
        """The value, or None when there is none. Raises BadPayload when it is not a ``type``."""
        entry = self._current(name)
        if entry is None:
            return None
        entry.hits += 1
        try:
            return convert(entry.value, type)
        except msgspec.ValidationError as error:
            raise BadPayload(f"{name} in memory is not what was asked for: {error}.") from error

    def get_many(self, names: Sequence[str], type: type[T]) -> dict[str, T | BadPayload]:
        """The values that are there; one that is not a ``type`` is its error."""
        values: dict[str, T | BadPayload] = {}
        for name in names:
            try:
                if (value := self.get(name, type)) is not None:
                    values[name] = value
            except BadPayload as error:
                values[name] = error
        return values

    def set(self, name: str, value: object, ttl: float) -> None:
        """Keep ``value`` for ``ttl`` seconds."""
        end = self._clock.monotonic() + ttl
        self.put(name, Entry(value, soft=end, hard=end, true=end, end=end, proof=_SURE))

    def set_many(self, values: Mapping[str, tuple[object, float]]) -> None:
        """Keep several values, each with its seconds to live."""
        for name, (value, ttl) in values.items():
            self.set(name, value, ttl)

    def delete(self, *names: str) -> int:
        """Remove values; how many there really were."""
        with self._lock:
            removed = [name for name in dict.fromkeys(names) if self._current(name) is not None]
            for name in names:
                if (entry := self.entries.pop(name, None)) is not None:
                    self._retire(name, entry)
                    entry.void()
            return len(removed)

    def exists(self, name: str) -> bool:
        """Whether a value is there."""
        return self._current(name) is not None

    def ttl(self, name: str) -> float | None:
        """Seconds left, or None when there is no such value."""
        entry = self._current(name)
        return None if entry is None else entry.hard - self._clock.monotonic()

    def expire(self, name: str, ttl: float) -> bool:
        """Let a value end in ``ttl`` seconds; whether there was one."""
        with self._lock:
            entry = self._current(name)
            if entry is None:
                return False
            entry.soft = entry.hard = entry.true = entry.end = self._clock.monotonic() + ttl
            return True

    def increment(self, name: str, by: int = 1, *, ttl: float) -> int:
        """Add to a counter that ends ``ttl`` seconds after its first count; its new value."""
        with self._lock:
            if (entry := self._current(f"counter {name}")) is None:
                self.set(f"counter {name}", by, ttl)
                return by
            entry.value += by
            return int(entry.value)

    def decrement(self, name: str, by: int = 1, *, ttl: float) -> int:
        """Subtract from a counter; its new value."""
        return self.increment(name, -by, ttl=ttl)

    def matching(self, pattern: str = "*") -> list[str]:
        """The names that fit a glob, sorted."""
        glob = re.sub(r"\\([*?[])", r"[\1]", pattern.replace("[^", "[!"))
        fits = re.compile(fnmatch.translate(glob)).match
        names = [name for name in list(self.entries) if fits(name) and self._current(name)]
        return sorted(name for name in names if not name.startswith("counter "))

    def invalidate(self, pattern: str, *, progress: Callable[[int], None] | None = None) -> int:
        """Remove the values that fit a glob; how many there were."""
        removed = self.delete(*self.matching(pattern))
        if progress is not None:
            progress(removed)
        return removed

    def flush(self) -> int:
        """Remove all values; how many there were."""
        return self.invalidate("*")

    def _current(self, name: str) -> Entry | None:
        entry = self.entries.get(name)
        now = self._clock.monotonic()
        # The proof first: whoever puts it off has evicted before.
        return entry if entry is not None and now < entry.proof.until and now < entry.hard else None
