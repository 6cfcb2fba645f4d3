"""A lock over all instances that ends by itself when its holder dies."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from fleetcache.cache.lease import RELEASE
from fleetcache.cache.link import Link
from fleetcache.cache.names import Names
from fleetcache.errors import Busy


@contextmanager
def lock(link: Link, names: Names, name: str, *, seconds: float) -> Iterator[None]:
    """Hold the lock ``name`` for up to ``seconds``. Raises Busy when another has it, StoreDown."""
    key, token = names.lock(name), secrets.token_hex(8)
    with link as client:
        taken = client.set(key, token, nx=True, px=int(seconds * 1000))
    if not taken:
        raise Busy()
    try:
        yield
    finally:
        link.evaluate(RELEASE, [([key], [token])], int)
