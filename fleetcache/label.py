"""Which state of the database numbers speak of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec


class Label(msgspec.Struct, frozen=True):
    """A snapshot: the life of the database it was taken in (``epoch``), the day on the fleet's calendar
    and how often each topic had changed. All three are functions of the snapshot and of nothing else.

    Versions of different epochs are never compared: a database that was re-created, restored or failed
    over counts anew.
    """

    epoch: str
    day: date
    versions: Mapping[str, int]

    def lacks(self, wanted: Label, topics: Iterable[str]) -> str:
        """What of ``wanted`` is not in here: another ``epoch`` or ``day``, or a change of one of the
        topics (``changed``); empty when everything is."""
        if self.epoch != wanted.epoch:
            return "epoch"
        if self.day != wanted.day:
            return "day"
        versions, least = self.versions, wanted.versions
        return "" if all(versions.get(topic, -1) >= least[topic] for topic in topics) else "changed"

    def only(self, topics: Iterable[str]) -> Label:
        """The same, of no more than these topics."""
        return Label(self.epoch, self.day, {topic: self.versions[topic] for topic in sorted(topics)})

    def token(self) -> str:
        """Opaque, and equal only for the same state."""
        return hashlib.blake2s(msgspec.json.encode(self, order="sorted"), digest_size=8).hexdigest()
