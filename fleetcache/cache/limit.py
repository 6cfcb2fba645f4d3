"""How often somebody may do something, over all instances."""

from __future__ import annotations

import hashlib
import math
import secrets
import threading
from collections import deque

from fleetcache.cache.link import Link
from fleetcache.cache.names import Names
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import StoreDown, TooMany

# The moments of the last ones. What is refused is not counted. No command in it that the documented user may
# not give, so not TIME: the clocks of the instances have to agree, but for seconds.
_TAKE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ARGV[2])
local kept = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'WITHSCORES')
if #kept >= 2 * ARGV[3] then return math.max(1, kept[2] + ARGV[2] - ARGV[1]) end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 0
"""


class Limit:
    """At most ``most`` times in any ``seconds``, each person apart. Safe to use from many threads.

    The instances count together in Redis. While it does not answer each counts for itself, what it has
    let through before included.
    """

    def __init__(
        self, link: Link, names: Names, kind: str, *, most: int, seconds: float, clock: Clock = SYSTEM
    ) -> None:
        self._link = link
        self._names = names
        self._kind = kind
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._own: dict[str, deque[float]] = {}

    def take(self, who: str) -> None:
        """Count one of ``who``. Raises TooMany, with the seconds after which to ask again."""
        # A name is nobody else's business, also not that of whoever reads Redis.
        key = f"{self._kind}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"
        at, span = int(self._clock.now() * 1000), int(self._seconds * 1000)
        row = ([self._names.limit(key)], [at, span, self._most, secrets.token_hex(8)])
        try:
            wait: float | None = self._link.evaluate(_TAKE, [row], int)[0] / 1000
        except StoreDown:
            wait = None
        now = self._clock.monotonic()
        with self._lock:
            for other in [name for name, times in self._own.items() if now - times[-1] >= self._seconds]:
                del self._own[other]
            times = self._own.get(key) or deque(maxlen=self._most)
            if wait is None:
                wait = self._seconds - (now - times[0]) if len(times) == self._most else 0.0
            if wait <= 0:
                times.append(now)
                self._own[key] = times
        if wait > 0:
            raise TooMany(
                f"More than {self._most} times in {self._seconds:g} s.",
                retry_after=math.ceil(min(wait, self._seconds)),
            )
