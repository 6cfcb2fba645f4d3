"""What the client promises on every form of Redis: the verbs work, every command ends in time, a
failover needs no new client."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis

from fleetcache import embedded
from fleetcache.cache.client import Client, connect, primaries
from tests.engines import Cluster, Node, Sentinel, TlsProxy, acl_user
from tests.live import ADDRESS, free_port, until

T = TypeVar("T")
CONNECT, COMMAND = 1.0, 0.5
SLACK = 1.5  # for a busy machine; what redis-py does by itself takes 3 s and more
ERRORS = (redis.RedisError, OSError)


@pytest.fixture
def make() -> Iterator[Callable[[str], Client]]:
    """Makes clients that are closed after the test."""
    with contextlib.ExitStack() as clients:

        def made(url: str) -> Client:
            client = connect(url, connect_seconds=CONNECT, command_seconds=COMMAND)
            clients.callback(client.close)
            return client

        yield made


@pytest.fixture(params=["unix", "tls", "cluster", "sentinel"])
def url(request: pytest.FixtureRequest, servers: embedded.Servers) -> str:
    """Every form of Redis in turn."""
    if request.param == "unix":
        assert servers.redis_url is not None
        return servers.redis_url
    return str(request.getfixturevalue(request.param).url)


def timed(call: Callable[[], T]) -> tuple[T | Exception, float]:
    """What a call gave or raised, and the seconds it took."""
    start = time.monotonic()
    try:
        return call(), time.monotonic() - start
    except ERRORS as error:
        return error, time.monotonic() - start


def works(call: Callable[[], object], *, within: float = COMMAND + CONNECT + SLACK) -> bool:
    """Whether it works; that it ends in time is asserted either way."""
    answer, seconds = timed(call)
    assert seconds < within, f"{seconds:.3f} s: {answer!r}"
    return not isinstance(answer, Exception)


def with_user(url: str, user: str, password: str) -> str:
    scheme, rest = url.split("://")
    return f"{scheme}://{user}:{password}@{rest}"


def test_the_verbs(make: Callable[[str], Client], url: str, prefix: str) -> None:
    client = make(url)
    keys = [f"{prefix}:{number}" for number in range(50)]
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.set(key, key, px=60_000)
        assert pipe.execute() == [True] * 50
    assert client.get(keys[7]) == keys[7].encode()
    with client.pipeline(transaction=False) as pipe:
        for key in (*keys, f"{prefix}:none"):
            pipe.get(key)
        assert pipe.execute() == [*(key.encode() for key in keys), None]
    assert (
        client.eval("return redis.call('GET', KEYS[1]) .. ARGV[1]", 1, keys[3], "!") == f"{keys[3]}!".encode()
    )
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.execute_command("EVAL", "return {KEYS[1], ARGV[1]}", 1, key, "x").pttl(key)
        found = pipe.execute()
    assert found[::2] == [[key.encode(), b"x"] for key in keys]
    assert all(0 < left <= 60_000 for left in found[1::2])
    assert sorted(client.scan_iter(match=f"{prefix}:*")) == sorted(key.encode() for key in keys)
    assert client.exists(keys[0], keys[1], f"{prefix}:none") == 2
    assert client.ping()
    with client.pipeline(transaction=False) as pipe:
        pipe.get(keys[0]).incr(keys[1]).get(keys[2])
        first, refused, last = pipe.execute(raise_on_error=False)
    assert (first, last) == (keys[0].encode(), keys[2].encode())
    assert isinstance(refused, redis.ResponseError)
    assert client.unlink(*keys, f"{prefix}:none") == 50


def test_a_value_larger_than_any_buffer(make: Callable[[str], Client], url: str, prefix: str) -> None:
    client = make(url)
    assert client.set(f"{prefix}:large", b"x" * 3_000_000, px=10_000)
    found = client.get(f"{prefix}:large")
    assert isinstance(found, bytes) and len(found) == 3_000_000
    client.unlink(f"{prefix}:large")


def test_a_wrong_password_is_an_error(make: Callable[[str], Client], url: str) -> None:
    if url.startswith("unix"):
        wrong = f"{url}?username=nobody&password=wrong"
    else:
        wrong = with_user(url, "nobody", "wrong")
    answer, seconds = timed(lambda: make(wrong).get("x"))
    assert seconds < CONNECT + SLACK
    assert isinstance(answer, redis.AuthenticationError)


def test_a_user_who_may_touch_our_prefix_only(make: Callable[[str], Client], url: str, prefix: str) -> None:
    name, password = acl_user(make(url), prefix)
    if url.startswith("unix"):
        client = make(f"{url}?username={name}&password={password}")
    else:
        client = make(with_user(url, name, password))
    ours = f"{prefix}:a"
    assert client.set(ours, "1", px=60_000)
    with client.pipeline(transaction=False) as pipe:
        assert pipe.get(ours).get(f"{prefix}:b").execute() == [b"1", None]
    assert client.eval("return redis.call('PTTL', KEYS[1])", 1, ours)
    assert client.memory_usage(ours)
    assert ours.encode() in list(client.scan_iter(match=f"{prefix}:*", count=1000))
    for connection in primaries(client).values():
        connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", f"{prefix}:")
        assert connection.read_response() == b"OK"
        connection.disconnect()
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.get("another:a")
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.flushdb()
    assert client.unlink(ours) == 1


def test_invalidations_are_pushed(make: Callable[[str], Client], url: str, prefix: str) -> None:
    """By every primary, while somebody else writes."""
    client = make(url)
    listening = list(primaries(client).values())
    for connection in listening:
        connection._parser.set_invalidation_push_handler(lambda message: message)
        connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", f"{prefix}:")
        assert connection.read_response() == b"OK"
    keys = {f"{prefix}:{number}".encode() for number in range(12)}
    for key in keys:
        client.set(key, "1", px=60_000)
    told: set[bytes] = set()
    for connection in listening:
        connection.send_command("PING")
        while (message := connection.read_response(push_request=True, timeout=2)) != b"PONG":
            kind, names = message
            assert kind == b"invalidate"
            told.update(names)
        connection.disconnect()
    assert told == keys
    client.unlink(*keys)


def test_another_authority_is_an_error(make: Callable[[str], Client], tls: TlsProxy) -> None:
    answer, seconds = timed(lambda: make(tls.wrong_url).ping())
    assert seconds < CONNECT + SLACK
    assert isinstance(answer, redis.ConnectionError)
    assert "certificate" in str(answer)
    assert make(f"rediss://localhost:{tls.port}?ssl_cert_reqs=none").ping()


def test_a_server_that_is_down_is_no_fault_of_the_url(make: Callable[[str], Client]) -> None:
    """A client is made all the same, and every command fails at once."""
    for form in ("redis://{}", "redis+cluster://{},{}", "redis+sentinel://{},{}/name"):
        client = make(form.format(*[f"{ADDRESS}:{free_port()}"] * 2))
        for call in (
            client.ping,
            lambda client=client: client.get("x"),
            lambda client=client: primaries(client),
        ):
            if form == "redis://{}" and call is not client.ping:
                continue
            answer, seconds = timed(call)
            assert isinstance(answer, redis.ConnectionError)
            assert seconds < SLACK


@pytest.fixture
def hole() -> Iterator[str]:
    """Where connections are accepted and nothing is ever said."""
    with socket.create_server((ADDRESS, 0)) as server:
        yield f"{ADDRESS}:{server.getsockname()[1]}"


def test_a_server_that_says_nothing_costs_one_deadline(make: Callable[[str], Client], hole: str) -> None:
    for form in ("redis://{}", "rediss://{}", "redis+cluster://{}", "redis+sentinel://{}/name"):
        client = make(form.format(hole))
        for _ in range(2 if form == "redis://{}" else 1):
            answer, seconds = timed(lambda client=client: client.get("x"))
            assert isinstance(answer, (redis.TimeoutError, redis.ConnectionError)), answer
            assert seconds < CONNECT + SLACK, form


def test_one_sentinel_that_answers_is_enough(
    make: Callable[[str], Client], sentinel: Sentinel, hole: str, prefix: str
) -> None:
    dead, living = f"{ADDRESS}:{free_port()}", sentinel.sentinels[0].address
    client = make(f"redis+sentinel://{dead},{hole},{living}/{sentinel.NAME}")
    assert works(lambda: client.set(prefix, "1", px=1000))
    assert works(lambda: client.get(prefix), within=COMMAND)


def test_sentinels_that_do_not_know_the_name(make: Callable[[str], Client], sentinel: Sentinel) -> None:
    with pytest.raises(redis.ConnectionError):
        make(sentinel.url.replace(sentinel.NAME, "stranger")).ping()


def test_one_node_of_a_cluster_that_answers_is_enough(
    make: Callable[[str], Client], cluster: Cluster, hole: str, prefix: str
) -> None:
    client = make(f"redis+cluster://{ADDRESS}:{free_port()},{hole},{cluster.nodes[4].address}")
    assert [works(lambda: client.set(prefix, "1", px=1000)) for _ in range(3)][-1]


def test_many_threads_use_a_cluster_first(
    make: Callable[[str], Client], cluster: Cluster, prefix: str
) -> None:
    client = make(cluster.url)
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda number: client.set(f"{prefix}:{number}", "1", px=1000), range(64)))


@pytest.mark.parametrize("way", ["kill_primary", "pause_primary"])
def test_a_cluster_that_loses_a_primary(
    make: Callable[[str], Client], cluster: Cluster, prefix: str, way: str
) -> None:
    """Commands to the others go on, those to the lost one end in time and work again by themselves."""
    client = make(cluster.url)
    keys = [f"{prefix}:{number}" for number in range(30)]
    for key in keys:
        client.set(key, "1")
    lost = cluster.primary(keys[0])
    away = [key for key in keys if cluster.primary(key) is lost]
    others = [key for key in keys if key not in away]

    def batch() -> list[Any]:
        with client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.get(key)
            return list(pipe.execute())

    getattr(cluster, way)(keys[0])
    try:
        assert not works(lambda: client.get(keys[0]))
        assert not works(batch), "it has a part that nobody answers"
        assert all(works(lambda key=key: client.get(key)) for key in others)
        until(lambda: works(lambda: client.get(keys[0])), within=10, what="the failover")
        until(lambda: works(batch), within=1, what="batches again")
        assert lost.address not in primaries(client)
    finally:
        cluster.heal()
    # What was lost is a replica by now, and says MOVED.
    assert all(works(lambda key=key: client.set(key, "2", px=1000)) for key in keys)


def test_a_cluster_that_hangs(make: Callable[[str], Client], cluster: Cluster, prefix: str) -> None:
    """Nobody waits for the others who wait."""
    client = make(cluster.url)
    client.ping()
    for node in cluster.nodes:
        node.pause()
    try:
        with ThreadPoolExecutor(16) as pool:
            assert not any(
                pool.map(lambda number: works(lambda: client.get(f"{prefix}:{number}")), range(16))
            )
    finally:
        for node in cluster.nodes:
            node.resume()
        cluster.heal()
    until(lambda: works(lambda: client.get(prefix)), within=2, what="the cluster again")


def test_slots_that_move(make: Callable[[str], Client], cluster: Cluster, prefix: str) -> None:
    """MOVED and ASK are followed; a batch fails and knows better the next time."""
    client, key = make(cluster.url), f"{{{prefix}}}:a"
    client.set(key, "1")
    source = cluster.primary(key)
    target = next(node for node in cluster.nodes if node.role == "master" and node is not source)
    slot = source.client.execute_command("CLUSTER KEYSLOT", key)
    of_source, of_target = (node.client.execute_command("CLUSTER MYID") for node in (source, target))

    def batch() -> list[Any]:
        with client.pipeline(transaction=False) as pipe:
            return list(pipe.get(key).get(f"{prefix}:elsewhere").execute())

    def move(start: Node, to: Node, of_start: bytes, of_to: bytes) -> None:
        to.client.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", of_start)
        start.client.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", of_to)
        start.client.execute_command("MIGRATE", ADDRESS, to.port, key, 0, 1000)
        with pytest.raises(redis.exceptions.AskError):
            batch()
        assert client.get(key) == b"1"
        for node in (to, start):
            node.client.execute_command("CLUSTER SETSLOT", slot, "NODE", of_to)
        until(lambda: works(batch), within=1, what="the new topology")
        assert batch() == [b"1", None]
        assert client.get(key) == b"1"

    try:
        move(source, target, of_source, of_target)
    finally:
        move(target, source, of_target, of_source)
        client.unlink(key)
        until(lambda: cluster.primary(key) is source)


@pytest.mark.parametrize("kill", [False, True])
def test_a_promotion(make: Callable[[str], Client], sentinel: Sentinel, prefix: str, kill: bool) -> None:
    """Commands end in time, and go to the new primary once the sentinels name it."""
    client = make(sentinel.url)
    client.set(prefix, "1")
    before = sentinel.primary
    ended = threading.Event()

    def all_along() -> int:
        rounds = 0
        while not ended.is_set():
            works(lambda: client.get(prefix))
            rounds += 1
        return rounds

    with ThreadPoolExecutor(2) as pool:
        going = [pool.submit(all_along) for _ in range(2)]
        try:
            sentinel.promote(kill=kill)
            until(lambda: list(primaries(client)) == [sentinel.primary.address], within=2)
            # Until it is told otherwise the old one takes writes; nobody will know of them.
            until(lambda: works(lambda: client.set(prefix, "2")), within=2, what="the promotion")
            until(lambda: sentinel.primary.client.get(prefix) == b"2", within=1)
            assert sentinel.primary is not before
        finally:
            ended.set()
            sentinel.heal()
        assert all(rounds.result(5) > 1 for rounds in going)
    client.unlink(prefix)


class Dripping:
    """Greets like Redis and then sends every reply byte by byte; of ``now`` it answers at once."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self.pause = 0.04
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            while command := client.recv(4096):
                if b"HELLO" in command:
                    client.sendall(b"%2\r\n+proto\r\n:3\r\n+role\r\n+master\r\n")
                elif b"SETNAME" in command:
                    client.sendall(b"+OK\r\n")
                elif b"now" in command:
                    client.sendall(b"+now\r\n")
                else:
                    for byte in b"$40\r\n" + b"late" * 10 + b"\r\n":
                        client.sendall(bytes([byte]))
                        time.sleep(self.pause)  # the fault itself


