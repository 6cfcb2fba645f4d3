"""What freshness by proof costs: hits, strict reads, checks, writes, and an instance that nobody reads."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import repeat
from pathlib import Path
from typing import Any

import orjson
import psycopg
import redis

from benchmarks import writes
from benchmarks.document import Roster, plain, roster
from benchmarks.fleet import Fleet, owner
from benchmarks.measure import Table, median, percentile, times, turns, us
from benchmarks.server import Valkey
from fleetcache.cache.engine import Engine
from fleetcache.cache.layer import Layer
from fleetcache.cache.single import Made, Single
from fleetcache.catalogue import CATALOGUE
from fleetcache.freshness.poller import CHECK_SECONDS, QUIET_SECONDS, Poller
from fleetcache.runtime import Runtime
from fleetcache.servers import Urls
from fleetcache.settings import Settings
from fleetcache.source.checks import Checks
from fleetcache.source.database import Database

SLICE_NS = 10_000_000
THREADS = 8
WITH, WITHOUT, ON_REDIS = "with", "without", "on Redis"
TOPICS = CATALOGUE["dashboard:metrics"].topics
KEY = "document"
GET_TCP, GET_SOCKET = "redis-py GET + orjson, TCP", "redis-py GET + orjson, Unix socket"
SELECT, SELECT_DRIVER = "bare `SELECT 1`, libpq", "bare `SELECT 1`, psycopg"
STRICT = "fleetcache `read_strict`"
HIT_TEXT = (
    "One thread, one key, the document of 4 KB, in turn in slices of about 10 ms; p50 and p95 over the slices, the "
    "ratio is the median of the rounds' own. “With proof” is a key of five topics, “without” one of none; "
    "in the background the poller of the instance checks a PostgreSQL, whoever's turn it is."
)
STRICT_TEXT = (
    "The same way. A strict read has the value in memory and asks PostgreSQL whether it is current, each time. Both "
    "servers as the demo starts them, on Unix sockets; the GET is also shown over loopback TCP, as in the table of "
    "Redis hits."
)
THREADS_TEXT = (
    "{threads} threads of one process read one key without pause, {rounds} turns of {seconds} s each. Whoever waits "
    "for a check finds that a later one was sent after it had asked, and needs none of its own."
)
CHECK_TEXT = (
    "One question after another on one connection, prepared, in turn in slices of {count}. A quick check finds "
    "the sum of all versions as it was; a full one comes after a change by somebody else, asks the quick question and "
    "then for the label. Folding begins at 200 change rows, at most once a second; with more of them, each of "
    "seven topics in turn, a check has to count them; those folded are in its way until a VACUUM, which comes once a "
    "minute at most."
)
IDLE_TEXT = (
    "Statements that one started instance sends to PostgreSQL, all counted by the server (log_statement = all). "
    "Read: one key every 10 ms, {busy:.0f} s. Quiet: from {wait:.0f} s after the last read on, for {quiet:.0f} s; two "
    "checks are then 4 s apart, two rounds of looking after the view 30 s."
)
Call = Callable[[str], object]
Spin = Callable[[int], int]


def run(quick: bool) -> list[Table]:
    """All of them, on one pair of servers."""
    with Fleet() as fleet, Valkey() as tcp:
        return [
            *_reads(fleet, tcp, quick),
            _checks(fleet, quick),
            *writes.tables(fleet, quick),
            _idle(fleet, quick),
        ]


class Counted(Poller):
    """A poller that knows how many checks it made."""

    made = 0

    def _check(self) -> set[str]:
        self.made += 1
        return super()._check()


def _engine(urls: Urls, poller: Poller) -> Engine:
    def load(names: Sequence[str]) -> Mapping[str, Made]:
        with closing(Checks(urls.database, seconds=CHECK_SECONDS)) as checks:
            label, _ = checks.ask()
        value, now = roster(KEY), time.time()
        return {
            name: Made(value, now, label.only(TOPICS), label) if name == WITH else Made(value, now) for name in names
        }

    engine = Engine(
        urls.redis,
        (Layer("database", "loader", load),),
        {
            WITH: Single(WITH, Roster, 3600, topics=TOPICS),
            WITHOUT: Single(WITHOUT, Roster, 3600),
            ON_REDIS: Single(ON_REDIS, Roster, 3600),
        },
        prefix="bench",
        schema="1",
        instance="bench",
        connect_seconds=1,
        command_seconds=1,
        prover=poller,
    )
    poller.serve(engine.cache)
    return engine


def _reads(fleet: Fleet, tcp: Valkey, quick: bool) -> list[Table]:
    with ExitStack() as stack:
        urls = fleet.database("reads")
        source = Database(urls.database)
        stack.callback(source.close)
        poller = Counted(source)
        engine, bypassed = _engine(urls, poller), _engine(urls, poller)
        poller.serve(engine.cache)
        poller.start()
        engine.start()
        for each in (bypassed.close, engine.close, poller.close):
            stack.callback(each)
        cache = engine.cache
        while not (engine.tracking.trusted and cache.ledger.known):
            time.sleep(0.01)
        held = {KEY: plain(KEY)}
        memory: dict[str, Spin] = {
            "fleetcache, with proof": _spin(cache.read, WITH),
            "fleetcache, without": _spin(cache.read, WITHOUT),
            "plain dict": _spin(held.__getitem__, KEY),
        }
        bases = {GET_TCP: redis.Redis(port=tcp.port), GET_SOCKET: redis.Redis.from_url(urls.redis)}
        gets = {name: _get(client) for name, client in bases.items()}
        plain_connection = stack.enter_context(psycopg.connect(urls.database, autocommit=True))

        def emptied(key: str) -> object:
            engine.memory.clear()
            return cache.read(key)

        def select(_: str) -> object:
            return plain_connection.execute("SELECT 1", prepare=True).fetchone()

        strict: dict[str, Spin] = {
            **{name: _spin(get, KEY) for name, get in gets.items()},
            SELECT: _spin(_select(stack, urls), ""),
            SELECT_DRIVER: _spin(select, ""),
            STRICT: _spin(cache.read_strict, WITH),
            "fleetcache Redis hit, memory bypassed": _spin(bypassed.cache.read, ON_REDIS),
            "fleetcache Redis hit, with proof, memory emptied before": _spin(emptied, WITH),
        }
        rounds = 10 if quick else 150
        columns = ("contestant", "p50 us", "p95 us", "ratio")
        of_strict = ("contestant", "p50 us", "p95 us", "to a GET, TCP", "to a GET, Unix socket", "to `SELECT 1`")
        return [
            Table("Proof: memory hit", HIT_TEXT, columns, _slices(memory, rounds, "proven hit", ["fleetcache, without"])),
            Table("Proof: strict read", STRICT_TEXT, of_strict, _slices(strict, rounds, "strict", [GET_TCP, GET_SOCKET, SELECT])),
            _at_once(stack, urls, gets, engine, poller, quick),
        ]


def _get(client: redis.Redis) -> Call:
    client.set(KEY, orjson.dumps(plain(KEY)))

    def get(key: str) -> object:
        data: Any = client.get(key)
        return orjson.loads(data)

    return get


def _select(stack: ExitStack, urls: Urls) -> Call:
    """The least that an answer of PostgreSQL costs: a prepared statement, in one C call."""
    server = stack.enter_context(psycopg.connect(urls.database, autocommit=True)).pgconn
    server.prepare(b"one", b"SELECT 1")
    return lambda _: server.exec_prepared(b"one", []).get_value(0, 0)


def _spin(call: Call, key: str) -> Spin:
    def spin(count: int) -> int:
        began = time.perf_counter_ns()
        for _ in repeat(None, count):
            call(key)
        return time.perf_counter_ns() - began

    return spin


def _slices(contestants: Mapping[str, Spin], rounds: int, what: str, bases: Sequence[str]) -> list[tuple[str, ...]]:
    sizes = {}
    for name, spin in contestants.items():
        spin(20)
        sizes[name] = max(1, 20 * SLICE_NS // spin(20))
    slices: dict[str, list[float]] = {name: [] for name in contestants}
    for name in turns(list(contestants), rounds, what):
        slices[name].append(contestants[name](sizes[name]) / sizes[name])
    return [
        (
            name,
            us(median(kept)),
            us(percentile(kept, 0.95)),
            *(times(median([a / b for a, b in zip(kept, slices[base], strict=True)])) for base in bases),
        )
        for name, kept in slices.items()
    ]


def _at_once(
    stack: ExitStack,
    urls: Urls,
    gets: Mapping[str, Call],
    engine: Engine,
    poller: Counted,
    quick: bool,
) -> Table:
    rounds, seconds = (2, 0.3) if quick else (10, 1.0)
    calls: dict[str, tuple[str, list[Call]]] = {
        GET_SOCKET: (KEY, [gets[GET_SOCKET]] * THREADS),
        SELECT: ("", [_select(stack, urls) for _ in range(THREADS)]),
        STRICT: (WITH, [engine.cache.read_strict] * THREADS),
    }
    took: dict[str, list[int]] = {name: [] for name in calls}
    checks = dict.fromkeys(calls, 0)
    for name in turns(list(calls), rounds, "strict, threads"):
        before = poller.made
        took[name] += _together(*calls[name], seconds)
        checks[name] += poller.made - before
    rows = [
        (
            name,
            us(median(kept)),
            us(percentile(kept, 0.95)),
            times(median(kept) / median(took[GET_SOCKET])),
            f"{len(kept) / (rounds * seconds):,.0f}",
            f"{checks[name] / len(kept):.2f}" if name == STRICT else "-",
        )
        for name, kept in took.items()
    ]
    columns = ("contestant", "p50 us", "p95 us", "p50 to a GET", "reads a second", "checks a read")
    text = THREADS_TEXT.format(threads=THREADS, rounds=rounds, seconds=seconds)
    return Table(f"Proof: strict reads, {THREADS} threads at once", text, columns, rows)


def _together(key: str, calls: Sequence[Call], seconds: float) -> list[int]:
    took: list[int] = []
    ends = time.monotonic() + seconds

    def work(call: Call) -> None:
        while time.monotonic() < ends:
            began = time.perf_counter_ns()
            call(key)
            took.append(time.perf_counter_ns() - began)

    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def _checks(fleet: Fleet, quick: bool) -> Table:
    rounds, count = (3, 20) if quick else (60, 50)
    with ExitStack() as stack:
        asked: dict[str, Call] = {}
        urls = fleet.database("checks")
        asked[SELECT] = _select(stack, urls)
        for rows in (0, 200, 2_000, 20_000):
            noted = fleet.database(
                f"checks_{rows}",
                "INSERT INTO changes (topic) SELECT (SELECT array_agg(topic) FROM versions)[1 + n % 7]"
                f" FROM generate_series(1, {rows}) n",
                "VACUUM changes",
            )
            checks = stack.enter_context(closing(Checks(noted.database, seconds=10)))
            asked[f"quick check, {rows:,} change rows"] = _asking(checks)
        folded = fleet.database(
            "checks_folded",
            "ALTER TABLE changes SET (autovacuum_enabled = off)",
            "INSERT INTO changes (topic) SELECT 'pilots' FROM generate_series(1, 100000)",
            "SELECT fold_changes()",
        )
        checks = stack.enter_context(closing(Checks(folded.database, seconds=10)))
        asked["quick check, 100,000 folded and no VACUUM yet"] = _asking(checks)
        full = stack.enter_context(closing(Checks(urls.database, seconds=10)))
        asked[full_name := "full check, after a change"] = _asking(full)
        writer = stack.enter_context(owner(urls))
        every: dict[str, list[int]] = {name: [] for name in asked}
        slices: dict[str, list[float]] = {name: [] for name in asked}
        for call in asked.values():
            call("")
        for name in turns(list(asked), rounds, "checks"):
            took = []
            for _ in range(count):
                if name == full_name:
                    writer.execute("UPDATE settings SET updated_at = now() WHERE name = 'retirement_age'")
                began = time.perf_counter_ns()
                asked[name]("")
                took.append(time.perf_counter_ns() - began)
            if name == full_name:
                writer.execute("SELECT fold_changes()")
            every[name] += took
            slices[name].append(median(took))
    rows_shown = [
        (
            name,
            us(median(every[name])),
            us(percentile(every[name], 0.95)),
            times(median([a / b for a, b in zip(kept, slices[SELECT], strict=True)])),
        )
        for name, kept in slices.items()
    ]
    return Table("Proof: a check", CHECK_TEXT.format(count=count), ("question", "p50 us", "p95 us", "ratio"), rows_shown)


def _asking(checks: Checks) -> Call:
    return lambda _: checks.ask()


def _idle(fleet: Fleet, quick: bool) -> Table:
    busy, wait, quiet = (3.0, 5.0, 5.0) if quick else (10.0, QUIET_SECONDS + 5, 60.0)
    urls = fleet.database("idle", settings="log_statement = 'all'")
    runtime = Runtime(Settings.model_validate({"FLEETCACHE_PREFIX": "idle"}), urls)
    try:
        runtime.prepare(progress=lambda step: None)
        runtime.start()
        time.sleep(3)
        log = Log(fleet.log, "idle")
        ends = time.monotonic() + busy
        while time.monotonic() < ends:
            runtime.cache.read("dashboard:metrics")
            time.sleep(0.01)
        rows = [("read", *log.rates(busy))]
        print(f"idle: {wait + quiet:.0f} s of quiet", file=sys.stderr, flush=True)
        time.sleep(wait)
        log.rates(wait)
        time.sleep(quiet)
        rows.append(("quiet", *log.rates(quiet)))
    finally:
        runtime.close()
    columns = ("instance", "checks a second", "other queries a second", "all, with BEGIN, SET and so on")
    text = IDLE_TEXT.format(busy=busy, wait=wait, quiet=quiet)
    return Table("Proof: an instance that nobody reads", text, columns, rows)


class Log:
    """What the server logs of one database; every look begins where the last one ended."""

    def __init__(self, path: Path, database: str) -> None:
        self._file = path.open("rb")
        self._mark = f"@{database} LOG:  ".encode()
        self._file.seek(0, 2)

    def rates(self, seconds: float) -> tuple[str, str, str]:
        """Checks, other queries and all statements a second since the last look."""
        lines = self._file.read().replace(b"\n\t", b" ").splitlines()
        said = [line.partition(self._mark)[2] for line in lines if self._mark in line]
        sent = [line.partition(b": ")[2].strip() for line in said if line.startswith((b"statement", b"execute"))]
        checks = [line for line in said if line.startswith((b"execute quick", b"execute full"))]
        aside = (b"BEGIN", b"COMMIT", b"ROLLBACK", b"SET", b"SHOW", b"DEALLOCATE", b"DISCARD", b"SELECT set_config")
        queries = [line for line in sent if line and not line.startswith(aside)]
        counts = (len(checks), len(queries) - len(checks), len(sent))
        return (f"{counts[0] / seconds:.2f}", f"{counts[1] / seconds:.2f}", f"{counts[2] / seconds:.2f}")
