"""Trust: until when what memory holds may be served without asking anybody."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol


class Proof:
    """What values in memory stand on. ``until`` (monotonic seconds) is put off by whoever keeps
    the proof; once voided it stays so, and everything that stands on it is no longer served."""

    __slots__ = ("until",)

    def __init__(self, until: float = -math.inf) -> None:
        self.until = until


NONE = Proof()
"""Nobody vouches: memory keeps values for when all else fails, and serves none of them as current."""


class Listener(Protocol):
    """Whoever holds values in memory."""

    def heard(self, names: Iterable[str] | None) -> None:
        """Values of these names changed; None for any."""


class Guard(Protocol):
    """Vouches for values that nobody can check: those of keys without topics.

    A value stands on the proof that was in force when its loading began, so one loaded across a
    change is never served. A guard voids a proof by never extending it again and handing out
    another.
    """

    def proof(self) -> Proof:
        """What such a value may stand on, if its loading begins now."""


class Prover(Protocol):
    """Has the database checked, so that values of keys with topics can be proven current."""

    @property
    def fault(self) -> str | None:
        """Why the last check failed; None if it did not."""

    def prove(self, since: float) -> bool:
        """Have a check answered that was sent at or after ``since`` (monotonic seconds); whether one was."""


class Unprovable:
    """In place of a prover where there is no database to ask."""

    fault = "there is no database to check"

    def prove(self, since: float) -> bool:
        """Never."""
        return False
