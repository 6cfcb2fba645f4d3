"""JSON as a type. msgspec learns a type when it first meets it, and two threads that show it one at the same moment end the
process (0.22.0): here the first one learns, and the others wait for that."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_learning = threading.Lock()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decode(data: bytes | str, type: type[T]) -> T:
    """``data``, which is JSON, as a ``type``. Raises msgspec.DecodeError."""
    found: T = _decoder(type).decode(data)
    return found


def convert(value: object, type: type[T]) -> T:
    """``value``, which may be what JSON gives, as a ``type``. Raises msgspec.ValidationError."""
    # The very object that was learned: of an alias, an equal one would be learned anew.
    found: T = msgspec.convert(value, _decoder(type).type)
    return found


def schema(type: Any) -> dict[str, Any]:
    """The JSON Schema of a ``type``."""
    with _learning:
        return msgspec.json.schema(type)


def _decoder(type: Any) -> msgspec.json.Decoder[Any]:
    if (found := _decoders.get(type)) is None:
        with _learning:
            found = _decoders[type] = msgspec.json.Decoder(type)
    return found
