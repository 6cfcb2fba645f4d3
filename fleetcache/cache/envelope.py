"""A value as it lies in Redis, with all that says whether it may be served."""

from __future__ import annotations

from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from fleetcache.cache.codec import decode
from fleetcache.cache.reading import Loaded
from fleetcache.label import Label

P = TypeVar("P")


class Envelope(
    msgspec.Struct, Generic[P], frozen=True, rename="camel", forbid_unknown_fields=True
):
    """Moments in seconds since the epoch; ``payload`` is the value."""

    schema: str
    key: str
    label: Label | None
    computed_at: float
    expires_at: float
    payload: P

    def unfit(self, key: str, *, schema: str) -> tuple[str, str]:
        """Why it is not what was asked for: a word to count and words to show; empty if it is."""
        if (self.key, self.schema) != (key, schema):
            return "foreign", f"holds {self.key} of schema {self.schema}"
        return "", ""


def wrap(key: str, loaded: Loaded, *, schema: str, expires_at: float) -> Envelope[Any]:
    """An envelope around what a layer gave."""
    return Envelope(
        schema=schema,
        key=key,
        label=loaded.label,
        computed_at=loaded.computed_at,
        expires_at=expires_at,
        payload=loaded.value,
    )


def unwrap(key: str, data: bytes, shape: Any) -> Envelope[Any]:
    """The envelope that was encoded, around a ``shape``. Raises BadPayload."""
    return decode(key, data, _around(shape))


@cache
def _around(shape: Any) -> type[Envelope[Any]]:
    return Envelope[shape]
