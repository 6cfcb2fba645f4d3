"""Coherence: Redis itself tells every process which of our values changed, whoever changed them.

A connection of its own to each primary asks for invalidation messages of our names (RESP3 client
tracking in broadcast mode). Messages and answers share one ordered stream, so an answered PING proves
that everything that changed before it was sent has been heard. A link that is silent, half-open or
gone proves nothing: memory is trusted for ``TRUST_SECONDS`` after the last proof and no longer.
"""

from __future__ import annotations

import logging
import math
import selectors
import threading
from collections.abc import Iterator, Set

import redis
from redis.connection import AbstractConnection

from fleetcache.cache.breaker import CLOSED
from fleetcache.cache.client import Client, primaries
from fleetcache.cache.link import Link, reply
from fleetcache.cache.names import Names
from fleetcache.cache.proof import NONE, Listener, Proof
from fleetcache.clock import SYSTEM, Clock

log = logging.getLogger(__name__)

PING_SECONDS = 0.1
TRUST_SECONDS = 0.3
RETRY_SECONDS = 0.1
TOPOLOGY_SECONDS = 1.0


class Tracking:
    """A guard that trusts memory while every primary is heard of. It also probes for the breaker
    while Redis is away, so that no reader has to."""

    def __init__(self, link: Link, names: Names, *, clock: Clock = SYSTEM) -> None:
        self._link = link
        self._names = names
        self._clock = clock
        self._proof = NONE
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def proof(self) -> Proof:
        """What a value without a label may stand on."""
        return self._proof

    @property
    def trusted(self) -> bool:
        """Whether memory is served at this moment."""
        return self._clock.monotonic() < self._proof.until

    def start(self, listener: Listener) -> None:
        """Listen in the background, until ``close``."""
        self._thread = threading.Thread(target=self._run, args=(listener,), name="fleetcache-ear", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; memory is trusted no longer."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self, listener: Listener) -> None:
        while not self._stop.is_set():
            ears: dict[str, _Ear] = {}
            try:
                if self._link.probe():
                    connections = primaries(self._link.client)
                    ears = {name: _Ear(one, self._names) for name, one in connections.items()}
                    self._listen(ears, listener)
            except Exception as error:  # noqa: BLE001 - nobody would start this thread again
                log.info("memory is not trusted until Redis is heard of again: %s", error)
            finally:
                # What changes from now on may go unheard: nothing may stand on the old proof.
                self._proof.until, self._proof = -math.inf, NONE
                for ear in ears.values():
                    ear.close()
            self._stop.wait(RETRY_SECONDS)

    def _listen(self, ears: dict[str, _Ear], listener: Listener) -> None:
        """Hear messages and put off the proof until a link fails or the primaries are others."""
        for ear in ears.values():
            ear.open()
        # Before anything stands on the new proof: a kept connection may lead to the primary of before.
        self._link.renew()
        proof = self._proof = Proof()
        look_at = self._clock.monotonic() + TOPOLOGY_SECONDS
        look = _Look(self._link.client)
        with selectors.DefaultSelector() as watch:
            for ear in ears.values():
                watch.register(ear, selectors.EVENT_READ, ear)
            while not self._stop.is_set():
                now = self._clock.monotonic()
                for ear in ears.values():
                    ear.ping(now)
                for key, _ in watch.select(PING_SECONDS / 2):
                    for names in key.data.hear():
                        listener.heard(names)
                proof.until = min(ear.heard_to for ear in ears.values()) + TRUST_SECONDS
                if self._link.breaker.state != CLOSED:
                    self._link.probe()
                if look.found is not None and look.found != ears.keys():
                    log.info("the primaries of Redis are others now")
                    return
                if now >= look_at:
                    look_at = now + TOPOLOGY_SECONDS
                    look.again()


class _Look:
    """Which the primaries are, asked in a thread of its own: while sentinels hang the ears go on.
    ``found`` is None until anybody has said so."""

    def __init__(self, client: Client) -> None:
        self.found: Set[str] | None = None
        self._client = client
        self._thread = threading.Thread()

    def again(self) -> None:
        """Ask, unless the last question is still open."""
        if not self._thread.is_alive():
            self._thread = threading.Thread(target=self._ask, name="fleetcache-primaries", daemon=True)
            self._thread.start()

    def _ask(self) -> None:
        try:
            self.found = primaries(self._client).keys()
        except (redis.RedisError, OSError) as error:
            # Who can be heard is still there; only nobody says whether that is all.
            log.info("nobody says which the primaries of Redis are: %s", error)


class _Ear:
    """The connection to one primary. ``heard_to`` is the moment (monotonic seconds) up to which all
    changes have been heard."""

    def __init__(self, connection: AbstractConnection, names: Names) -> None:
        self.heard_to = -math.inf
        self._connection = connection
        self._space = names.space.encode()
        self._sent_at: float | None = None
        self._ping_at = -math.inf
        self._heard: list[list[str] | None] = []

    def fileno(self) -> int:
        """For ``select``."""
        assert self._connection._sock is not None
        return int(self._connection._sock.fileno())

    def open(self) -> None:
        """Connect, and ask for messages."""
        self._connection.connect()
        # Without a handler the client takes invalidations off the stream and forgets them.
        self._connection._parser.set_invalidation_push_handler(self._invalidated)
        self._connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", self._space)
        reply(self._connection.read_response(), bytes)

    def ping(self, now: float) -> None:
        """Ask for a proof, if it is time to. Raises TimeoutError when the last one is overdue."""
        if self._sent_at is not None:
            if now - self._sent_at > TRUST_SECONDS:
                raise redis.TimeoutError("the last PING is not answered")
        elif now >= self._ping_at:
            self._sent_at = now
            self._ping_at = now + PING_SECONDS
            self._connection.send_command("PING")

    def hear(self) -> Iterator[list[str] | None]:
        """The names in each message that has come; None for all names."""
        while self._connection.can_read(0):
            answer = self._connection.read_response(push_request=True)
            if self._heard:
                yield from self._heard
                self._heard.clear()
            elif answer == b"PONG" and self._sent_at is not None:
                self.heard_to, self._sent_at = self._sent_at, None
            else:
                raise redis.InvalidResponse(f"not an answer to PING: {answer!r}")

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.disconnect()

    def _invalidated(self, message: list[object]) -> None:
        match message:
            case [_, None]:
                self._heard.append(None)
            case [_, list() as keys]:
                values = [key for key in keys if isinstance(key, bytes) and key.endswith(b"}")]
                names = [key[len(self._space) : -1].decode("utf-8", "replace") for key in values]
                self._heard.append(names)
