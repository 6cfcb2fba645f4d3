"""Keeping the view young: refresh, then invalidate, then warm, in that order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from fleetcache.cache.layered import LayeredCache
from fleetcache.cache.lock import lock
from fleetcache.cache.warming import Progress
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import Busy, StoreDown, Unavailable
from fleetcache.source import view
from fleetcache.source.database import Database

log = logging.getLogger(__name__)

REFRESH_SECONDS = 60
WARM_SECONDS = 120
_DROPPED = "dropped-for-view"  # by programs of one schema: each drops its own values


@dataclass(frozen=True)
class Renewed:
    """One refresh: when its snapshot was (seconds since the epoch), how many seconds it took and
    how many cached values were dropped after it."""

    at: float
    seconds: float
    dropped: int


def refresh(database: Database, cache: LayeredCache) -> Renewed:
    """Refresh the view, then drop the cached values that the old one gave.

    Raises SourceDown or NotMigrated, with nothing dropped. Redis being out of this instance's reach
    is no failure: the first instance that can reach it drops them (``settle``).
    """
    done = view.refresh(database)
    dropped = 0
    try:
        dropped = _drop(cache, done.at)
    except StoreDown as error:
        log.warning("refreshed the view, could not drop cached values: %s", error.technical)
    return Renewed(done.at, done.seconds, dropped)


def settle(state: view.ViewState, cache: LayeredCache) -> bool:
    """Drop what is cached from before the view's last refresh, if whoever refreshed it could not;
    whether it had to be. Raises StoreDown."""
    if state.refreshed_at is None:
        return False
    dropped_for = cache.store.noted(_note(cache))
    if dropped_for is not None and dropped_for >= state.refreshed_at:
        return False
    _drop(cache, state.refreshed_at)
    return True


def _drop(cache: LayeredCache, refreshed_at: float) -> int:
    dropped = cache.invalidate(list(CATALOGUE), version=refreshed_at)
    cache.store.note(_note(cache), refreshed_at)
    return dropped


def _note(cache: LayeredCache) -> str:
    return f"{_DROPPED}:{cache.store.names.schema}"


def warm(
    cache: LayeredCache, *, progress: Callable[[Progress], None] | None = None
) -> list[Unavailable]:
    """Load every key, dearest first, on one instance at a time; the ones that failed.

    Raises Busy when another instance is warming, StoreDown when there is nowhere to keep them.
    """
    with lock(cache.store.link, cache.store.names, "warm", seconds=WARM_SECONDS):
        return cache.warm(CATALOGUE, progress=progress)


def keep_young(database: Database, cache: LayeredCache) -> bool:
    """Refresh and warm when the view is of another day, empty, or old enough; whether it was. Drop
    and warm when somebody else refreshed it and could not do that.

    A view that another version of the program made cannot be mended by a refresh, and is left to
    that version. Raises SourceDown or NotMigrated.
    """
    state = view.state(database)
    due = min(REFRESH_SECONDS, state.max_age / 2)
    young = state.fault is None and state.age is not None and state.age < due
    try:
        settled = settle(state, cache)
    except StoreDown as error:
        settled = False
        log.info("what is cached is looked at when Redis is back: %s", error.technical)
    renew = state.ours and not young
    if renew:
        refresh(database, cache)
    if renew or (settled and state.ours):
        try:
            warm(cache)
        except (Busy, StoreDown) as error:
            log.info("dropped without warming: %s", error)
    return renew
