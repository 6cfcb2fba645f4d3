"""Who may load: one process at a time for each key, and what it may then store.

A lease is a key with a random token beside the value. Only its holder may store, invalidating takes
it away, and it ends soon after a holder that died stops renewing it (the idea is the one of Nishtala
et al., “Scaling Memcache at Facebook”, 2013).
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fleetcache.cache.link import Link
from fleetcache.cache.names import Names
from fleetcache.errors import StoreDown

log = logging.getLogger(__name__)

LEASE_SECONDS = 0.6
RENEW_SECONDS = 0.15
LONGEST_SECONDS = 30.0
"""A load that takes longer is taken for one that never ends: others may try, and it is not stored."""

LOOK, ANEW, AFTER = "look", "anew", "after"
"""What to make of a value that is there: take it, load all the same, or take it once nobody loads."""

_TAKE = """
local loading = ARGV[3] == 'after' and redis.call('EXISTS', KEYS[2]) == 1
local value = ARGV[3] ~= 'anew' and not loading and redis.pcall('GET', KEYS[1])
if type(value) == 'table' then value = '' end
if value then return {value} end
if redis.call('PTTL', KEYS[2]) == -1 then redis.call('DEL', KEYS[2]) end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
    return {0, 0}
end
return {1, redis.call('PTTL', KEYS[2])}
"""
_KEEP = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


@dataclass(eq=False)
class Lease:
    """The right to store ``name``; ``lost`` once it is known to have ended."""

    name: str
    token: str
    lost: bool = False


@dataclass(frozen=True)
class Elsewhere:
    """Another process loads; its lease ends within so many seconds unless it is renewed."""

    seconds: float


@dataclass(frozen=True)
class Stored:
    """What is to be stored: encoded, with milliseconds to live."""

    data: bytes
    milliseconds: int


class Leases:
    """The leases of this process. Every verb raises StoreDown when Redis does not serve."""

    def __init__(self, link: Link, names: Names) -> None:
        self._link = link
        self._names = names
        self._lock = threading.Lock()
        self._live: dict[Lease, float] = {}
        self._renewer: threading.Thread | None = None

    def take(self, names: Mapping[str, str]) -> dict[str, bytes | Lease | Elsewhere]:
        """For each name, with what to make of a value that is there, that value, or else the lease
        on it, or that another has it."""
        tokens = {name: secrets.token_hex(8) for name in names}
        rows = [
            (self._keys(name), (tokens[name], int(LEASE_SECONDS * 1000), how)) for name, how in names.items()
        ]
        found: dict[str, bytes | Lease | Elsewhere] = {}
        try:
            for name, answer in zip(names, self._link.evaluate(_TAKE, rows, list), strict=True):
                match answer:
                    case [bytes() as value] if names[name] != ANEW:
                        found[name] = value
                    case [0, 0]:
                        found[name] = Lease(name, tokens[name])
                    case [1, int() as left]:
                        found[name] = Elsewhere(max(0.0, left / 1000))
                    case _:
                        raise ValueError(f"{answer!r} is no answer to who may load {name}")
        except ValueError as error:
            raise StoreDown("Redis does not hold to its script.", reason="garbled", detail=str(error)) from error
        self._hold([seat for seat in found.values() if isinstance(seat, Lease)])
        return found

    def keep(self, values: Sequence[tuple[Lease, Stored]]) -> list[bool]:
        """Store values and give the leases back; for each whether it was accepted: the lease still
        ours."""
        rows = [
            (self._keys(lease.name), (lease.token, value.data, value.milliseconds))
            for lease, value in values
        ]
        try:
            return [answer == 1 for answer in self._link.evaluate(_KEEP, rows, int)]
        finally:
            self._forget([lease for lease, _ in values])

    def release(self, leases: Sequence[Lease]) -> None:
        """Give back, with nothing stored, those leases that we still have."""
        with self._lock:
            left = [lease for lease in leases if lease in self._live]
        self._forget(left)
        if left:
            self._link.evaluate(RELEASE, [([self._names.lease(lease.name)], [lease.token]) for lease in left], int)

    def _keys(self, name: str) -> tuple[str, str]:
        return self._names.value(name), self._names.lease(name)

    def _hold(self, leases: Sequence[Lease]) -> None:
        with self._lock:
            self._live.update(dict.fromkeys(leases, time.monotonic() + LONGEST_SECONDS))
            # After a fork the thread is there and does not run.
            if self._live and (self._renewer is None or not self._renewer.is_alive()):
                renewer = threading.Thread(target=self._renew, name="fleetcache-leases", daemon=True)
                try:
                    renewer.start()
                except RuntimeError:
                    log.warning("no thread to be had: loads of more than %s s are not stored", LEASE_SECONDS)
                else:
                    self._renewer = renewer

    def _forget(self, leases: Sequence[Lease]) -> None:
        with self._lock:
            for lease in leases:
                self._live.pop(lease, None)

    def _renew(self) -> None:
        pause: Final = threading.Event()
        while True:
            pause.wait(RENEW_SECONDS)
            with self._lock:
                now = time.monotonic()
                for lease in [lease for lease, end in self._live.items() if now >= end]:
                    lease.lost = True
                    del self._live[lease]
                live = list(self._live)
                if not live:
                    self._renewer = None
                    return
            rows = [([self._names.lease(one.name)], [one.token, int(LEASE_SECONDS * 1000)]) for one in live]
            try:
                for lease, renewed in zip(live, self._link.evaluate(_RENEW, rows, int), strict=True):
                    lease.lost = not renewed
            except StoreDown as error:
                log.debug("leases not renewed: %s", error.technical)
                for lease in live:
                    lease.lost = True
