"""What is done to the system while it serves. Every fault is real, and over after two seconds at most.

Two lanes of them run side by side, so that faults meet: one for instances and Redis, one for PostgreSQL
and what is counted in it.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable

import psycopg
import redis

from fleetcache.embedded.postgres import APP
from tests.freshness.records import Fault, Log, now
from tests.freshness.stage import INSTANCES, Stage

EVERY_SECONDS = 2.8
"""In each of the two lanes."""
OLD_SECONDS = 30
TELLING = "bad line to PostgreSQL"
Chance = random.Random


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def _meanwhile(stage: Stage, chance: Chance, least: float, most: float) -> None:
    """Let a fault last, while somebody commits now and then what those it hit are not told of."""
    ends = now() + chance.uniform(least, most)
    while (left := ends - now()) > 0:
        stage.killer.write()
        _wait(min(left, chance.uniform(0.05, 0.6)))


class Lane:
    """Faults of one kind, one after another."""

    def __init__(self, stage: Stage, log: Log, faults: dict[str, Callable[[Stage, Chance], str]], seed: str) -> None:
        self.failure: Exception | None = None
        self._stage = stage
        self._log = log
        self._faults = faults
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more; the one that is on is over when this returns."""
        self._stop.set()
        self._thread.join()

    def _deal(self) -> list[str]:
        """All of them in some order; the one that tells most comes twice."""
        cards = [*self._faults, *(name for name in self._faults if name == TELLING)]
        return self._chance.sample(cards, len(cards))

    def _run(self) -> None:
        left: list[str] = []
        pause = self._chance.uniform(0.3, EVERY_SECONDS)
        while not self._stop.wait(pause):
            left = left or self._deal()
            name, began = left.pop(), now()
            try:
                detail = self._faults[name](self._stage, self._chance)
            except (psycopg.Error, redis.RedisError) as error:  # the other lane was in the way
                detail = f"came to nothing: {error}"
            except Exception as error:
                self.failure = error
                raise
            ended = now()
            self._log.add([Fault(name, began, ended, detail)])
            pause = max(0.2, EVERY_SECONDS * self._chance.uniform(0.7, 1.3) - (ended - began))


def _someone(stage: Stage, chance: Chance) -> str:
    ready = [name for name in INSTANCES if stage.instances[name].ready]
    return chance.choice(ready or INSTANCES)


def kill_instance(stage: Stage, chance: Chance) -> str:
    """An instance dies and another takes its place."""
    name = _someone(stage, chance)
    stage.instances[name].signal(signal.SIGKILL)
    stage.instances[name].end(5)
    stage.launch(name)
    return name


def kill_after_commit(stage: Stage, chance: Chance) -> str:
    """Somebody commits and an instance dies before anything can be told to anyone."""
    name = _someone(stage, chance)
    stage.killer.write()
    return kill_instance(stage, chance) and name


def stop_instance(stage: Stage, chance: Chance) -> str:
    """An instance stands still; what it had proven before says nothing when it goes on."""
    name = _someone(stage, chance)
    stage.instances[name].signal(signal.SIGSTOP)
    _meanwhile(stage, chance, 0.3, 2.0)
    stage.instances[name].signal(signal.SIGCONT)
    return name


def flush_redis(stage: Stage, chance: Chance) -> str:
    """Redis forgets everything."""
    stage.valkey.client.flushall()
    return ""


def restart_redis(stage: Stage, chance: Chance) -> str:
    """Redis dies and comes back empty."""
    stage.valkey.stop()
    _meanwhile(stage, chance, 0.0, 1.0)
    stage.valkey.start()
    return ""


def stop_redis(stage: Stage, chance: Chance) -> str:
    """Redis accepts and does not answer."""
    stage.valkey.hang()
    _meanwhile(stage, chance, 0.3, 1.0)
    stage.valkey.resume()
    return ""


def bad_line_to_redis(stage: Stage, chance: Chance) -> str:
    """One instance hears nothing of the others any more, or only late."""
    name = chance.choice(INSTANCES)
    line, how = stage.proxies[name], chance.choice(("half open", "late", "cut"))
    if how == "half open":
        line.half_open()
    elif how == "late":
        line.delay(chance.uniform(0.01, 0.2))
    else:
        line.refuse()
        line.cut()
    _meanwhile(stage, chance, 0.3, 2.0)
    line.heal()
    return f"{name} {how}"


