"""A Redis Cluster, sentinels with their servers, and TLS: real processes that a test may kill.

cluster = Cluster()
connect(cluster.url, …).set("a", 1)
cluster.kill_primary("a")
cluster.heal()
cluster.close()
"""

from __future__ import annotations

import contextlib
import secrets
import selectors
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import redis
import trustme
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from fleetcache import embedded
from fleetcache.cache.client import Client
from fleetcache.cache.cluster import Cluster as ClusterClient
from fleetcache.embedded import binaries
from fleetcache.embedded.account import account_for
from tests.live import ADDRESS, free_port, until

SLOTS = 16384


class Node:
    """One Valkey process on a port of its own, with what it is started with."""

    def __init__(self, home: Path, *options: str, kind: str = "") -> None:
        self.port = free_port()
        self.bus = free_port()
        self.address = f"{ADDRESS}:{self.port}"
        self.client = redis.Redis(ADDRESS, self.port, socket_timeout=5, retry=Retry(NoBackoff(), 0))
        self._kind = kind
        self._options = options
        self._directory = home / str(self.port)
        self._directory.mkdir()
        account = account_for(home)
        self._identity = account.identity
        account.own(self._directory)
        self._binary = binaries.find("valkey", account, lambda text: None).path
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self, *options: str) -> None:
        """Start it, with more options than it had; it may not answer yet."""
        settings = self._directory / "settings"
        lines = [
            f"port {self.port}",
            f"bind {ADDRESS}",
            f"dir {self._directory}",
            'save ""',
            *self._options,
            *options,
        ]
        lines += [f"cluster-port {self.bus}"] if "cluster-enabled yes" in lines else []
        settings.write_text("\n".join(lines) + "\n")
        account_for(self._directory.parent).own(settings)
        self._process = subprocess.Popen(
            [self._binary, settings, *([self._kind] if self._kind else [])],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._identity,
        )  # fmt: skip

    def ready(self) -> Node:
        """Wait until it answers."""

        def answers() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"{self.address} ended")
            with contextlib.suppress(redis.RedisError):
                return bool(self.client.ping())
            return False

        until(answers, what=self.address)
        return self

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def pause(self) -> None:
        """Let it accept and never answer."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        self._signal(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        """Whether it was not killed."""
        return self._process is not None

    @property
    def role(self) -> str:
        """``master`` or ``slave``."""
        return str(self.client.info("replication")["role"])

    def close(self) -> None:
        """End it for good."""
        self.client.close()
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


class Cluster:
    """Three primaries, each with a replica."""

    def __init__(self) -> None:
        self._home = _home("cluster")
        self.nodes = [
            Node(
                self._home,
                "cluster-enabled yes",
                "cluster-node-timeout 1000",
                "cluster-replica-validity-factor 0",
                "repl-diskless-sync-delay 0",
                "repl-ping-replica-period 1",
            )
            for _ in range(6)
        ]
        self.url = f"redis+cluster://{','.join(node.address for node in self.nodes[:3])}"
        self._paused: list[Node] = []
        for node in self.nodes:
            node.ready()
        self._join()

    def primary(self, key: str) -> Node:
        """The node that has the key now, as one of those that answer sees it."""
        slot = key_slot(key.encode())
        for node in self.nodes:
            if node.runs and node not in self._paused:
                for first, last, (_, port, *_), *_ in node.client.execute_command("CLUSTER SLOTS"):
                    if first <= slot <= last:
                        return self._at(port)
        raise AssertionError(f"no node has {key}")

    def kill_primary(self, key: str) -> None:
        """Kill the node that has the key; its replica takes over within about two seconds."""
        self.primary(key).kill()

    def pause_primary(self, key: str) -> None:
        """Let the node that has the key accept and never answer; its replica takes over."""
        self._paused.append(self.primary(key))
        self._paused[-1].pause()

    def resume(self) -> None:
        """Let the nodes that were paused answer again; they become replicas if they were replaced."""
        while self._paused:
            self._paused.pop().resume()

    def heal(self) -> None:
        """Start what was killed, resume what was paused, and wait until the cluster is whole."""
        self.resume()
        for node in self.nodes:
            if not node.runs:
                node.start()
        until(self._whole, within=20, what="the cluster is whole")

    def close(self) -> None:
        """End it."""
        for node in self.nodes:
            node.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _join(self) -> None:
        first, *others = self.nodes
        share = SLOTS // 3 + 1
        for number, node in enumerate(self.nodes):
            # Without an epoch of its own each, they would need seconds to agree.
            node.client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            if number < 3:
                node.client.execute_command(
                    "CLUSTER ADDSLOTSRANGE", share * number, min(share * (number + 1), SLOTS) - 1
                )
        for node in others:
            first.client.execute_command("CLUSTER MEET", ADDRESS, node.port, node.bus)
        for primary, replica in zip(self.nodes[:3], self.nodes[3:], strict=True):
            identity = primary.client.execute_command("CLUSTER MYID")
            until(lambda replica=replica, identity=identity: _replicate(replica, identity), what="a replica")
        until(self._whole, what="the cluster is whole")

    def _whole(self) -> bool:
        """All nodes say the same: three shards, a primary with a connected replica each."""
        said = set()
        for node in self.nodes:
            try:
                info = node.client.info("replication")
                state = node.client.execute_command("CLUSTER INFO")
                shards = node.client.execute_command("CLUSTER SLOTS")
            except redis.RedisError:
                return False
            if info["role"] == "slave" and info["master_link_status"] != "up":
                return False
            if info["role"] == "master" and not info["connected_slaves"]:
                return False
            if dict(state)["cluster_state"] != "ok":
                return False
            said.add(tuple(sorted((first, *[place[1] for place in places]) for first, _, *places in shards)))
        return len(said) == 1 and [len(shard) for shard in said.pop()] == [3, 3, 3]

    def _at(self, port: int) -> Node:
        return next(node for node in self.nodes if node.port == port)


def _replicate(replica: Node, primary: bytes) -> bool:
    with contextlib.suppress(redis.ResponseError):  # it has not met that one yet
        return bool(replica.client.execute_command("CLUSTER REPLICATE", primary))
    return False


class Sentinel:
    """A primary with two replicas, and three sentinels that call it ``fleet``."""

    NAME = "fleet"

    def __init__(self) -> None:
        self._home = _home("sentinel")
        options = ("repl-diskless-sync-delay 0", "repl-ping-replica-period 1")
        first = Node(self._home, *options)
        followers = [Node(self._home, *options, f"replicaof {ADDRESS} {first.port}") for _ in range(2)]
        self.nodes = [first, *followers]
        for node in self.nodes:
            node.ready()
        until(lambda: first.client.info("replication")["connected_slaves"] == 2, what="the replicas")
        self.sentinels = [
            Node(
                self._home,
                f"sentinel monitor {self.NAME} {ADDRESS} {first.port} 1",
                f"sentinel down-after-milliseconds {self.NAME} {patience}",
                f"sentinel failover-timeout {self.NAME} 2000",
                f"sentinel parallel-syncs {self.NAME} 2",
                kind="--sentinel",
            )
            # One alone is the first to act: two at once split the votes and wait for seconds.
            for patience in (400, 3000, 3000)
        ]
        self.url = f"redis+sentinel://{','.join(one.address for one in self.sentinels)}/{self.NAME}"
        until(self._whole, what="the sentinels")

    @property
    def primary(self) -> Node:
        """Whom most sentinels take for the primary."""
        said = [port for one in self.sentinels if (port := self._told(one))]
        port = max(set(said), key=said.count)
        return next(node for node in self.nodes if node.port == port)

    def promote(self, *, kill: bool = False) -> None:
        """Make a replica the primary and wait for it: as an operator does, or by killing the primary."""
        before = self.primary
        if kill:
            before.kill()
        ask_at = 0.0

        def promoted() -> bool:
            nonlocal ask_at
            if not kill and self.primary is before and time.monotonic() >= ask_at:
                # A sentinel gives a failover up when the replica is not ready yet, and says no more of it.
                ask_at = time.monotonic() + 5
                with contextlib.suppress(redis.ResponseError):
                    self.sentinels[0].client.execute_command("SENTINEL FAILOVER", self.NAME)
            told = {self._told(one) for one in self.sentinels}
            return len(told) == 1 and self.primary is not before and self.primary.role == "master"

        until(promoted, within=30, what="a new primary")

    def heal(self) -> None:
        """Start what was killed, as a replica, and wait until all is as it was."""
        for node in self.nodes:
            if not node.runs:
                node.start()
                node.ready()

        def healed() -> bool:
            primary = self.primary
            with contextlib.suppress(
                redis.ConnectionError
            ):  # whom sentinels reconfigure ends all connections
                for node in self.nodes:
                    if node is not primary and node.role == "master":
                        # The sentinels would see to it within ten seconds.
                        node.client.execute_command("REPLICAOF", ADDRESS, primary.port)
            return self._whole()

        until(healed, within=20, what="the sentinels and their servers")

    def close(self) -> None:
        """End all."""
        for node in (*self.sentinels, *self.nodes):
            node.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _told(self, sentinel: Node) -> int | None:
        with contextlib.suppress(redis.RedisError):
            answer = sentinel.client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", self.NAME)
            return int(answer[1]) if answer else None
        return None

    def _whole(self) -> bool:
        for one in self.sentinels:
            try:
                state = one.client.execute_command("SENTINEL MASTER", self.NAME)
            except redis.RedisError:
                return False
            if state["num-other-sentinels"] != 2 or state["num-slaves"] != 2 or state["flags"] != "master":
                return False
        try:
            info = self.primary.client.info("replication")
        except redis.RedisError:
            return False
        return bool(info["role"] == "master" and info["connected_slaves"] == 2)


class TlsProxy:
    """Speaks TLS and forwards to a plain Redis; its certificate is for ``localhost``."""

    def __init__(self, target: str) -> None:
        self._home = _home("tls")
        self._target = urlsplit(target)
        authority = trustme.CA()
        self.certificates = self._home / "authority.pem"
        authority.cert_pem.write_to_path(str(self.certificates))
        self.others = self._home / "another.pem"
        trustme.CA().cert_pem.write_to_path(str(self.others))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)
        self._door = socket.create_server((ADDRESS, 0))
        self.port = self._door.getsockname()[1]
        self.url = f"rediss://localhost:{self.port}?ssl_ca_certs={quote(str(self.certificates))}"
        self.wrong_url = f"rediss://localhost:{self.port}?ssl_ca_certs={quote(str(self.others))}"
        self._ends: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="tls-proxy", daemon=True).start()

    def close(self) -> None:
        """Stop listening and reset what is open."""
        for end in (self._door, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                plain, _ = self._door.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as open_ends:
            client = open_ends.enter_context(self._context.wrap_socket(plain, server_side=True))
            server = open_ends.enter_context(self._dial())
            self._ends |= {client, server}
            both = selectors.DefaultSelector()
            both.register(client, selectors.EVENT_READ, server)
            both.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in both.select():
                    assert isinstance(key.fileobj, socket.socket)
                    if not (data := key.fileobj.recv(65536)):
                        return
                    key.data.sendall(data)

    def _dial(self) -> socket.socket:
        if self._target.scheme == "unix":
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target.path)
            return server
        return socket.create_connection((self._target.hostname or ADDRESS, self._target.port or 6379))


LEAST = (
    "+get +mget +set +incrby +expire +pexpire +pttl +exists +del +unlink +scan +hset +hgetall +hdel +zadd "
    "+zrangebyscore +zremrangebyscore +memory|usage "
    "+eval +ping +info +client|tracking +client|setname +cluster|slots"
)
"""The commands that fleetcache sends; AUTH and HELLO are always allowed."""


def acl_user(client: Client, prefix: str) -> tuple[str, str]:
    """Make a user who may touch keys of ``prefix`` only, with the least commands; name and password."""
    name, password = f"user-{prefix}", secrets.token_hex(8)
    rules = ("reset", "on", f">{password}", f"~{prefix}:*", "resetchannels", *LEAST.split())
    if isinstance(client, ClusterClient):
        client.execute_command("ACL SETUSER", name, *rules, target_nodes=client.ALL_NODES)
    else:
        client.execute_command("ACL SETUSER", name, *rules)
    return name, password


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster of six nodes; whoever breaks it heals it."""
    made = Cluster()
    yield made
    made.close()


@pytest.fixture(scope="session")
def sentinel() -> Iterator[Sentinel]:
    """A primary, two replicas and three sentinels; whoever breaks them heals them."""
    made = Sentinel()
    yield made
    made.close()


@pytest.fixture(scope="session")
def tls(servers: embedded.Servers) -> Iterator[TlsProxy]:
    """The Valkey of the run behind TLS."""
    assert servers.redis_url is not None
    made = TlsProxy(servers.redis_url)
    yield made
    made.close()


def _home(name: str) -> Path:
    home = Path(tempfile.mkdtemp(prefix=f"fleetcache-{name}-"))
    home.chmod(0o755)
    return home
