"""What a run is played on: the servers, the wires, three instances and the writers."""

from __future__ import annotations

import secrets
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from fleetcache.embedded.postgres import APP, OWNER
from fleetcache.source import migrations
from fleetcache.source.seed import seed
from tests import live, proxy
from tests.freshness import control, instance, writers
from tests.freshness.children import QUIET, Child
from tests.freshness.counters import COUNTERS, Base, plant, standing
from tests.freshness.records import Log
from tests.freshness.servers import SUPERUSER, Postgres, Wire

INSTANCES = ("one", "two", "three")
READY_SECONDS = 30.0


class House:
    """PostgreSQL with the tiny airline and our counters in it, and a Valkey; for one run after another."""

    def __init__(self) -> None:
        self.postgres = Postgres()
        self.valkey = live.Redis()
        migrations.migrate(self.postgres.url(OWNER), app_role=APP)
        with psycopg.connect(self.postgres.url(OWNER)) as owner:
            today = owner.execute("SELECT today()").fetchone()
            assert today is not None
            seed(owner, profile="tiny", as_of=today[0])
            plant(owner)
            self.base = Base.of(owner)
            owner.execute("SELECT refresh_figures()")

    def admin(self) -> psycopg.Connection:
        """A superuser's connection, past every wire."""
        return psycopg.connect(self.postgres.url(SUPERUSER), autocommit=True, connect_timeout=3)

    def standing(self) -> dict[str, int]:
        """Where each counter stands in the tables."""
        with self.admin() as connection:
            return standing(connection)

    def close(self) -> None:
        """Stop both servers."""
        self.valkey.close()
        self.postgres.close()

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Stage:
    """One run: its processes, and the files they leave."""

    def __init__(self, house: House, *, bound_ms: int, seed: int, busy: int, original: bool) -> None:
        self.house = house
        self.postgres, self.valkey = house.postgres, house.valkey
        self.prefix = f"fresh-{secrets.token_hex(4)}"
        self.folder = Path(tempfile.mkdtemp(prefix="fleetcache-run-"))
        self.said = self.folder / "said"
        self.standing = house.standing()
        self.instances: dict[str, Child] = {}
        self._finals: dict[str, Path] = {}
        self._bound_ms, self._seed, self._busy, self._original = bound_ms, seed, busy, original
        self._lives = 0
        self.wires = {name: Wire(self.postgres) for name in INSTANCES}
        self.proxies = {name: proxy.Proxy(self.valkey.url).__enter__() for name in INSTANCES}
        self.log = Log(self.folder / "writes")
        self.killer = writers.Writer(
            COUNTERS["killer"], self.postgres.url(APP), self.standing["killer"], self.log, seed
        )
        for name in INSTANCES:
            self.launch(name)
        deadline = time.monotonic() + READY_SECONDS
        while not all(child.ready for child in self.instances.values()):
            assert time.monotonic() < deadline, f"the instances did not start: {self.words}"
            time.sleep(0.05)
        self._writers: Child | None = None

    def write(self) -> None:
        """Let the writers begin."""
        urls = {role: self.postgres.url(role) for role in (APP, OWNER, SUPERUSER)}
        plan = writers.Plan(urls, self.standing, str(self.folder / "writes"), self._seed)
        if self._original:
            self._writers = Child(control.write, plan, self.valkey.url, self.prefix, said=self.said)
        else:
            self._writers = Child(writers.run, plan, said=self.said)

    def launch(self, name: str) -> None:
        """Start an instance, in place of the one of that name that was killed."""
        self._lives += 1
        base = self.house.base
        final = self._finals[name] = self.folder / f"final-{name}-{self._lives}"
        plan = instance.Plan(
            name=f"{name}.{self._lives}",
            owner=self.wires[name].url(OWNER),
            database=self.wires[name].url(APP),
            redis=self.proxies[name].url,
            prefix=self.prefix,
            bound_ms=self._bound_ms,
            base=(base.pilots, base.active, base.pending),
            log=str(self.folder / "reads"),
            final=str(final),
            seed=self._seed,
            busy=self._busy if name == INSTANCES[0] else 0,
            control=self._original,
        )
        self.instances[name] = Child(instance.serve, plan, said=self.said)

    def silence(self) -> None:
        """Have the writers end. The last word is one that nobody tells the caches of."""
        assert self._writers is not None
        self._writers.tell(QUIET)
        assert self._writers.end(30) == 0, self.words
        live.until(self.killer.write, within=10, what="the last write")
        self.killer.close()

    def finals(self) -> dict[str, dict[str, Any]]:
        """What each instance serves now for every key, and the end of them all."""
        for child in self.instances.values():
            child.tell(QUIET)
        ends = {name: child.end(60) for name, child in self.instances.items()}
        assert not any(ends.values()), f"{ends}: {self.words}"
        return {name: msgspec.json.decode(path.read_bytes()) for name, path in self._finals.items()}

    @property
    def words(self) -> str:
        """The last that the processes wrote."""
        return self.said.read_text(errors="replace")[-4000:] if self.said.exists() else ""

    def close(self) -> None:
        """End what still runs; the files stay until ``forget``."""
        for child in [*self.instances.values(), *([self._writers] if self._writers else [])]:
            child.signal(signal.SIGCONT)
            child.signal(signal.SIGKILL)
            child.end(5)
        for one in self.proxies.values():
            one.__exit__()
        for wire in self.wires.values():
            wire.close()

    def forget(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)