@pytest.fixture(params=["tcp", "tls", "unix"])
def dripping(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a server that drips."""
    with contextlib.ExitStack() as ends:
        if request.param == "unix":
            server = ends.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(tmp_path / "socket"))
            server.listen()
            yield_url = f"unix://{tmp_path / 'socket'}"
        else:
            server = ends.enter_context(socket.create_server((ADDRESS, 0)))
            yield_url = f"redis://{ADDRESS}:{server.getsockname()[1]}"
        Dripping(server)
        if request.param == "tls":
            proxy = TlsProxy(yield_url)
            ends.callback(proxy.close)
            yield_url = proxy.url
        yield yield_url


def test_a_reply_that_drips_ends_with_the_deadline(make: Callable[[str], Client], dripping: str) -> None:
    """And the next command gets its own answer, not the rest of that one."""
    client = make(dripping)
    assert client.get("now") == b"now"
    for _ in range(2):
        answer, seconds = timed(lambda: client.get("x"))
        assert isinstance(answer, redis.TimeoutError)
        assert COMMAND * 0.9 < seconds < COMMAND + SLACK
        assert client.get("now") == b"now"


def test_a_batch_has_one_deadline(make: Callable[[str], Client], dripping: str) -> None:
    client = make(dripping)
    with client.pipeline(transaction=False) as pipe:
        for _ in range(10):
            pipe.get("x")
        answer, seconds = timed(pipe.execute)
    assert isinstance(answer, redis.TimeoutError)
    assert seconds < COMMAND + CONNECT + SLACK
    assert client.get("now") == b"now"


def test_what_came_of_a_push_is_kept() -> None:
    """A listener that waited in vain reads on where it stopped."""
    with socket.create_server((ADDRESS, 0)) as server:
        client = connect(
            f"redis://{ADDRESS}:{server.getsockname()[1]}", connect_seconds=CONNECT, command_seconds=COMMAND
        )
        ((_, connection),) = primaries(client).items()
        connection._parser.set_invalidation_push_handler(lambda message: message)
        with ThreadPoolExecutor(1) as pool:
            greeting = pool.submit(connection.connect)
            peer, _ = server.accept()
            with peer:
                assert b"HELLO" in peer.recv(4096)
                peer.sendall(b"%1\r\n+proto\r\n:3\r\n")
                assert b"SETNAME" in peer.recv(4096)
                peer.sendall(b"+OK\r\n")
                greeting.result(5)

                def read() -> Any:
                    return connection.read_response(
                        push_request=True, timeout=0.05, disconnect_on_error=False
                    )

                push = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nkey\r\n"
                for part in (push[:1], push[1:9], push[9:-1]):
                    peer.sendall(part)
                    answer, seconds = timed(read)
                    assert isinstance(answer, redis.TimeoutError)
                    assert seconds < 0.05 + SLACK
                peer.sendall(push[-1:] + push)
                assert read() == [b"invalidate", [b"key"]]
                assert connection.can_read(0)
                assert read() == [b"invalidate", [b"key"]]
                assert not connection.can_read(0)
                connection.disconnect()


@pytest.mark.parametrize(
    "garbage", [b"\x00\r\n", b"+OK\r\n", b"%x\r\n", b"*-7\r\n", b"-\xff\r\n", b"%1\r\n*0\r\n:1\r\n"]
)
def test_a_greeting_that_is_not_of_redis(make: Callable[[str], Client], garbage: bytes) -> None:
    with socket.create_server((ADDRESS, 0)) as server:

        def speak() -> None:
            with server.accept()[0] as peer:
                peer.recv(4096)
                peer.sendall(garbage)
                with contextlib.suppress(OSError):
                    peer.recv(1)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(speak)
            assert not works(lambda: make(f"redis://{ADDRESS}:{server.getsockname()[1]}").get("x"))
