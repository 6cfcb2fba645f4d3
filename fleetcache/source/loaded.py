"""What a layer of the database gives for one key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from fleetcache.errors import BadPayload
from fleetcache.figures.shape import Shape


@dataclass(frozen=True)
class Loaded:
    """A value and what it speaks of: the moment of its snapshot, its day on the fleet's calendar,
    when that day ends (both moments in seconds since the epoch), the database it came from and
    the versions of its topics (None until versions exist)."""

    value: Shape
    computed_at: float
    day: date
    day_ends_at: float
    epoch: str
    versions: dict[str, int] | None = None


def parse(shape: type[Shape], payload: str | bytes, *, key: str, where: str) -> Shape:
    """``payload`` as its shape. A missing, extra or mistyped field raises BadPayload, never a zero."""
    try:
        value: Any = msgspec.json.decode(payload, type=shape)
    except msgspec.DecodeError as error:
        raise BadPayload(f"{key} from {where} does not parse: {error}.") from error
    assert isinstance(value, Shape)
    return value
