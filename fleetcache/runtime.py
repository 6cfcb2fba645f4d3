"""Builds everything once, keeps it going in the background, and closes it."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import date

from fleetcache import __version__, embedded
from fleetcache.access import signin
from fleetcache.access.roles import Person
from fleetcache.access.tokens import Tokens
from fleetcache.cache.engine import Engine
from fleetcache.cache.instances import Instance
from fleetcache.cache.layer import Layer
from fleetcache.cache.limit import Limit
from fleetcache.cache.marks import Mark
from fleetcache.cache.reading import DATABASE, VIEW
from fleetcache.catalogue import CATALOGUE, SETTINGS
from fleetcache.changes.door import Door
from fleetcache.clock import SYSTEM, Clock
from fleetcache.errors import BadSetting, Busy, FleetcacheError, NotMigrated, SourceDown, StoreDown
from fleetcache.freshness import refresher
from fleetcache.freshness.keeper import LEAST_SECONDS, Keeper
from fleetcache.freshness.poller import TEND_SECONDS, Poller
from fleetcache.ops import health
from fleetcache.ops.console import Console
from fleetcache.ops.health import Health
from fleetcache.ops.overrides import overrides
from fleetcache.ops.watch import Since, Watch
from fleetcache.prepare import prepare
from fleetcache.servers import Urls, find
from fleetcache.settings import Settings
from fleetcache.source import daily, demo, raw, statements, view
from fleetcache.source.database import Database

log = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
INVALIDATIONS = 10  # a minute, of each person over HTTP
ALARM_SECONDS = 3600.0
IDLE_TEND_SECONDS = 30.0


def _say(step: str) -> None:
    print(f"fleetcache: {step}", file=sys.stderr, flush=True)


class Runtime:
    """The parts of one running instance. ``warnings`` are for everybody, ``notices`` for administrators."""

    def __init__(
        self, settings: Settings, urls: Urls, *, servers: embedded.Servers | None = None, clock: Clock = SYSTEM
    ) -> None:
        self.settings = settings
        self.urls = urls
        self.clock = clock
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self.started = clock.now()
        self.warnings: tuple[str, ...] = ()
        self.notices: tuple[str, ...] = ()
        self.prepared = False
        # Not known before the database is: nobody can sign in until then.
        self.auth: signin.Mode | None = "oidc" if settings.auth == "oidc" else None
        self.shut: FleetcacheError | None = None
        self._servers = servers
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._threads: list[threading.Thread] = []
        self._changed: set[str] = {SETTINGS}
        self._day: date | None = None

        self.database = Database(urls.database)
        self.poller = Poller(self.database, moved=self._moved, beside=lambda: self.engine.link.breaker.lasting, clock=clock)
        self.engine = Engine(
            urls.redis,
            (
                Layer(VIEW, "view", lambda keys: view.load(self.database, keys), copied=True),
                Layer(DATABASE, "raw queries", lambda keys: raw.load(self.database, keys)),
            ),
            CATALOGUE,
            prefix=settings.prefix,
            schema=statements.schema(),
            instance=self.id,
            connect_seconds=settings.redis_connect_ms / 1000,
            command_seconds=settings.redis_command_ms / 1000,
            prover=self.poller,
            bound=settings.bound_ms / 1000,
            refuse=settings.unproven == "refuse",
            clock=clock,
        )
        self.cache, self.store = self.engine.cache, self.engine.store
        self.counters, self.marks = self.engine.counters, self.engine.marks
        self.instances = self.engine.instances
        self.poller.serve(self.cache)
        self.keeper = Keeper(self.database, self.cache, clock=clock)
        self.tokens = Tokens(self.database, clock=clock)
        link, names = self.engine.link, self.engine.names
        self.limit = Limit(link, names, "invalidate", most=INVALIDATIONS, seconds=60, clock=clock)
        self.watch = Watch()

    def health(self) -> tuple[Health, Since]:
        """The state of every layer now, and since when the verdict holds."""
        alarm = self.keeper.alarm
        alarms = (alarm.text,) if alarm is not None and self.clock.now() - alarm.at < ALARM_SECONDS else ()
        warnings = (*self.warnings, *self.notices, *alarms)
        found = health.check(self.cache, self.database, self.instances, warnings=warnings)
        return found, self.watch.see(found)

    def glance(self) -> Health:
        """The state of every layer, as of at most some seconds ago."""
        return self.watch.glance(lambda: self.health()[0], now=self.clock.now())

    def console(self, person: Person) -> Console:
        """The actions of a person on the cache of this instance."""
        return Console(self.database, self.cache, self.marks, person=person, instance=self.id)

    def door(self, person: Person) -> Door:
        """The changes of a person to the data."""
        return Door(self.database, self.cache, person=person, instance=self.id)

    def prepare(self, *, progress: Callable[[str], None] = _say) -> None:
        """Bring the database into service. Idempotent. Raises what ``prepare.prepare`` and ``judge`` do."""
        embedded_database = self._servers is not None and self._servers.database_url is not None
        done = prepare(
            self.database, self.urls, self.cache, self.keeper,
            profile=self.settings.profile,
            fresh="demo" if embedded_database else None,
            progress=progress,
        )  # fmt: skip
        self.judge()
        self.warnings, self.notices = done.warnings, done.notices
        self.prepared = True

    def judge(self) -> None:
        """Find out how people sign in: a demo that is none any more lets nobody in, and ``shut`` is why. Raises
        SourceDown, NotMigrated, BadSetting."""
        try:
            self.auth = signin.mode(self.settings.auth, marked=demo.marked(self.database))
        except (BadSetting, NotMigrated) as error:
            self.auth = None if self.auth == "demo" else self.auth
            self.shut = error
            raise
        self.shut = None

    def start(self) -> None:
        """Begin the background work: checking, listening to Redis, warming, counting, announcing, refreshing."""
        self.poller.start()
        self.engine.start()
        for work in (self._announce, self._tend):
            thread = threading.Thread(target=work, name=f"fleetcache{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def mark(self, kind: str, detail: str = "") -> None:
        """Put an event beside the hit rate; one that Redis cannot take is logged."""
        try:
            self.marks.add(Mark(self.clock.now(), kind, self.id, detail))
        except StoreDown as error:
            log.info("mark %s not kept: %s", kind, error)

    def close(self) -> None:
        """End the background work, write the last counts, let go of the servers."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self.poller.close()
        self.engine.close()
        self.database.close()
        if self._servers is not None:
            self._servers.close()

    def beat(self) -> None:
        """Write the counts and say that this instance is there. Raises StoreDown."""
        self.counters.flush()
        began = time.perf_counter()
        self.store.exists("ref:settings")
        latency = time.perf_counter() - began
        self.instances.announce(
            Instance(
                id=self.id,
                version=__version__,
                schema=statements.schema(),
                started=self.started,
                seen=self.clock.now(),
                redis_latency=latency,
                memory_hit_rate=self.counters.memory_hit_rate(),
                memory_entries=len(self.engine.memory),
                memory_trusted=self.proves,
                breaker=self.engine.link.breaker.state,
                breaker_opened=self.engine.link.breaker.opened,
            )
        )

    def _announce(self) -> None:
        self.mark("deploy", f"{__version__} started")
        while not self._stop.is_set():
            try:
                self.beat()
            except StoreDown as error:
                log.debug("counts wait in memory: %s", error.technical)
            except Exception:
                log.exception("announcing failed")
            self._stop.wait(BEAT_SECONDS)

    @property
    def proves(self) -> bool:
        """Whether values are proven current before they are served from memory."""
        return self.poller.fault is None and self.cache.ledger.dirty is None

    def _moved(self, topics: set[str]) -> None:
        """Something changed: see to it soon."""
        self._changed |= topics
        self._wake.set()

    def _tend(self) -> None:
        first = True
        while not self._stop.is_set():
            self._wake.clear()
            try:
                if not self.prepared:
                    self.keeper.guard()  # whatever may be wrong with the rest
                    self.prepare()
                self.judge()
                if first:
                    first = False
                    refresher.warm(self.cache)
                if self.keeper.round() is not None:
                    log.info("refreshed the view")
                self._follow()
                self.health()
            except (Busy, SourceDown, StoreDown) as error:
                log.info("background work put off: %s", error.technical)
            except FleetcacheError as error:
                log.warning("background work failed: %s %s", error.technical, error.hint)
            except Exception:
                log.exception("background work failed")
            # Changes come in bursts, and who reads right after one needs the processor more.
            self._wake.wait(self.keeper.due or (IDLE_TEND_SECONDS if self.poller.idle else TEND_SECONDS))
            self._stop.wait(LEAST_SECONDS)

    def _follow(self) -> None:
        """What hangs on the settings and on the day."""
        known = self.cache.ledger.known
        if known is None or known.day != self._day:
            daily.close_day(self.database)
            self._day = known.day if known else None
        if SETTINGS in self._changed:
            self._changed.discard(SETTINGS)
            try:
                self.cache.ttls = overrides(self.cache)
            except FleetcacheError:
                self._changed.add(SETTINGS)
                raise


def build(settings: Settings, *, progress: Callable[[str], None] = _say) -> Runtime:
    """A runtime with its servers up and its database prepared.

    A database of the user's that does not answer is no reason not to start: the runtime then prepares it in
    the background as soon as it does. Raises what ``find`` and ``prepare`` raise otherwise.
    """
    urls, servers = find(settings, progress=progress)
    runtime = Runtime(settings, urls, servers=servers)
    try:
        runtime.prepare(progress=progress)
    except SourceDown as error:
        if servers is not None and servers.database_url is not None:
            runtime.close()
            raise
        progress(f"{error.technical} {error.hint} Starting without it.")
    except FleetcacheError:
        runtime.close()
        raise
    return runtime


_current: Runtime | None = None


def install(runtime: Runtime | None) -> None:
    """Make ``runtime`` the one that pages and routes of this process use."""
    global _current
    _current = runtime


def current() -> Runtime:
    """The runtime of this process. Raises FleetcacheError before the start is done."""
    if _current is None:
        raise FleetcacheError(
            "fleetcache has not been started in this process.", hint="Start it with `streamlit run app.py`."
        )
    return _current
