"""What an administrator can do to the cache. Every action leaves an audit row, also when it is
refused or fails; where the row cannot be written nothing is done."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fleetcache.access.roles import Person, Right
from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.marks import Mark, Marks
from fleetcache.cache.store import Held
from fleetcache.cache.warming import Progress
from fleetcache.catalogue import checked_pattern, entry
from fleetcache.errors import FleetcacheError, StoreDown, Unavailable
from fleetcache.freshness import refresher
from fleetcache.ops.preview import Preview, preview
from fleetcache.ops.preview import expect as expected
from fleetcache.source import audit, view
from fleetcache.source.audit import By, written
from fleetcache.source.database import Database

log = logging.getLogger(__name__)
T = TypeVar("T")
_GLOB = re.compile(r"[][*?\\^-]")


@dataclass(frozen=True)
class Warmed:
    """How many keys were loaded, and which could not be."""

    loaded: int
    failures: tuple[Unavailable, ...]


class Console:
    """The actions of one ``person`` on one instance."""

    def __init__(
        self, database: Database, cache: LayeredCache, marks: Marks, *, person: Person, instance: str
    ) -> None:
        self._database = database
        self._cache = cache
        self._marks = marks
        self._person = person
        self._instance = instance
        self._by = By(person.name, person.role, person.origin, instance)

    def preview(self, keys: Sequence[str] = (), pattern: str | None = None) -> Preview:
        """What ``invalidate`` would remove. Raises Forbidden, UnknownKey, BadPattern, StoreDown."""
        self._person.must("cache.change")
        return preview(self._cache, self._fitting(keys, pattern))

    def preview_flush(self) -> Preview:
        """What ``flush`` would remove. Raises Forbidden, StoreDown."""
        self._person.must("cache.change")
        return preview(self._cache, self._cache.store.held())

    def invalidate(
        self,
        keys: Sequence[str] = (),
        pattern: str | None = None,
        *,
        expect: str | None = None,
        admit: Callable[[], None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Remove the values of keys and of a pattern; how many there really were. ``expect`` is the stamp of
        the preview that was decided on; ``admit`` is called before anything is removed, and may raise;
        ``progress`` is told now and then how many of the pattern are gone.

        Raises UnknownKey, BadPattern and Conflict before anything is removed, StoreDown.
        """

        def do() -> int:
            names = [entry(key).name for key in keys]
            if pattern is not None:
                checked_pattern(pattern)
            shown = None if expect is None else expected(expect, self._fitting(keys, pattern))
            if admit is not None:
                admit()
            if shown is not None:
                return self._remove(shown)
            removed = self._cache.invalidate(names)
            if pattern:
                removed += self._cache.invalidate_matching(pattern, progress=progress)
            return removed

        subject = " ".join([*keys, *([pattern] if pattern else [])]) or "nothing"
        return self._audited("cache.change", "cache.invalidate", subject, do, affected=lambda n: n)

    def refresh(self) -> refresher.Renewed:
        """Refresh the view, then drop what the old one gave. Raises Forbidden, SourceDown, NotMigrated."""
        return self._audited(
            "view.refresh",
            "cache.refresh",
            "view",
            lambda: refresher.refresh(self._database, self._cache),
            detail=lambda done: {} if done.fault is None else {"not dropped": done.fault},
        )

    def warm(self, *, progress: Callable[[Progress], None] | None = None) -> Warmed:
        """Load every key, dearest first. Raises Busy, StoreDown."""

        def do() -> Warmed:
            failures = refresher.warm(self._cache, progress=progress)
            return Warmed(len(self._cache.slots) - len(failures), tuple(failures))

        return self._audited("cache.change", "cache.warm", "all keys", do, affected=lambda warmed: warmed.loaded)

    def flush(
        self,
        *,
        expect: str | None = None,
        admit: Callable[[], None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Refresh the view and, if that worked, remove all our values; how many there were. The rest is as
        for ``invalidate``.

        Raises Conflict, SourceDown or NotMigrated with nothing removed, StoreDown.
        """

        def do() -> int:
            self._cache.store.exists("ref:settings")  # Redis down: say so before the refresh
            shown = None if expect is None else expected(expect, self._cache.store.held())
            if admit is not None:
                admit()
            view.refresh(self._database)
            return self._cache.flush(progress=progress) if shown is None else self._remove(shown)

        return self._audited("cache.change", "cache.flush", "all keys", do, affected=lambda n: n)

    def refuse(self, action: str, subject: str, error: FleetcacheError) -> None:
        """Leave a row about something of the person's that was refused before it began."""
        audit.refused(self._database, self._by, action=action, subject=subject, error=error)

    def _remove(self, shown: Sequence[Held]) -> int:
        """Remove these values and no others; how many were still there. A name that another version of the
        program wrote goes in every version."""
        removed = self._cache.invalidate([row.name for row in shown if row.current])
        for name in dict.fromkeys(row.name for row in shown if not row.current):
            removed += self._cache.invalidate_matching(_GLOB.sub(r"\\\g<0>", name))
        return removed

    def _fitting(self, keys: Sequence[str], pattern: str | None) -> list[Held]:
        names = {entry(key).name for key in keys}
        wanted: set[str] = set()
        if pattern is not None:
            wanted = set(self._cache.store.matching(checked_pattern(pattern)))
        held = self._cache.store.held()
        return [row for row in held if row.name in wanted or (row.current and row.name in names)]

    def _audited(
        self,
        right: Right,
        action: str,
        subject: str,
        do: Callable[[], T],
        *,
        affected: Callable[[T], int] | None = None,
        detail: Callable[[T], dict[str, str]] | None = None,
    ) -> T:
        subject = written(subject)
        with audit.audited(self._database, self._by, action=action, subject=subject) as deed:
            self._person.must(right)
            done = do()
            deed.affected = affected(done) if affected else None
            deed.detail.update(detail(done) if detail else {})
        self._mark(action.removeprefix("cache."), subject)
        return done

    def _mark(self, action: str, subject: str) -> None:
        at = self._cache.now()
        try:
            self._marks.add(Mark(at, action, self._instance, subject))
        except StoreDown as error:
            log.info("mark %s not kept: %s", action, error)
