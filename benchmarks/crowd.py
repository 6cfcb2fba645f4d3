"""People at the pages at the same time, each of whom opens one, looks at it for a while, and opens the next."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from benchmarks.served import Served
from fleetcache.access.roles import Role
from fleetcache.demo.visitor import Visitor
from fleetcache.errors import AppDown

PAGES = {"overview": "", "fleet": "fleet", "compliance": "compliance", "retirement": "retirement", "pilots": "pilots", "leave": "leave"}
ROLES: tuple[Role, ...] = ("viewer", "manager")
THINK_SECONDS = (5.0, 15.0)
ARRIVE_SECONDS = 15.0


@dataclass
class Crowd:
    """What they saw: by page the seconds each drawing took, everything that went wrong, and the memory of the
    server in MB ``before`` they came and ``with_all`` of them there."""

    before: float
    with_all: float = 0.0
    drawn: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PAGES})
    faults: list[str] = field(default_factory=list)
    cpu: float = 0.0

    @property
    def all(self) -> list[float]:
        """The seconds of every drawing."""
        return [seconds for each in self.drawn.values() for seconds in each]


def crowd(served: Served, *, people: int, seconds: float) -> Crowd:
    """So many ``people`` for so long, counted from when all of them are there."""
    return asyncio.run(_crowd(served, people, seconds))


async def _crowd(served: Served, people: int, seconds: float) -> Crowd:
    found = Crowd(served.memory())
    counting = asyncio.Event()

    async def person(place: int) -> None:
        chance = Random(place)
        await asyncio.sleep(chance.uniform(0, ARRIVE_SECONDS))
        while True:
            try:
                async with Visitor(served.url, ROLES[place % len(ROLES)]) as visitor:
                    await _look(visitor, chance, found, counting)
            except AppDown as error:  # somebody at a browser would load the page again
                found.faults.append(f"lost: {error.technical}")
                await asyncio.sleep(chance.uniform(*THINK_SECONDS))

    tasks = [asyncio.create_task(person(place)) for place in range(people)]
    await asyncio.sleep(ARRIVE_SECONDS + THINK_SECONDS[0])
    counting.set()
    began = served.cpu()
    await asyncio.sleep(seconds)
    found.cpu = (served.cpu() - began) / seconds
    found.with_all = served.memory()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for fault, times in Counter(found.faults).most_common():
        print(f"{times} x {fault}", file=sys.stderr, flush=True)
    return found


async def _look(visitor: Visitor, chance: Random, found: Crowd, counting: asyncio.Event) -> None:
    while True:
        name = chance.choice(list(PAGES))
        counted = counting.is_set()
        drawn = [await visitor.open(PAGES[name])]
        drawn += await visitor.stay(chance.uniform(*THINK_SECONDS))
        if counted:
            found.drawn[name] += [one.seconds for one in drawn]
            found.faults += [f"{name}: {one.fault}" for one in drawn if one.fault]
