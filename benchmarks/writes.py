"""What counting changes costs those who write."""

from __future__ import annotations

import threading
import time
from collections import Counter
from functools import cache
from itertools import chain
from types import TracebackType
from typing import Any, Self

import psycopg

from benchmarks.crew import Crew
from benchmarks.fleet import Fleet, owner
from benchmarks.measure import Table, median, percentile, soon, times, turns, us, wait_for
from fleetcache.freshness.poller import BUSY_SECONDS, CHECK_SECONDS
from fleetcache.servers import Urls
from fleetcache.source import guards
from fleetcache.source.checks import Checks
from fleetcache.source.database import Database

UPDATES = {
    "certifications": "UPDATE certifications SET document_number = %s WHERE id = %s",
    "leave_requests": "UPDATE leave_requests SET decision_reason = %s WHERE id = %s",
    "pilots": "UPDATE pilots SET updated_at = to_timestamp(%s::float8) WHERE id = %s",
}
BARE, ROWS, COUNTERS = "without triggers", "fleetcache: a row for each change and one of the audit", "foil: one counter row per topic"
CHANGES = {
    BARE: [f"ALTER TABLE {table} DISABLE TRIGGER note_update" for table in UPDATES],
    ROWS: [],
    COUNTERS: [
        "CREATE TABLE counters (topic text PRIMARY KEY, n bigint NOT NULL)",
        "INSERT INTO counters SELECT topic, base FROM versions",
        """CREATE OR REPLACE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
           BEGIN
               UPDATE fleetcache.counters SET n = n + 1 WHERE topic = TG_ARGV[0];
               RETURN NULL;
           END $$""",
    ],
}
ALONE, AT_ONCE, PROCESSES = 100, 16, 4
# Of 20 statements of a writer.
MIX = [*["certifications", "leave_requests"] * 9, "pilots", "pilots"]
DURABLE = "The server as the demo starts it: fsync, synchronous_commit and full_page_writes on. "
BESIDE = (
    f"Beside “{ROWS}” runs what runs in production: a check every {BUSY_SECONDS * 1000:.0f} ms, and folding every second. "
)
COLUMNS = ("contestant", "p50 us", "p95 us", "ratio of p50")
TEXT = (
    "One writer: UPDATE of one row by its id and COMMIT, in one round trip, on a prepared statement (the cheapest "
    "write there is, so the dearest place for a trigger). Slices of {count} updates in turn, {rounds} rounds; the "
    "ratio is the median of the rounds' own ratios to the same table {bare}. " + DURABLE + BESIDE
)
MANY_COLUMNS = ("contestant", "writes a second", "of those without", "p50 us", "p95 us", "deadlocks", "other errors")
MANY_TEXT = (
    "{at_once} writers at once in {processes} processes, rows of their own, turns of {seconds} s, {rounds} of each and of “two tables” {fewer}; the "
    "share is the median of the rounds' own. “One table”: each commit one update, of ten nine of certifications and "
    "leave_requests and one of pilots. “Two tables”: each transaction updates a row of certifications and "
    "one of leave_requests, every other writer the other way round; who is chosen as a deadlock's victim has written "
    "nothing. " + DURABLE + BESIDE
)
Writer = tuple[psycopg.Connection[Any], dict[str, list[int]]]


