"""One key that ends every second, read without pause by several processes."""

from __future__ import annotations

import os
import time

from benchmarks.caches import Place
from benchmarks.crew import Crew, build, contestant, names, runs
from benchmarks.measure import Table, ms, soon, turns, wait_for
from benchmarks.ours import OURS
from benchmarks.peers import MEMORY, REDIS
from benchmarks.server import Valkey

PROCESSES, TTL, LOAD, SLOW = 4, 1, 0.1, 0.01
NOT_HERE = ("plain dict", "redis-py GET + msgspec")
COLUMNS = ("contestant", "loads per TTL", "slowest read ms", "reads over 10 ms, ppm", "reads a second")
TEXT = (
    "4 processes, one reader each, read one key with a TTL of 1 s and a loader of 100 ms without pause; "
    "{rounds} turns of {seconds} s each. A read that waits for a load is over 10 ms; so is one that the "
    "machine's {cores} cores could not run. Asyncio peers are asked from outside of their loop here, so reads "
    "a second compare only among themselves; see the hit tables for the cost of a read. fleetcache ends a life "
    "up to a tenth early, so that keys set together do not end together, and loads in its last tenth: one "
    "load per life is 1.11 to 1.23 per TTL, and no reader waits for it."
)


def run(quick: bool) -> list[Table]:
    """Loads, slow reads and throughput of each contestant."""
    contestants = [each for each in names([*OURS, *REDIS, *MEMORY]) if each not in NOT_HERE]
    rounds, seconds = (1, 1.5) if quick else (2, 4.0)
    loads = dict.fromkeys(contestants, 0)
    reads = dict.fromkeys(contestants, 0)
    slow = dict.fromkeys(contestants, 0)
    slowest = dict.fromkeys(contestants, 0.0)
    with Valkey() as server, Crew(PROCESSES) as crew:
        place = Place(server.port, ttl=TTL)
        for name in contestants:
            crew.ask(build, name, place, LOAD)
        for number, name in enumerate(turns(contestants, rounds, "hotkey")):
            key = f"hot:{number}"
            for count, late, worst in crew.ask(read_on, name, place, key, soon(), seconds):
                reads[name] += count
                slow[name] += late
                slowest[name] = max(slowest[name], worst)
            loads[name] += runs(server.client, key)
    rows = [
        (
            name,
            f"{loads[name] * TTL / (rounds * seconds):.2f}",
            ms(slowest[name]),
            f"{1e6 * slow[name] / reads[name]:,.0f}",
            f"{reads[name] / (rounds * seconds):,.0f}",
        )
        for name in contestants
    ]
    return [
        Table("Hot key", TEXT.format(rounds=rounds, seconds=seconds, cores=os.cpu_count()), COLUMNS, rows)
    ]


def read_on(name: str, place: Place, key: str, moment: int, seconds: float) -> tuple[int, int, float]:
    """How many reads, how many of them slow, and the slowest, in seconds."""
    read = contestant(name, place, LOAD).read
    wait_for(moment)
    count = slow = 0
    worst = 0.0
    now = time.perf_counter()
    end = now + seconds
    while now < end:
        began = now
        read(key)
        now = time.perf_counter()
        count += 1
        if now - began > SLOW:
            slow += 1
            worst = max(worst, now - began)
    return count, slow, worst
