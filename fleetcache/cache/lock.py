"""A lock over all instances that ends by itself when its holder dies."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from fleetcache.cache.client import errors
from fleetcache.cache.names import Names
from fleetcache.errors import Busy

_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


@contextmanager
def lock(client: redis.Redis, names: Names, name: str, *, seconds: float) -> Iterator[None]:
    """Hold the lock ``name`` for up to ``seconds``. Raises Busy when another has it, StoreDown."""
    key, token = names.lock(name), secrets.token_hex(8)
    with errors():
        taken = client.set(key, token, nx=True, px=int(seconds * 1000))
    if not taken:
        raise Busy()
    try:
        yield
    finally:
        with errors():
            client.register_script(_RELEASE)(keys=[key], args=[token])
