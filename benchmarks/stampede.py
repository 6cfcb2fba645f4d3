"""Many callers, one cold key, one moment."""

from __future__ import annotations

import threading
import time

from benchmarks.caches import Place
from benchmarks.crew import Crew, build, contestant, names, runs
from benchmarks.measure import Table, median, ms, soon, times, turns, wait_for
from benchmarks.ours import OURS
from benchmarks.peers import MEMORY, REDIS
from benchmarks.server import Valkey

PROCESSES, THREADS, LOAD = 4, 8, 0.1
NOT_HERE = ("plain dict", "redis-py GET + msgspec")
COLUMNS = ("contestant", "loader runs of 32", "most", "slowest caller ms", "x the loader", "worst ms")
TEXT = (
    "4 processes x 8 threads (asyncio peers: 8 callers of one loop) read one cold key at one moment; "
    "the loader takes 100 ms and counts its runs. Medians of {trials} trials, contestants in turn; "
    "“most” and “worst” are over all trials. Memory-only caches know nothing of other processes: 4 runs "
    "is their best."
)


def run(quick: bool) -> list[Table]:
    """Loader runs and the slowest caller of each contestant."""
    contestants = [each for each in names([*OURS, *REDIS, *MEMORY]) if each not in NOT_HERE]
    trials = 2 if quick else 11
    counted: dict[str, list[int]] = {name: [] for name in contestants}
    slowest: dict[str, list[float]] = {name: [] for name in contestants}
    with Valkey() as server, Crew(PROCESSES) as crew:
        place = Place(server.port)
        for number, name in enumerate(turns(contestants, trials + 1, "stampede")):
            key = f"stampede:{number}"
            if number < len(contestants):
                crew.ask(build, name, place, LOAD)
            took = crew.ask(callers, name, place, key, soon())
            if number >= len(contestants):
                counted[name].append(runs(server.client, key))
                slowest[name].append(max(max(each) for each in took))
    rows = [
        (
            name,
            str(median(counted[name])),
            str(max(counted[name])),
            ms(median(slowest[name])),
            times(median(slowest[name]) / LOAD),
            ms(max(slowest[name])),
        )
        for name in contestants
    ]
    return [Table("Stampede", TEXT.format(trials=trials), COLUMNS, rows)]


def callers(name: str, place: Place, key: str, moment: int) -> list[float]:
    """The seconds that each thread of this process waited."""
    cache = contestant(name, place, LOAD)
    took: list[float] = []

    def call() -> None:
        wait_for(moment)
        began = time.perf_counter()
        cache.read(key)
        took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == THREADS, f"{THREADS - len(took)} callers of {name} got an error"
    return took
