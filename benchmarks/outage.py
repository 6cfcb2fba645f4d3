"""A Redis that hangs, a Redis that is gone, and its return."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from benchmarks.caches import Cache, Contestant, Place
from benchmarks.document import plain
from benchmarks.measure import Table, median, ms, turns
from benchmarks.ours import OURS
from benchmarks.peers import REDIS
from benchmarks.server import Valkey

CALLS, LOAD, DEADLINE, PATIENCE = 20, 0.01, 0.05, 12.0
COLUMNS = ("contestant", "1st call ms", "2nd", "20th", "the caller gets", "hits again after ms")
TEXT = (
    "{how} Then 20 reads of cold keys one after another; the times are without the loader's own 10 ms; a "
    "contestant not done within 12 s is given up. Then {back}: the time until a value that one instance "
    "loads is a hit for another. Every client was told 50 ms for connecting and for a command and no "
    "retries, but for the first row: redis-py as it comes. Each contestant has outages of its own, in turn; medians of {rounds}."
)
KINDS = {
    "Hung Redis": ("The server is stopped (SIGSTOP) under warm connections.", "SIGCONT"),
    "Killed Redis": ("The server is killed.", "it is started again, empty"),
}


class Pair:
    """One contestant as two instances over one loader, and how it fared in each outage."""

    def __init__(self, contestant: Contestant, place: Place, name: str) -> None:
        self.name = name
        self.loaded: list[float] = []
        self.one: Cache = contestant.build(place, self.load)
        self.other: Cache = contestant.build(place, self.load)
        self.keys = 0
        self.costs: list[list[float]] = []
        self.gets: set[str] = set()
        self.back: list[float] = []

    def load(self, key: str) -> Any:
        """The loader; it notes its own time."""
        began = time.perf_counter()
        time.sleep(LOAD)
        self.loaded.append(time.perf_counter() - began)
        return plain(key)

    def shared(self) -> bool:
        """Whether a value that one instance loads is a hit for the other."""
        self.keys += 1
        key = f"outage:{self.name}:{self.keys}"
        self.other.read(key)
        runs = len(self.loaded)
        self.one.read(key)
        return len(self.loaded) == runs

    def suffer(self) -> None:
        """The calls while Redis is away."""
        costs: list[float] = []
        over = threading.Event()

        def calls() -> None:
            while len(costs) < CALLS and not over.is_set():
                self.keys += 1
                runs = len(self.loaded)
                began = time.perf_counter()
                try:
                    self.one.read(f"outage:{self.name}:{self.keys}")
                    got = "the value"
                except Exception as error:  # noqa: BLE001 - that is what is asked
                    got = type(error).__name__
                costs.append(time.perf_counter() - began - sum(self.loaded[runs:]))
                if not over.is_set():
                    self.gets.add(got)

        _within(PATIENCE, calls)
        over.set()
        self.costs.append([*costs, *[PATIENCE] * (CALLS - len(costs))])

    def wait(self) -> bool:
        """Read until the two instances share; False when they do not in time."""
        shared = threading.Event()
        over = threading.Event()

        def watch() -> None:
            while not shared.is_set() and not over.is_set():
                with suppress(Exception):
                    if self.shared():
                        shared.set()
                time.sleep(0.005)

        _within(PATIENCE, watch)
        over.set()
        return shared.is_set()

    def recover(self, since: float) -> None:
        """Wait for hits."""
        self.back.append(time.monotonic() - since if self.wait() else PATIENCE)

    def row(self) -> tuple[str, ...]:
        """Medians over the outages."""
        calls = [_typical([costs[n] for costs in self.costs]) for n in (0, 1, CALLS - 1)]
        return self.name, *calls, ", ".join(sorted(self.gets)) or "nothing", _typical(self.back)


def run(quick: bool) -> list[Table]:
    """One table for a hung server, one for a killed server."""
    rounds = 1 if quick else 3
    return [_outages(kind, rounds) for kind in KINDS]


def _outages(kind: str, rounds: int) -> Table:
    with Valkey() as server:
        default, tuned = Place(server.port), Place(server.port, deadline=DEADLINE)
        pairs = [Pair(REDIS[0], default, f"{REDIS[0].name}, as it comes")]
        pairs += [Pair(each, tuned, each.name) for each in (*OURS, *REDIS)]
        for pair in turns(pairs, rounds, kind):
            assert pair.wait(), f"{pair.name} shares nothing before the outage"
            server.hang() if kind == "Hung Redis" else server.kill()
            pair.suffer()
            server.resume() if kind == "Hung Redis" else server.start()
            pair.recover(time.monotonic())
    how, back = KINDS[kind]
    return Table(
        kind, TEXT.format(how=how, back=back, rounds=rounds), COLUMNS, [pair.row() for pair in pairs]
    )


def _within(seconds: float, call: Callable[[], None]) -> None:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)


def _typical(values: list[float]) -> str:
    typical = median(values)
    return ms(typical) if typical < PATIENCE else f"> {PATIENCE * 1000:,.0f}"
