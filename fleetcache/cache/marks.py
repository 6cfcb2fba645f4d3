"""Events that explain a chart: a flush, a refresh, a deploy."""

from __future__ import annotations

from typing import Any

import msgspec

from fleetcache.cache.link import Link
from fleetcache.cache.names import Names
from fleetcache.decoding import decode

KEPT_SECONDS = 7 * 24 * 3600


class Mark(msgspec.Struct, frozen=True):
    """One event: ``at`` in seconds since the epoch, ``kind`` flush, invalidate, refresh, warm or deploy."""

    at: float
    kind: str
    instance: str
    detail: str = ""


class Marks:
    """The events of all instances, oldest first."""

    def __init__(self, link: Link, names: Names) -> None:
        self._link = link
        self._key = names.marks

    def add(self, mark: Mark) -> None:
        """Remember an event for a week. Raises StoreDown."""
        with self._link as client, client.pipeline(transaction=False) as pipe:
            pipe.zadd(self._key, {msgspec.json.encode(mark): mark.at})
            pipe.zremrangebyscore(self._key, "-inf", mark.at - KEPT_SECONDS)
            pipe.expire(self._key, KEPT_SECONDS)
            pipe.execute()

    def since(self, at: float) -> list[Mark]:
        """Events from ``at`` on; one that does not parse is another program's and left out.
        Raises StoreDown."""
        with self._link as client:
            found: list[Any] = list(client.zrangebyscore(self._key, at, "+inf"))
        marks = []
        for data in found:
            try:
                marks.append(decode(data, Mark))
            except msgspec.DecodeError:
                continue
        return marks
