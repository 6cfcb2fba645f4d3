"""How a value is written: JSON, squeezed when it is large. Never pickle."""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec

from fleetcache import decoding
from fleetcache.errors import BadPayload

T = TypeVar("T")

LARGE = 8192
"""Bytes of JSON from which squeezing pays: below, it costs more time than the bytes do."""
_LARGEST = 64 * 1024 * 1024
_SQUEEZED = b"z:"


def encode(value: object) -> bytes:
    """``value`` as JSON, compressed by zlib from ``LARGE`` bytes on."""
    data = msgspec.json.encode(value)
    return data if len(data) < LARGE else _SQUEEZED + zlib.compress(data, 1)


def decode(name: str, data: bytes, type: type[T]) -> T:
    """What ``encode`` made, as a ``type``. Raises BadPayload for anything else."""
    try:
        if data[:2] == _SQUEEZED:
            stream = zlib.decompressobj()
            data = stream.decompress(data[2:], _LARGEST)
            if not stream.eof:
                raise BadPayload(f"{name} from Redis is cut short, or larger than any value of ours.")
        return decoding.decode(data, type)
    except (msgspec.DecodeError, zlib.error, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(f"{name} from Redis does not parse: {error}.") from error
