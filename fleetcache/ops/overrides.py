"""Times to live that the settings give in place of the built-in ones."""

from __future__ import annotations

import logging

from fleetcache.cache.layered import LayeredCache
from fleetcache.catalogue import CATALOGUE

log = logging.getLogger(__name__)


def overrides(cache: LayeredCache) -> dict[str, float]:
    """Key -> seconds, for keys that exist and numbers that make sense. Raises Unavailable."""
    rows = cache.read("ref:settings", counted=False).value.settings
    chosen: object = next((row.value for row in rows if row.name == "ttl_overrides"), {})
    if not isinstance(chosen, dict):
        log.warning("the setting ttl_overrides is not an object of key to seconds")
        return {}
    return {
        key: float(seconds)
        for key, seconds in chosen.items()
        if key in CATALOGUE and type(seconds) in (int, float) and seconds > 0
    }
