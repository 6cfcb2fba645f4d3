"""What all shapes share: frozen, camelCase outside, and a missing or extra field is an error."""

from __future__ import annotations

import msgspec


class Shape(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A value as it is stored in every layer."""
