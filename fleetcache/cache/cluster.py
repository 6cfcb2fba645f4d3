"""redis-py's client of a Redis Cluster, fit for a program that has to start and stay quick without one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import redis
from redis.client import Pipeline
from redis.cluster import ClusterNode
from redis.exceptions import RedisClusterException, TryAgainError


class Cluster(redis.RedisCluster):
    """A RedisCluster that connects, through any of ``hosts`` (name and port), when it is first used.

    ``options`` are those of RedisCluster and of its connections. Whoever finds others connecting waits
    for no longer than ``patience`` seconds. All that goes wrong is a redis.RedisError or OSError; the next
    command finds the topology as it is then. Safe to use from many threads.
    """

    def __init__(self, hosts: Sequence[tuple[str, int]], *, patience: float, **options: Any) -> None:
        self._hosts = hosts
        self._options = options
        self._patience = patience
        self._making = threading.RLock()
        self._reader = threading.Thread()

    def __getattr__(self, name: str) -> Any:
        # What the constructor of RedisCluster sets is missing until it has gone through.
        if not self._making.acquire(timeout=self._patience):
            raise redis.TimeoutError("The cluster did not answer those who asked before.")
        try:
            if "_read_topology" not in self.__dict__:
                with _errors():
                    self._connect()
            return object.__getattribute__(self, name)
        finally:
            self._making.release()

    def _connect(self) -> None:
        (host, port), *others = self._hosts
        host = f"[{host}]" if ":" in host else quote(host)
        # The class of its connections can be chosen only when one of the nodes is a URL.
        super().__init__(
            url=f"redis://{host}:{port}",
            startup_nodes=[ClusterNode(*other) for other in others],
            require_full_coverage=False,
            **self._options,
        )
        # Every command that fails reads the topology, one after the other: of 16 threads on a cluster that
        # hangs, the last one waited for 20 seconds.
        self._read_topology = self.nodes_manager.initialize
        self.nodes_manager.initialize = self._outdated  # type: ignore[method-assign]

    def _outdated(self, *args: Any, **options: Any) -> None:
        if not self._reader.is_alive():
            self._reader = threading.Thread(target=self._reread, args=args, kwargs=options, daemon=True)
            self._reader.start()

    def _reread(self, *args: Any, **options: Any) -> None:
        with suppress(redis.RedisError, RedisClusterException, OSError, LookupError):
            self._read_topology(*args, **options)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer of the node that has the key. Raises redis.RedisError or OSError."""
        with _errors():
            return super().execute_command(*args, **options)

    def command(self, **options: Any) -> Any:
        """Nothing: the keys of our commands are known, and the list of all commands is so long that reading
        it took longer than the deadline of a command."""
        return {}

    def determine_slot(self, *args: Any) -> int:
        """Where a command belongs: its key comes first, after script and number in an EVAL."""
        return int(self.keyslot(args[3 if args[0] == "EVAL" else 1]))

    def pipeline(self, transaction: bool = False, shard_hint: None = None) -> Pipeline:
        """Commands for one round trip to each node that has a key of them."""
        return _Batch(self)

    def primaries(self) -> list[ClusterNode]:
        """The primaries there are now. Raises redis.RedisError or OSError."""
        with _errors():
            self._read_topology(disconnect_startup_nodes_pools=False)
            return list(self.get_primaries())

    def close(self) -> None:
        """End all connections."""
        if "nodes_manager" in self.__dict__:
            self.disconnect_connection_pools()


class _Batch(Pipeline):
    """An ordinary pipeline for each node; the one of RedisCluster sends every command again, alone,
    when a node does not answer."""

    def __init__(self, cluster: Cluster) -> None:
        with _errors():
            node = cluster.get_redis_connection(cluster.get_default_node())
        super().__init__(node.connection_pool, node.response_callbacks, False, None)
        self._cluster = cluster

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        stack = self.command_stack
        answers: dict[int, Any] = {}
        shares: dict[ClusterNode, list[int]] = {}
        try:
            with _errors():
                for place, (args, _) in enumerate(stack):
                    (node,) = self._cluster.get_nodes_from_slot(args[0], *args)
                    shares.setdefault(node, []).append(place)
                for node, places in shares.items():
                    share = [stack[place] for place in places]
                    answers.update(zip(places, self._ask(node, share, raise_on_error), strict=True))
            return [answers[place] for place in range(len(stack))]
        finally:
            self.reset()

    def _ask(self, node: ClusterNode, share: list[Any], raise_on_error: bool) -> list[Any]:
        try:
            with self._cluster.get_redis_connection(node).pipeline(transaction=False) as pipe:
                pipe.command_stack = share
                return pipe.execute(raise_on_error)
        except redis.RedisError:
            self._cluster.nodes_manager.initialize(last_failed_node_name=node.name)
            raise


@contextmanager
def _errors() -> Iterator[None]:
    """Turn what is no RedisError into one."""
    try:
        yield
    except RedisClusterException as error:
        cause = error.__cause__
        raise cause if isinstance(cause, redis.RedisError) else redis.ConnectionError(str(error)) from error
    except (AttributeError, LookupError) as error:
        # RedisCluster stumbles over slots without an owner, and over nodes that have no slots yet.
        raise TryAgainError("The cluster is changing.") from error
