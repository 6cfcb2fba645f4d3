"""A value as it lies in Redis, with all that says whether it may be served."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from fleetcache.cache.codec import decode, encode
from fleetcache.cache.reading import Loaded
from fleetcache.errors import BadPayload


class Envelope(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Moments in seconds since the epoch; ``payload`` is the JSON of the value."""

    schema: str
    key: str
    epoch: str | None
    day: date
    day_ends_at: float | None
    versions: dict[str, int] | None
    computed_at: float
    expires_at: float
    payload: msgspec.Raw

    def value(self, shape: Any) -> Any:
        """The value as its shape. Raises BadPayload."""
        try:
            return msgspec.json.decode(self.payload, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadPayload(f"the value does not parse ({error})") from error

    def unfit(self, key: str, *, schema: str, epoch: str | None, now: float) -> tuple[str, str]:
        """Why it may not be served: a word to count and words to show; empty if it may."""
        if (self.key, self.schema) != (key, schema):
            return "foreign", f"holds {self.key} of schema {self.schema}"
        if self.epoch is not None and epoch is not None and self.epoch != epoch:
            return "epoch", "the value is from another database"
        if self.day_ends_at is not None and now >= self.day_ends_at:
            return "day", f"the value is as of {self.day.isoformat()}"
        return "", ""


def wrap(key: str, loaded: Loaded, *, schema: str, expires_at: float) -> Envelope:
    """An envelope around what a layer gave."""
    return Envelope(
        schema=schema,
        key=key,
        epoch=loaded.epoch,
        day=loaded.day,
        day_ends_at=loaded.day_ends_at,
        versions=loaded.versions,
        computed_at=loaded.computed_at,
        expires_at=expires_at,
        payload=msgspec.Raw(msgspec.json.encode(loaded.value)),
    )


def pack(envelope: Envelope) -> bytes:
    """As it is written."""
    return encode(envelope)


def unpack(key: str, data: bytes) -> Envelope:
    """As it was. Raises BadPayload."""
    return decode(key, data, Envelope)