def old_values(stage: Stage, chance: Chance) -> str:
    """Values of before are put back into Redis, as a delayed writer would."""
    client = stage.valkey.client
    names = [name for name in client.keys(f"{stage.prefix}:*") if client.type(name) == b"string"]
    names = [name for name in names if b":lease" not in name and b":r:" not in name]
    held = dict(zip(names, client.mget(names), strict=True)) if names else {}
    _meanwhile(stage, chance, 0.7, 1.7)
    for name, value in held.items():
        if value is not None:
            client.set(name, value, ex=OLD_SECONDS)
    return f"{len(held)} keys"


def _backends(stage: Stage, where: str) -> list[int]:
    with stage.house.admin() as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE usename = %s AND starts_with(application_name, %s)", (APP, where)
        )
        return [row[0] for row in found]


def cut_connections(stage: Stage, chance: Chance) -> str:
    """Every connection of the app's role ends, those of writers included."""
    with stage.house.admin() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (APP,)
        )
    return ""


def stop_checks(stage: Stage, chance: Chance) -> str:
    """The server processes that answer checks stand still, or all that work for the instances."""
    where = chance.choice(("fleetcache check", "fleetcache"))
    stopped = _backends(stage, where)
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    _meanwhile(stage, chance, 0.3, 1.0)
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return f"{where}: {len(stopped)}"


def restart_postgres(stage: Stage, chance: Chance) -> str:
    """PostgreSQL ends the immediate way and recovers."""
    stage.postgres.stop()
    _wait(chance.uniform(0.0, 0.5))
    stage.postgres.start()
    return ""


def bad_line_to_postgres(stage: Stage, chance: Chance) -> str:
    """What the server says to one instance comes late, in a lump, or never; and mostly that instance hears
    nothing of Redis either, so that no hint makes good what it does not know."""
    name = chance.choice(INSTANCES)
    wire, deaf = stage.wires[name], chance.random() < 0.7
    how = chance.choice(("late", "later", "later", "in a lump", "lost"))
    if deaf:
        stage.proxies[name].half_open()
    if how == "late":
        wire.delay(chance.uniform(0.02, 0.12))
    elif how == "later":
        wire.delay(chance.uniform(0.15, 0.24))
    elif how == "in a lump":
        wire.hang()
    else:
        wire.lose()
    _meanwhile(stage, chance, 1.0, 2.0)
    wire.heal()
    if deaf:
        stage.proxies[name].heal()
    return f"{name} {how}{', deaf' if deaf else ''}"


def lock_table(stage: Stage, chance: Chance) -> str:
    """Somebody locks a table and takes their time."""
    table = chance.choice(("figures", "changes", "versions", "settings"))
    with stage.house.admin() as connection, connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '1s'")
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode() if table != "figures" else b"SELECT FROM figures LIMIT 0")
        _wait(chance.uniform(0.2, 0.8))
    return table


def _by_hand(statement: bytes) -> Callable[[Stage, Chance], str]:
    def run(stage: Stage, chance: Chance) -> str:
        with stage.house.admin() as connection:
            connection.execute(statement)
        return ""

    return run


LANES: tuple[dict[str, Callable[[Stage, Chance], str]], ...] = (
    {
        "instance killed": kill_instance,
        "instance killed after a commit": kill_after_commit,
        "instance stopped": stop_instance,
        "Redis flushed": flush_redis,
        "Redis restarted": restart_redis,
        "Redis stopped": stop_redis,
        "bad line to Redis": bad_line_to_redis,
        "old values put back": old_values,
    },
    {
        "connections cut": cut_connections,
        "checks stopped": stop_checks,
        "PostgreSQL restarted": restart_postgres,
        TELLING: bad_line_to_postgres,
        "table locked": lock_table,
        "changes folded": _by_hand(b"SELECT fold_changes()"),
        "view refreshed": _by_hand(b"SELECT refresh_figures()"),
        "epoch renewed": _by_hand(b"SELECT renew_epoch()"),
    },
)
