"""One instance of the program in a process of its own, with readers, as production sets it up."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import SourceDown, Unavailable
from fleetcache.runtime import Runtime
from fleetcache.servers import Urls
from fleetcache.settings import Settings
from tests.freshness.children import QUIET, READY, Parent
from tests.freshness.control import Original
from tests.freshness.counters import Base
from tests.freshness.readers import MANY, PLAIN, STRICT, Answer, Readers, Served
from tests.freshness.records import Log

KINDS = (*[PLAIN] * 8, MANY, STRICT)
SWITCH_SECONDS = 0.001
"""As in ``fleetcache.web.routes``."""


class Plan(msgspec.Struct, frozen=True):
    """What the process is told."""

    name: str
    owner: str
    database: str
    redis: str
    prefix: str
    bound_ms: int
    base: tuple[int, int, int]
    log: str
    final: str
    seed: int
    rate: float = 50.0
    busy: int = 0
    control: bool = False


class Final(msgspec.Struct, frozen=True):
    """What one key was when everything had been quiet for a while."""

    value: Any
    stale: bool
    error: str | None


class Instance:
    """The program's own cache, asked as pages and the API ask."""

    def __init__(self, plan: Plan) -> None:
        settings = Settings.model_validate(
            {"FLEETCACHE_PREFIX": plan.prefix, "FLEETCACHE_BOUND_MS": plan.bound_ms}
        )
        self._runtime = Runtime(settings, Urls(plan.owner, plan.database, plan.redis))
        try:
            self._runtime.prepare(progress=lambda step: None)
        except SourceDown as error:
            logging.warning("starting without the database: %s", error.technical)
        self._runtime.start()

    def read(self, kind: str, keys: Sequence[str]) -> dict[str, Answer]:
        """Keys, read in one of the three ways."""
        cache = self._runtime.cache
        try:
            if kind == MANY:
                found = cache.read_many(keys)
            else:
                found = {keys[0]: (cache.read_strict if kind == STRICT else cache.read)(keys[0])}
        except Unavailable as error:
            found = dict.fromkeys(keys, error)
        return {
            key: Answer(None, error=str(one))
            if isinstance(one, Unavailable)
            else Answer(one.value, one.stale, one.layer, one.reason)
            for key, one in found.items()
        }


def _burn() -> None:
    while True:
        sum(range(1000))


def serve(parent: Parent, plan: Plan) -> None:
    """Serve and read until it is to be quiet, then leave what every key is, and end: without any ceremony,
    for nothing may hang on it."""
    logging.basicConfig(format=f"%(asctime)s {plan.name} %(name)s: %(message)s")
    sys.setswitchinterval(SWITCH_SECONDS)
    served: Served = Original(plan.database, plan.redis, plan.prefix) if plan.control else Instance(plan)
    for _ in range(plan.busy):
        threading.Thread(target=_burn, daemon=True).start()
    readers = Readers(
        served, Log(Path(plan.log)), name=plan.name, base=Base(*plan.base), bound=plan.bound_ms / 1000,
        rate=plan.rate, seed=plan.seed, kinds=(PLAIN,) if plan.control else KINDS,
    )  # fmt: skip
    readers.start()
    parent.say(READY)
    if parent.hear() == QUIET:
        found = {}
        for key in CATALOGUE:
            one = served.read(PLAIN, [key])[key]
            found[key] = Final(None if one.error else one.value, one.stale, one.error)
        readers.stop()
        Path(plan.final).write_bytes(msgspec.json.encode(found))
    os._exit(0)
