"""What an administrator does about freshness: refresh the view, then invalidate; warm."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.lock import lock
from fleetcache.cache.warming import Progress
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import StoreDown, Unavailable
from fleetcache.source import view
from fleetcache.source.database import Database

log = logging.getLogger(__name__)

WARM_SECONDS = 120


@dataclass(frozen=True)
class Renewed:
    """One refresh: when its snapshot was (seconds since the epoch), how many seconds it took, how many
    cached values were dropped after it, and why they could not be (None if they were)."""

    at: float
    seconds: float
    dropped: int
    fault: str | None = None

    @property
    def message(self) -> str:
        """What was done, in words."""
        if self.fault is not None:
            return (
                f"Refreshed the view in {self.seconds:.2f} s, but the cached values could not be dropped: {self.fault} "
                "Old ones are not served."
            )
        return f"Refreshed the view in {self.seconds:.2f} s; {self.dropped} value{'' if self.dropped == 1 else 's'} dropped."


def refresh(database: Database, cache: LayeredCache) -> Renewed:
    """Refresh the view, then drop the cached values, so that everything is read anew.

    Nothing depends on the dropping: what is old is not served either way. Raises SourceDown or
    NotMigrated, with nothing dropped.
    """
    done = view.refresh(database)
    dropped, fault = 0, None
    try:
        dropped = cache.invalidate(list(CATALOGUE))
    except StoreDown as error:
        log.warning("refreshed the view, could not drop cached values: %s", error.technical)
        fault = str(error)
    return Renewed(done.at, done.seconds, dropped, fault)


def warm(
    cache: LayeredCache, *, progress: Callable[[Progress], None] | None = None
) -> list[Unavailable]:
    """Load every key, dearest first, on one instance at a time; the ones that failed.

    Raises Busy when another instance is warming, StoreDown when there is nowhere to keep them.
    """
    with lock(cache.store.link, cache.store.names, "warm", seconds=WARM_SECONDS):
        return cache.warm(CATALOGUE, progress=progress)