class Beside:
    """What an instance that is read does on the database, as long as it is ``on``."""

    def __init__(self, urls: Urls) -> None:
        self.on = False
        self.took: list[int] = []
        self._database = Database(urls.database)
        self._checks = Checks(urls.database, seconds=CHECK_SECONDS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self._checks.connect()
        fold_at = time.monotonic()
        while not self._stop.wait(BUSY_SECONDS):
            if not self.on:
                continue
            began = time.perf_counter_ns()
            self._checks.ask()
            self.took.append(time.perf_counter_ns() - began)
            if time.monotonic() >= fold_at:
                fold_at = time.monotonic() + 1
                guards.fold(self._database)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._checks.close()
        self._database.close()


def tables(fleet: Fleet, quick: bool) -> list[Table]:
    """One writer, and many."""
    places = {name: fleet.database(f"writes_{n}", *made) for n, (name, made) in enumerate(CHANGES.items())}
    with Beside(places[ROWS]) as beside:
        return [_alone(places, beside, 3 if quick else 60), _many(places, beside, quick)]


def _alone(places: dict[str, Urls], beside: Beside, rounds: int) -> Table:
    writers = {name: _writer(urls, 0, 1) for name, urls in places.items()}
    entrants = [(name, table) for table in ("certifications", "leave_requests") for name in places]
    for name, table in entrants:
        _spin(writers[name], table)
    every: dict[tuple[str, str], list[int]] = {each: [] for each in entrants}
    slices: dict[tuple[str, str], list[float]] = {each: [] for each in entrants}
    for name, table in turns(entrants, rounds, "one writer"):
        beside.on = name == ROWS
        took = _spin(writers[name], table)
        every[name, table] += took
        slices[name, table].append(median(took))
    beside.on = False
    for connection, _ in writers.values():
        connection.close()
    rows = [
        (
            f"{table}, {name}",
            us(median(every[name, table])),
            us(percentile(every[name, table], 0.95)),
            times(median([a / b for a, b in zip(slices[name, table], slices[BARE, table], strict=True)])),
        )
        for name, table in entrants
    ]
    return Table("Counting changes: one writer", TEXT.format(count=ALONE, rounds=rounds, bare=BARE), COLUMNS, rows)


def _spin(writer: Writer, table: str) -> list[int]:
    connection, ids = writer
    took = []
    for number in range(ALONE):
        began = time.perf_counter_ns()
        _update(connection, table, ids[table][number % len(ids[table])])
        took.append(time.perf_counter_ns() - began)
    return took


def _update(connection: psycopg.Connection[Any], table: str, row: int) -> None:
    connection.execute(UPDATES[table].encode(), (f"{time.monotonic()}", row), prepare=True)


def _writer(urls: Urls, number: int, of: int) -> Writer:
    connection = owner(urls)
    ids = {
        table: [row for (row,) in connection.execute(f"SELECT id FROM {table} ORDER BY id".encode())][number::of]
        for table in UPDATES
    }
    return connection, ids


def _many(places: dict[str, Urls], beside: Beside, quick: bool) -> Table:
    rounds, seconds = (2, 0.5) if quick else (24, 1.0)
    turns_of = {False: rounds, True: max(2, rounds // 4)}  # a foil in deadlock does not end in time
    entrants = [(pair, name) for pair in turns_of for name in places]
    rates: dict[tuple[bool, str], list[float]] = {each: [] for each in entrants}
    every: dict[tuple[bool, str], list[int]] = {each: [] for each in entrants}
    errors: dict[tuple[bool, str], Counter[str]] = {each: Counter() for each in entrants}
    beside.took.clear()
    with Crew(PROCESSES) as crew:
        for urls in places.values():
            crew.start_each(open_writers, [(urls, part) for part in range(PROCESSES)])
            crew.answers()
        for pair, name in chain.from_iterable(
            turns([(pair, name) for name in places], each, "two tables" if pair else "one table")
            for pair, each in turns_of.items()
        ):
            beside.on = name == ROWS
            moment = soon()
            crew.start_each(write_on, [(places[name], part, pair, moment, seconds) for part in range(PROCESSES)])
            found = crew.answers()
            beside.on = False
            ended = max(ended for _, _, ended in found)
            rates[pair, name].append(1e9 * sum(len(took) for took, _, _ in found) / (ended - moment))
            for took, failed, _ in found:
                every[pair, name] += took
                errors[pair, name] += failed
    rows = [
        (
            f"{'two tables' if pair else 'one table'}, {name}",
            f"{median(rates[pair, name]):,.1f}",
            f"{100 * median([a / b for a, b in zip(rates[pair, name], rates[pair, BARE], strict=True)]):.0f} %",
            us(median(every[pair, name])),
            us(percentile(every[pair, name], 0.95)),
            f"{errors[pair, name].pop('DeadlockDetected', 0)}",
            ", ".join(f"{n} {error}" for error, n in errors[pair, name].items()) or "0",
        )
        for pair, name in entrants
    ]
    text = MANY_TEXT.format(at_once=AT_ONCE, processes=PROCESSES, rounds=rounds, fewer=turns_of[True], seconds=seconds)
    text += f"The checks meanwhile: p50 {us(median(beside.took))} us, p95 {us(percentile(beside.took, 0.95))} us."
    return Table("Counting changes: 16 writers", text, MANY_COLUMNS, rows)


@cache
def _writers(urls: Urls, part: int) -> list[Writer]:
    """The writers of this process, with what each may write."""
    own = AT_ONCE // PROCESSES
    return [_writer(urls, part * own + n, AT_ONCE) for n in range(own)]


def open_writers(urls: Urls, part: int) -> None:
    """Have them made, and their statements prepared, before they are timed."""
    for connection, ids in _writers(urls, part):
        for table in UPDATES:
            _update(connection, table, ids[table][0])


def write_on(urls: Urls, part: int, pair: bool, moment: int, seconds: float
) -> tuple[list[int], Counter[str], int]:
    """How long each write took, in nanoseconds, what went wrong how often, and when the last one was done."""
    took: list[int] = []
    errors: Counter[str] = Counter()
    ends = moment + int(seconds * 1e9)

    def write(writer: Writer, number: int) -> None:
        connection, ids = writer
        turn = 7 * number
        wait_for(moment)
        while (began := time.monotonic_ns()) < ends:
            turn += 1
            try:
                if pair:
                    order = ("certifications", "leave_requests")
                    with connection.transaction():
                        for table in order if number % 2 else order[::-1]:
                            _update(connection, table, ids[table][turn % len(ids[table])])
                else:
                    table = MIX[turn % len(MIX)]
                    _update(connection, table, ids[table][turn % len(ids[table])])
            except psycopg.Error as error:
                errors[type(error).__name__] += 1
            else:
                took.append(time.monotonic_ns() - began)

    threads = [threading.Thread(target=write, args=each[::-1]) for each in enumerate(_writers(urls, part))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, errors, time.monotonic_ns()
