"""The process that holds the load is killed in the middle of it."""

from __future__ import annotations

import time

from benchmarks.caches import Place
from benchmarks.crew import Crew, build, contestant, names, runs
from benchmarks.measure import Table, median, ms, turns
from benchmarks.ours import OURS
from benchmarks.peers import LOCK_SECONDS, REDIS
from benchmarks.server import Valkey

LONG, LOAD, PATIENCE = 30.0, 0.1, 15.0
COLUMNS = ("contestant", "others blocked ms", "worst ms", "loads by others before the kill")
TEXT = (
    "One process begins a load of 30 s; 0.3 s later another reads the same key (its loader takes 100 ms); "
    "0.3 s later the first is killed (SIGKILL). Blocked is the time from the kill until the reader has its "
    "value, without its own loader. A contestant that never waits for another process is not blocked, but "
    "loads twice. dogpile's lock was given {lock} s to live, cashews locks for the key's TTL (60 s); "
    "watched for 15 s. Medians of {trials} trials."
)


def run(quick: bool) -> list[Table]:
    """How long others wait for a dead holder."""
    contestants = [name for name in names([*OURS, *REDIS]) if name != REDIS[1].name]
    trials = 1 if quick else 3
    blocked: dict[str, list[float]] = {name: [] for name in contestants}
    early = dict.fromkeys(contestants, 0)
    with Valkey() as server:
        place = Place(server.port)
        for number, name in enumerate(turns(contestants, trials, "holder")):
            key = f"holder:{number}"
            with Crew(1) as victim, Crew(1) as reader:
                victim.ask(build, name, place, LONG)
                reader.ask(build, name, place, LOAD)
                victim.start(read, name, place, LONG, key)
                while not runs(server.client, key):
                    time.sleep(0.002)
                time.sleep(0.3)
                reader.start(read, name, place, LOAD, key)
                time.sleep(0.3)
                early[name] += runs(server.client, key) > 1
                victim.kill()
                killed = time.monotonic()
                try:
                    ended = reader.answers(PATIENCE)[0]
                    blocked[name].append(max(0.0, ended - killed - LOAD))
                except TimeoutError:
                    blocked[name].append(PATIENCE)
    rows = [
        (name, _shown(median(blocked[name])), _shown(max(blocked[name])), f"{early[name]} of {trials}")
        for name in contestants
    ]
    return [Table("Killed lease holder", TEXT.format(lock=LOCK_SECONDS, trials=trials), COLUMNS, rows)]


def read(name: str, place: Place, seconds: float, key: str) -> float:
    """The moment at which the value is there."""
    contestant(name, place, seconds).read(key)
    return time.monotonic()


def _shown(seconds: float) -> str:
    return f"> {PATIENCE * 1000:,.0f}" if seconds >= PATIENCE else ms(seconds) if seconds else "0"
