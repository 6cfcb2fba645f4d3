"""Filling the cache before anybody asks: one load after another, with progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fleetcache.cache.counters import UNCOUNTED
from fleetcache.cache.filling import Filling
from fleetcache.cache.flight import Flights
from fleetcache.cache.layer import Layer
from fleetcache.cache.lease import ANEW
from fleetcache.cache.reading import Reading, Slot
from fleetcache.cache.store import RedisStore
from fleetcache.errors import Unavailable


@dataclass
class Progress:
    """How far a warming has come."""

    done: int
    total: int
    key: str


class Warming:
    """Loads keys whether they are held or not."""

    def __init__(self, store: RedisStore, flights: Flights, filling: Filling) -> None:
        self._store = store
        self._flights = flights
        self._filling = filling

    def warm(
        self,
        wanted: Sequence[Slot],
        slots: Mapping[str, Slot],
        layers: Sequence[Layer],
        *,
        patience: float,
        progress: Callable[[Progress], None] | None,
    ) -> list[Unavailable]:
        """What could not be loaded or kept; a load takes no longer than ``patience`` seconds. Raises
        StoreDown."""
        failures: list[Unavailable] = []
        kept: set[str] = set()
        for place, slot in enumerate(wanted):
            if slot.name not in kept:
                self._store.exists(slot.name)  # nowhere to keep them: say so before loading
                family = [slots[name] for name in slot.family if name not in (slot.name, *kept)]
                failure = self._load([slot, *family], layers, kept, patience)
                failures += [failure] if failure else []
            if progress is not None:
                progress(Progress(place + 1, len(wanted), slot.name))
        return failures

    def _load(
        self, family: Sequence[Slot], layers: Sequence[Layer], kept: set[str], patience: float
    ) -> Unavailable | None:
        """Load the first with its family; why that did not do."""
        mine, others = self._flights.board(family, UNCOUNTED)
        for flight in mine:
            flight.how = ANEW
        self._filling.fill(mine, layers)
        first = next(flight for flight in (*mine, *others) if flight.name == family[0].name)
        answer = first.wait(patience)
        kept.update(flight.name for flight in mine if flight.stored)
        if answer is None:
            return Unavailable(f"{first.name} takes too long to load.")
        if isinstance(answer, Unavailable):
            return answer
        if not isinstance(answer, Reading):
            raise answer
        if answer.stale or not (first.stored or first in others):
            return Unavailable(f"{first.name} was loaded, and Redis did not take it.")
        return None
