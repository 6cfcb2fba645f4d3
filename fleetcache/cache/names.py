"""Physical names in Redis. Whatever is not made here is not ours, and never touched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Names:
    """The name space of one fleetcache in a Redis that others may use as well.

    ``prefix`` keeps to letters, digits, ``.``, ``_`` and ``-`` (no glob may hide in it);
    ``schema`` is what this program's values look like, so that it never reads another's.
    """

    prefix: str
    schema: str

    def value(self, name: str) -> str:
        """Where the value of a logical key lies. The braces keep it and its lease in one slot."""
        return f"{self.prefix}:c:s{self.schema}:{{{name}}}"

    def lease(self, name: str) -> str:
        """Who may store a value of a logical key."""
        return f"{self.value(name)}:lease"

    @property
    def space(self) -> str:
        """What the names of this program's values and leases begin with, up to the logical key."""
        return f"{self.prefix}:c:s{self.schema}:{{"

    def values(self, pattern: str = "*") -> str:
        """A glob over values, those of other schema versions included."""
        return f"{self.prefix}:c:s*:{{{pattern}}}"

    def leases(self, pattern: str = "*") -> str:
        """A glob over leases, those of other schema versions included."""
        return f"{self.values(pattern)}:lease"

    def logical(self, physical: str) -> str | None:
        """The logical key of a value of any schema version, or None when it is not one of ours."""
        match = self._value.fullmatch(physical)
        return match[1] if match else None

    def ours(self, physical: str) -> bool:
        """Whether it is the name of a value or a lease of any schema version."""
        return self.logical(physical.removesuffix(":lease")) is not None

    @cached_property
    def _value(self) -> re.Pattern[str]:
        return re.compile(rf"{re.escape(self.prefix)}:c:s[0-9a-f]+:\{{(.+)\}}", re.DOTALL)

    def limit(self, name: str) -> str:
        """A counter with a time to live: rate limits and the like. Flush leaves it alone."""
        return f"{self.prefix}:r:{{{name}}}"

    def minute(self, minute: int) -> str:
        """The bucket of hit counters of one minute (minutes since the epoch)."""
        return f"{self.prefix}:m:{minute}"

    @property
    def marks(self) -> str:
        """The events shown beside the hit rate."""
        return f"{self.prefix}:m:marks"

    @property
    def instances(self) -> str:
        """Who runs."""
        return f"{self.prefix}:m:instances"

    def note(self, name: str) -> str:
        """A word between instances."""
        return f"{self.prefix}:m:note:{name}"

    def lock(self, name: str) -> str:
        """A lock that ends by itself."""
        return f"{self.prefix}:r:{{lock:{name}}}"
