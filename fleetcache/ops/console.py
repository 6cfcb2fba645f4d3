"""What an administrator can do to the cache. Every action leaves an audit row, also when it is
refused or fails; where the row cannot be written nothing is done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.marks import Mark, Marks
from fleetcache.cache.store import Held
from fleetcache.cache.warming import Progress
from fleetcache.catalogue import checked_pattern, entry
from fleetcache.errors import StoreDown, Unavailable
from fleetcache.freshness import refresher
from fleetcache.source import audit
from fleetcache.source.database import Database

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Warmed:
    """How many keys were loaded, and which could not be."""

    loaded: int
    failures: tuple[Unavailable, ...]


class Console:
    """The actions of one person (``actor``) on one instance."""

    def __init__(
        self, database: Database, cache: LayeredCache, marks: Marks, *, actor: str, instance: str
    ) -> None:
        self._database = database
        self._cache = cache
        self._marks = marks
        self._actor = actor
        self._instance = instance

    def preview(self, keys: Sequence[str] = (), pattern: str | None = None) -> list[Held]:
        """What ``invalidate`` would remove. Raises UnknownKey, BadPattern, StoreDown."""
        names = {entry(key).name for key in keys}
        wanted: set[str] = set()
        if pattern is not None:
            wanted = set(self._cache.store.matching(checked_pattern(pattern)))
        return [
            row
            for row in self._cache.store.held()
            if row.name in wanted or (row.current and row.name in names)
        ]

    def invalidate(
        self,
        keys: Sequence[str] = (),
        pattern: str | None = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Remove the values of keys and of a pattern; how many there really were. ``progress`` is told
        now and then how many of the pattern are gone.

        Raises UnknownKey and BadPattern before anything is removed, StoreDown.
        """

        def do() -> int:
            names = [entry(key).name for key in keys]
            if pattern is not None:
                checked_pattern(pattern)
            removed = self._cache.invalidate(names)
            if pattern:
                removed += self._cache.invalidate_matching(pattern, progress=progress)
            return removed

        subject = " ".join([*keys, *([pattern] if pattern else [])]) or "nothing"
        return self._audited("invalidate", subject, do, affected=lambda n: n)

    def refresh(self) -> refresher.Renewed:
        """Refresh the view, then drop what the old one gave. Raises SourceDown, NotMigrated."""
        return self._audited(
            "refresh", "view", lambda: refresher.refresh(self._database, self._cache)
        )

    def warm(self, *, progress: Callable[[Progress], None] | None = None) -> Warmed:
        """Load every key, dearest first. Raises Busy, StoreDown."""

        def do() -> Warmed:
            failures = refresher.warm(self._cache, progress=progress)
            return Warmed(len(self._cache.slots) - len(failures), tuple(failures))

        return self._audited("warm", "all keys", do, affected=lambda warmed: warmed.loaded)

    def flush(self, *, progress: Callable[[int], None] | None = None) -> int:
        """Refresh the view and, if that worked, remove all our values; how many there were.

        Raises SourceDown or NotMigrated with nothing removed, StoreDown.
        """

        def do() -> int:
            self._cache.store.exists("ref:settings")  # Redis down: say so before the refresh
            dropped = refresher.refresh(self._database, self._cache).dropped
            return dropped + self._cache.flush(progress=progress)

        return self._audited("flush", "all keys", do, affected=lambda n: n)

    def _audited(
        self,
        action: str,
        subject: str,
        do: Callable[[], T],
        *,
        affected: Callable[[T], int] | None = None,
    ) -> T:
        with audit.audited(
            self._database, actor=self._actor, action=action, subject=subject, instance=self._instance
        ) as deed:
            done = do()
            deed.affected = affected(done) if affected else None
        self._mark(action, subject)
        return done

    def _mark(self, action: str, subject: str) -> None:
        at = self._cache.now()
        try:
            self._marks.add(Mark(at, action, self._instance, subject))
        except StoreDown as error:
            log.info("mark %s not kept: %s", action, error)
