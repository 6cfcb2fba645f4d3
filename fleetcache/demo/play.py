"""The demo played for a while: people open pages, and now and then something changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from fleetcache.access.roles import Role
from fleetcache.demo.scenes import Scenes
from fleetcache.demo.visitor import Visitor
from fleetcache.errors import AppDown, FleetcacheError, Forbidden

PAGES = ("", "fleet", "compliance", "retirement", "pilots", "leave")
ROLES: Sequence[Role] = ("viewer", "manager")
THINK_SECONDS = (3.0, 9.0)
PAUSE_SECONDS = (6.0, 14.0)
"""Between two changes: a few a minute."""
TELL_SECONDS = 20.0
AGAIN_SECONDS = 3.0
"""After the pages were lost."""

Say = Callable[[str], None]


@dataclass
class Tally:
    """What has happened so far: the seconds that each page took, how many of them showed a fault, how often the
    pages were lost, the changes made, and those that were refused or failed."""

    pages: list[float] = field(default_factory=list)
    faults: int = 0
    lost: int = 0
    changes: int = 0
    refused: int = 0

    def sentence(self) -> str:
        """In one line."""
        pages = f"{len(self.pages):,} pages drawn"
        if self.pages:
            pages += f" ({sorted(self.pages)[len(self.pages) // 2] * 1000:.0f} ms each at the median)"
        said = [pages, f"{self.changes:,} changes"]
        said += [f"{count:,} {what}" for count, what in (
            (self.refused, "not made"), (self.faults, "pages with a fault"), (self.lost, "times no page at all")
        ) if count]  # fmt: skip
        return ", ".join(said)


class Play:
    """``viewers`` people at the app at ``url`` and changes by ``scenes``, both drawn by ``seed``, for some
    ``seconds``. ``say`` is given what happens, a line each."""

    def __init__(
        self, url: str, scenes: Scenes, *, seconds: float, viewers: int, seed: int, say: Say,
        pause: tuple[float, float] = PAUSE_SECONDS,
    ) -> None:  # fmt: skip
        self.tally = Tally()
        self._url = url
        self._scenes = scenes
        self._seconds = seconds
        self._viewers = viewers
        self._seed = seed
        self._say = say
        self._pause = pause
        self._began = 0.0

    async def run(self) -> None:
        """Play until the time is over, or until cancelled; a change that is under way is made whole. Raises
        Forbidden when the database is no demo any more."""
        self._began = time.monotonic()
        people = (self._look(Random(f"{self._seed} {place}"), ROLES[place % len(ROLES)]) for place in range(self._viewers))
        try:
            async with asyncio.timeout(self._seconds):
                await asyncio.gather(self._change(), self._progress(), *people)
        except TimeoutError:
            return

    async def _look(self, chance: Random, role: Role) -> None:
        """One person who opens pages in turn and looks at each for a while."""
        while True:
            try:
                async with Visitor(self._url, role) as visitor:
                    while True:
                        drawn = [await visitor.open(chance.choice(PAGES))]
                        drawn += await visitor.stay(chance.uniform(*THINK_SECONDS))
                        self.tally.pages += [one.seconds for one in drawn]
                        self.tally.faults += sum(bool(one.fault) for one in drawn)
            except AppDown as error:
                self.tally.lost += 1
                self._tell(f"A viewer has lost the page: {error.technical}")
                await asyncio.sleep(AGAIN_SECONDS)

    async def _change(self) -> None:
        chance = Random(f"{self._seed} pauses")
        while True:
            await asyncio.sleep(chance.uniform(*self._pause))
            try:
                self._tell(await asyncio.to_thread(self._scenes.next))
                self.tally.changes += 1
            except Forbidden:
                raise
            except FleetcacheError as error:
                self.tally.refused += 1
                self._tell(f"Not made: {error.technical}")

    async def _progress(self) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            self._tell(self.tally.sentence())

    def _tell(self, line: str) -> None:
        passed, whole = (f"{int(t) // 60}:{int(t) % 60:02}" for t in (time.monotonic() - self._began, self._seconds))
        self._say(f"{passed} of {whole}  {line}")
