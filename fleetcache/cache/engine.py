"""All parts of the cache of one instance, put together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from fleetcache.cache.breaker import Breaker
from fleetcache.cache.client import connect
from fleetcache.cache.counters import HitCounters
from fleetcache.cache.instances import Instances
from fleetcache.cache.layer import Layer
from fleetcache.cache.layered import BOUND_SECONDS, HARD_SECONDS, SOFT_SECONDS, LayeredCache
from fleetcache.cache.ledger import Ledger
from fleetcache.cache.link import Link
from fleetcache.cache.marks import Marks
from fleetcache.cache.memory import Memory
from fleetcache.cache.names import Names
from fleetcache.cache.proof import Prover
from fleetcache.cache.reading import Slot
from fleetcache.cache.store import RedisStore
from fleetcache.cache.tracking import Tracking
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import StoreDown

log = logging.getLogger(__name__)


class Engine:
    """A layered cache over the Redis at ``url``, and what stands around it.

    ``layers`` load what is not held, ``slots`` are the keys there are; ``prefix`` and ``schema`` make
    the names in Redis. Keys with topics are served as current only if the ``prover`` can have the
    database checked, and those without only between ``start`` and ``close``. Nothing is connected before
    it is used. Raises BadSetting for a URL that is none.
    """

    def __init__(
        self,
        url: str,
        layers: Sequence[Layer],
        slots: Mapping[str, Slot],
        *,
        prefix: str,
        schema: str,
        instance: str,
        connect_seconds: float,
        command_seconds: float,
        prover: Prover | None = None,
        bound: float = BOUND_SECONDS,
        refuse: bool = False,
        soft: float = SOFT_SECONDS,
        hard: float = HARD_SECONDS,
        clock: Clock = SYSTEM,
    ) -> None:
        client = connect(url, connect_seconds=connect_seconds, command_seconds=command_seconds)
        self.instance = instance
        self.names = Names(prefix, schema)
        self.link = Link(client, breaker=Breaker(clock=clock))
        self.store = RedisStore(self.link, self.names)
        self.memory = Memory(clock=clock)
        self.counters = HitCounters(
            self.link, self.names, instance=instance, harvest=self.memory.harvest, clock=clock
        )
        self.marks = Marks(self.link, self.names)
        self.instances = Instances(self.link, self.names)
        self.tracking = Tracking(self.link, self.names, clock=clock)
        self.cache = LayeredCache(
            self.store,
            layers,
            slots,
            self.counters,
            schema=schema,
            memory=self.memory,
            guard=self.tracking,
            ledger=Ledger(bound),
            prover=prover,
            refuse=refuse,
            soft=soft,
            hard=hard,
            clock=clock,
        )

    def start(self) -> None:
        """Listen for changes, so that memory can be trusted."""
        self.tracking.start(self.cache)

    def close(self) -> None:
        """Stop listening, write the last counts, let go of Redis."""
        self.tracking.close()
        try:
            self.counters.flush()
            self.instances.leave(self.instance)
        except StoreDown as error:
            log.info("the last counts are lost: %s", error.technical)
        self.link.client.close()
