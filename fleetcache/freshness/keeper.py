"""Background work on the database: the view follows the changes, and the counting of changes is watched."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass

from fleetcache.cache.layered import LayeredCache
from fleetcache.catalogue import CATALOGUE
from fleetcache.clock import SYSTEM, Clock
from fleetcache.source import guards, triggers, view
from fleetcache.source.database import Database

log = logging.getLogger(__name__)

LEAST_SECONDS, MOST_SECONDS = 1.0, 5.0
"""Between two refreshes of the view: four times what one takes, and within these."""
RECOUNT_SECONDS = 30.0
VACUUM_ROWS = 5000
"""After so many folded changes what they left behind is taken away: autovacuum looks once a minute."""


@dataclass(frozen=True)
class Alarm:
    """The view was, by its label, current and yet not what the tables give: of which keys, and when that
    was seen (seconds since the epoch)."""

    keys: tuple[str, ...]
    at: float

    @property
    def text(self) -> str:
        """What happened, what was done about it, and what to do."""
        return (
            f"A change of the database was not counted: {', '.join(self.keys)} of the view had other numbers "
            "than the tables. Everything cached was given up. See whether somebody switches triggers off."
        )


class Keeper:
    """One round after another, as often as the caller likes; what is not due is left out."""

    def __init__(self, database: Database, cache: LayeredCache, *, clock: Clock = SYSTEM) -> None:
        self.alarm: Alarm | None = None
        self._database = database
        self._cache = cache
        self._clock = clock
        self._folded = 0
        self._pause = LEAST_SECONDS
        self._refresh_at = self._recount_at = clock.monotonic()
        self._keys = itertools.cycle(CATALOGUE)

    def round(self) -> view.Refreshed | None:
        """Whatever is due; the refresh of the view, if this instance made one. Raises SourceDown or
        NotMigrated."""
        self.guard()
        self._fold()
        refreshed = self._renew()
        if self._clock.monotonic() >= self._recount_at:
            self._recount_at = self._clock.monotonic() + RECOUNT_SECONDS
            self.recount(next(self._keys))
        return refreshed

    @property
    def due(self) -> float:
        """Seconds until the view may be refreshed again."""
        return max(0.0, self._refresh_at - self._clock.monotonic())

    def guard(self) -> None:
        """Doubt everything while changes are not counted, and make a fresh start when they are again.
        Raises SourceDown."""
        faults = triggers.faults(self._database)
        doubted = self._cache.ledger.dirty
        if faults:
            reason = f"changes of {', '.join(faults)} are not all counted"
            if reason != doubted:
                log.error("Triggers are missing or off: %s. Run `python -m fleetcache migrate`.", reason)
                self._cache.doubt(reason)
        elif doubted is not None:
            guards.renew(self._database)
            self._cache.doubt(None)
            log.warning("Changes are counted again; everything cached before is given up.")

    def recount(self, *keys: str) -> None:
        """Compare keys of the view with the tables; when they differ raise the alarm and give up
        everything cached. Raises SourceDown or NotMigrated."""
        wrong = guards.differing(self._database, keys)
        if wrong:
            log.error("A change was not counted: %s of the view are not what the tables give.", ", ".join(wrong))
            self.alarm = Alarm(tuple(wrong), self._clock.now())
            guards.renew(self._database)

    def _fold(self) -> None:
        self._folded += guards.fold(self._database)
        if self._folded >= VACUUM_ROWS:
            self._folded = 0
            guards.vacuum(self._database)

    def _renew(self) -> view.Refreshed | None:
        if self.due:
            return None
        found = view.state(self._database)
        if found.ahead:
            log.error("The database has fewer changes than its view: everything cached is given up.")
            guards.renew(self._database)
        done = view.renew(self._database, found, pause=self._pause)
        if done is not None:
            self._pause = min(MOST_SECONDS, max(LEAST_SECONDS, 4 * done.seconds))
            self._refresh_at = self._clock.monotonic() + self._pause
        return done
