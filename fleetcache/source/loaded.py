"""What a layer of the database gives for one key."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from fleetcache.decoding import decode
from fleetcache.errors import BadPayload
from fleetcache.figures.shape import Shape
from fleetcache.label import Label


@dataclass(frozen=True)
class Loaded:
    """A value, the moment of its snapshot (seconds since the epoch) and its ``label``. ``current`` is
    the label of the statement that read it: for the view another one than that of its rows."""

    value: Shape
    computed_at: float
    label: Label
    current: Label


def parse(shape: type[Shape], payload: str | bytes, *, key: str, where: str) -> Shape:
    """``payload`` as its shape. A missing, extra or mistyped field raises BadPayload, never a zero."""
    try:
        return decode(payload, shape)
    except msgspec.DecodeError as error:
        raise BadPayload(f"{key} from {where} does not parse: {error}.") from error
