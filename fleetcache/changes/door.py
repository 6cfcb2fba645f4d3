"""The one door through which data is changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fleetcache.access.roles import Person, Right
from fleetcache.cache.layered import LayeredCache
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError, StoreDown
from fleetcache.label import Label
from fleetcache.source import audit, labels
from fleetcache.source.audit import By, Deed
from fleetcache.source.database import Database

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Made(Generic[T]):
    """What a change gave, and a ``label`` of the database with it: who reads ``after`` that label sees the
    change. None when nobody could say it; the change is then seen within the bound, as by others."""

    value: T
    label: Label | None


class Door:
    """The changes of one ``person`` on one instance."""

    def __init__(self, database: Database, cache: LayeredCache, *, person: Person, instance: str) -> None:
        self.database = database
        self.person = person
        self._cache = cache
        self._by = By(person.name, person.role, person.origin, instance)

    def make(self, right: Right, action: str, subject: str, work: Callable[[Deed], T]) -> Made[T]:
        """Do ``work`` in one transaction with its audit row. Without the ``right`` it is refused; the
        refusal, and whatever ``work`` raises, leaves a row too.

        Raises Forbidden, Invalid, Busy, SourceDown, NotMigrated and what ``work`` does; then nothing has
        changed. Raises Unsure when the connection was lost at the very end.
        """
        with audit.recorded(self.database, self._by, action=action, subject=subject) as deed:
            self.person.must(right)
            value = work(deed)
        label = self._label()
        if label is not None:
            self._hint(label)
        return Made(value, label)

    def _label(self) -> Label | None:
        """Of now, when the change is there: within its transaction it would be equal to that of another
        snapshot, which has a change of somebody else instead."""
        try:
            with self.database.statement() as connection:
                return labels.of(connection)
        except FleetcacheError as error:
            log.info("a change was made, and its label is not known: %s", error.technical)
            return None

    def _hint(self, label: Label) -> None:
        """Have other instances drop what has changed before their next check would tell them."""
        known = self._cache.ledger.known
        if known is None or known.epoch != label.epoch:
            return  # everything is void as it is
        moved = {topic for topic, version in label.versions.items() if version > known.versions.get(topic, -1)}
        names = [name for name, entry in CATALOGUE.items() if entry.topics & moved]
        try:
            self._cache.invalidate(names)
        except StoreDown as error:
            log.info("a change was not hinted to the other instances: %s", error.technical)
