"""Open-loop readers: every read begins when it is due, whatever the ones before it wait for."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from tests.freshness.counters import KEYS, Base, seen
from tests.freshness.records import Log, Read, now

log = logging.getLogger(__name__)

PLAIN, MANY, STRICT = "read", "read_many", "read_strict"
THREADS = 400
_OFTEN = (*KEYS, *["ref:settings"] * 2)
"""Most counters are in the settings."""


class Answer(NamedTuple):
    """What was served for a key: a value, or why there was none."""

    value: Any
    stale: bool = False
    layer: str = ""
    why: str | None = None
    error: str | None = None


class Served(Protocol):
    """What is under test."""

    def read(self, kind: str, keys: Sequence[str]) -> dict[str, Answer]:
        """Keys, read in one of the three ways."""


class Readers:
    """Reads ``rate`` times a second, and tells the judge of every one."""

    def __init__(
        self, served: Served, log: Log, *, name: str, base: Base, bound: float, rate: float, seed: int, kinds: Sequence[str]
    ) -> None:
        self._served = served
        self._log = log
        self._name = name
        self._base = base
        self._bounds = {PLAIN: bound, MANY: bound, STRICT: 0.0}
        self._rate = rate
        self._kinds = kinds
        self._chance = random.Random(f"{seed} {name}")
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="reader")
        self._thread = threading.Thread(target=self._schedule, name="schedule", daemon=True)

    def start(self) -> None:
        """Begin, until ``stop``."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no more reads; those under way end."""
        self._stop.set()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _schedule(self) -> None:
        due = now()
        while not self._stop.wait(max(0.0, due - now())):
            kind = self._chance.choice(self._kinds)
            keys = KEYS if kind == MANY else (self._chance.choice(_OFTEN),)
            self._pool.submit(self._read, kind, keys, due)
            due += self._chance.expovariate(self._rate)

    def _read(self, kind: str, keys: Sequence[str], due: float) -> None:
        begin = now()
        try:
            answers = self._served.read(kind, keys)
        except Exception as error:
            log.exception("a read of %s failed", ", ".join(keys))
            answers = {key: Answer(None, error=f"unexpected: {error!r}") for key in keys}
        end = now()
        self._log.add(
            Read(
                self._name, kind, key, self._bounds[kind], due, begin, end, one.stale, one.layer,
                () if one.error else tuple(seen(key, one.value, self._base)), one.why, one.error,
            )
            for key, one in answers.items()
        )  # fmt: skip
