"""The one way to Redis: through the breaker, and with errors a person can read."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

from redis import exceptions

from fleetcache.cache.breaker import Breaker
from fleetcache.cache.client import Client
from fleetcache.cache.cluster import Cluster
from fleetcache.errors import StoreDown

log = logging.getLogger(__name__)
T = TypeVar("T")
_PACKED = 10_000  # keys whose GET is kept as it is sent
_IDLE = 8  # connections kept at hand

# What it raises -> the reason that is counted, what it means, and whether the server is still
# one to ask: a refusal is an answer, silence is not, and None says nothing of it. The first that fits
# counts.
_FAULTS: tuple[tuple[tuple[type[Exception], ...], str, str, bool | None], ...] = (
    ((exceptions.BusyLoadingError,), "loading", "Redis is still loading its data.", False),
    ((exceptions.AuthenticationError, exceptions.NoPermissionError), "auth", "Redis does not let us in.", False),
    ((exceptions.ReadOnlyError,), "readonly", "Redis is a read-only replica.", True),
    ((exceptions.OutOfMemoryError,), "full", "Redis is out of memory and takes no values.", True),
    # redis-py sleeps over this one.
    ((exceptions.ClusterDownError,), "moved", "A part of the Redis cluster is down.", False),
    (
        (exceptions.MovedError, exceptions.AskError, exceptions.TryAgainError),
        "moved",
        "Redis is a cluster that is changing, or is not addressed as one (redis+cluster://).",
        True,
    ),
    ((exceptions.AuthenticationWrongNumberOfArgsError,), "auth", "Redis does not let us in.", False),
    ((exceptions.MaxConnectionsError,), "crowded", "All connections to Redis are in use.", None),
    ((exceptions.TimeoutError, TimeoutError), "timeout", "Redis took too long to answer.", False),
    ((exceptions.ResponseError,), "refused", "Redis refused the command.", True),
    ((exceptions.InvalidResponse,), "garbled", "What answered does not speak like Redis.", False),
    ((exceptions.RedisError, OSError), "down", "Redis did not answer.", False),
)
_RAISED = (exceptions.RedisError, OSError)


class Link:
    """A client and the breaker that stands before it, used as ``with link as client``. Safe to use
    from many threads.

    Whatever goes wrong inside comes out as StoreDown with the reason: at once while the breaker is
    open, without asking.
    """

    def __init__(self, client: Client, *, breaker: Breaker | None = None) -> None:
        self.client = client
        self.breaker = breaker or Breaker()
        self._idle: deque[tuple[int, Any]] = deque()
        self._age = 0
        self._packed: dict[str, list[bytes]] = {}

    def __enter__(self) -> Client:
        if not self.breaker.admit():
            raise StoreDown("Redis did not answer a moment ago and is given time.", reason="open")
        return self.client

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.breaker.succeeded()
        elif isinstance(error, _RAISED):
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> StoreDown:
        _, reason, meaning, alive = next(fault for fault in _FAULTS if isinstance(error, fault[0]))
        if alive:
            self.breaker.succeeded()
        elif alive is False:
            self.breaker.failed()
        return StoreDown(meaning, reason=reason, detail=f"{error}"[:300] or type(error).__name__)

    def get(self, key: str) -> bytes | None:
        """GET, packed once for each key, on a connection that is kept at hand: what the pool does around
        each command takes a quarter of the time. Raises StoreDown."""
        with self as client:
            if isinstance(client, Cluster):
                return _bytes(client.get(key))
            pool: Any = client.connection_pool
            age = self._age
            connection = self._at_hand(pool) or pool.get_connection()
            try:
                if (packed := self._packed.get(key)) is None:
                    packed = connection.pack_command("GET", key)
                    if len(self._packed) < _PACKED:
                        self._packed[key] = packed
                connection.send_packed_command(packed)
                data = _bytes(connection.read_response())
            except BaseException as error:
                if not isinstance(error, exceptions.ResponseError):
                    connection.disconnect()
                pool.release(connection)
                raise
            if len(self._idle) < _IDLE:
                self._idle.append((age, connection))
            else:
                pool.release(connection)
            return data

    def renew(self) -> None:
        """Use no connection again that was made before: the primary may be another server now."""
        self._age += 1
        if not isinstance(self.client, Cluster):
            self.client.connection_pool.disconnect(inuse_connections=False)

    def _at_hand(self, pool: Any) -> Any:
        """A connection that is kept, unless it is from before ``renew``, the server has closed it or said
        what nobody asked for, or it is that of the process this one was forked from."""
        with suppress(IndexError):
            while True:
                age, connection = self._idle.pop()
                if age == self._age and connection.pid == os.getpid() and connection.quiet():
                    return connection
                connection.disconnect()
                pool.release(connection)
        return None

    def evaluate(
        self, script: str, rows: Sequence[tuple[Sequence[str], Sequence[Any]]], kind: type[T]
    ) -> list[T]:
        """Run a script once for each row of (keys, arguments), in one round trip (one per shard on a
        cluster); what each gave, which has to be a ``kind``. Raises StoreDown."""
        commands = [("EVAL", script, len(keys), *keys, *arguments) for keys, arguments in rows]
        with self as client:
            if len(commands) == 1:
                return [reply(client.execute_command(*commands[0]), kind)]
            # EVALSHA is not to be had in a pipeline of a cluster; the server keeps the compiled
            # script by its digest either way.
            with client.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                return [reply(answer, kind) for answer in reply(pipe.execute(), list)]

    def probe(self) -> bool:
        """Ask whether it is there, on behalf of all callers; whether it is. False also when it is not
        yet time to ask again."""
        if not self.breaker.admit(prober=True):
            return False
        try:
            self.client.ping()
        except _RAISED as error:
            log.debug("Redis: %s", self._fault(error).technical)
            return False
        self.breaker.succeeded()
        return True


def _bytes(answer: object) -> bytes | None:
    return None if answer is None else reply(answer, bytes)


def reply(answer: object, kind: type[T]) -> T:
    """An answer that has to be a ``kind``. Raises InvalidResponse for one that Redis would not give."""
    if not isinstance(answer, kind):
        raise exceptions.InvalidResponse(f"the answer is a {type(answer).__name__} in place of a {kind.__name__}")
    return answer
