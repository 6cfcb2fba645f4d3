"""The proxy of the chaos tests does what its faults say, to a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from fleetcache import embedded
from tests.live import until
from tests.proxy import Proxy, commands, listening, past_handshake

VALUE = b"value of 18 bytes!"
SECONDS = 0.5


def connect(proxy: Proxy) -> redis.Redis:
    return redis.Redis.from_url(
        proxy.url, socket_timeout=SECONDS, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0), protocol=3
    )


@pytest.fixture
def proxy(servers: embedded.Servers) -> Iterator[Proxy]:
    assert servers.redis_url is not None
    with Proxy(servers.redis_url) as opened:
        yield opened


@pytest.fixture
def make_client(proxy: Proxy) -> Iterator[Callable[[], redis.Redis]]:
    made: list[redis.Redis] = []

    def make() -> redis.Redis:
        made.append(connect(proxy))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[[], redis.Redis], prefix: str) -> redis.Redis:
    """A client with a connection, and a value at the prefix."""
    made = make_client()
    made.set(prefix, VALUE, px=60_000)
    return made


def took(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_it_forwards_and_counts(
    proxy: Proxy, client: redis.Redis, make_client: Callable[[], redis.Redis], prefix: str
) -> None:
    big = bytes(range(256)) * 4000 + b"\r\n"
    client.set(f"{prefix}:big", big, px=60_000)
    other = make_client()
    assert other.get(f"{prefix}:big") == big
    assert other.config_get("maxmemory*")["maxmemory"], "a map in RESP3"
    assert (proxy.connections, proxy.commands["SET"], proxy.commands["GET"]) == (2, 2, 1)
    assert proxy.commands["CLIENT SETINFO"] == 4
    other.close()
    until(lambda: proxy.connections == 1)


def test_a_database_and_a_user_stay_in_the_url() -> None:
    for target, end in (("redis://:word@far:7000/2", "/2"), ("unix://:word@/run/a%20b?db=2", "?db=2")):
        proxy = Proxy(target)
        assert proxy.url.startswith("redis://:word@127.0.0.1:") and proxy.url.endswith(end)
        with proxy:
            pass


def test_delay(proxy: Proxy, client: redis.Redis, prefix: str) -> None:
    """A pipeline pays once, a connection for each word of its handshake."""
    proxy.delay(0.4)
    pipe = client.pipeline(transaction=False)
    for _ in range(3):
        pipe.get(prefix)
    began = time.monotonic()
    assert pipe.execute() == [VALUE] * 3
    assert 0.4 <= time.monotonic() - began < 1.2
    proxy.delay(2 * SECONDS, commands("get"))
    assert took(client.ping) < SECONDS
    with pytest.raises(redis.TimeoutError):
        client.get(prefix)
    proxy.heal()
    assert client.get(prefix) == VALUE


def test_drip(proxy: Proxy, client: redis.Redis, prefix: str) -> None:
    """Each byte comes in time and the whole does not: a socket's timeout is no deadline."""
    proxy.drip(4, SECONDS / 2, commands("get"))
    began = time.monotonic()
    assert client.get(prefix) == VALUE
    assert time.monotonic() - began > 2 * SECONDS


def test_hang_executes_when_healed(
    proxy: Proxy, client: redis.Redis, make_client: Callable[[], redis.Redis], prefix: str
) -> None:
    """Known connections and new ones, and the write of a client that is long gone."""
    fresh = make_client()
    proxy.hang()
    for hung in (client, fresh):
        with pytest.raises(redis.TimeoutError):
            hung.set(prefix, "late", px=60_000)
    assert proxy.commands["SET"] == 2 and proxy.commands["HELLO"] == 2, "counted while it hangs"
    until(lambda: proxy.connections == 0)
    proxy.heal()
    until(lambda: client.get(prefix) == b"late", within=1)


def test_hang_delivers_to_who_still_waits(proxy: Proxy, prefix: str) -> None:
    with ThreadPoolExecutor() as pool, redis.Redis.from_url(proxy.url, protocol=3) as patient:
        patient.ping()
        proxy.hang()
        waiting = pool.submit(patient.incr, prefix)
        until(lambda: proxy.commands["INCRBY"] == 1, within=1)
        assert not waiting.done()
        proxy.heal()
        assert waiting.result(1) == 1


def test_cut_drops_what_hangs(proxy: Proxy, client: redis.Redis, prefix: str) -> None:
    proxy.hang()
    with pytest.raises(redis.TimeoutError):
        client.set(prefix, "dropped")
    proxy.cut()
    proxy.heal()
    assert client.get(prefix) == VALUE


def test_cut_resets_in_the_middle_of_a_command(proxy: Proxy, client: redis.Redis, prefix: str) -> None:
    proxy.hang()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.get, prefix)
        until(lambda: proxy.commands["GET"] == 1)
        proxy.cut()
        with pytest.raises(redis.ConnectionError, match="reset by peer"):
            waiting.result(1)
    assert proxy.connections == 0
    proxy.heal()
    assert client.get(prefix) == VALUE


def test_half_open(proxy: Proxy, client: redis.Redis, prefix: str) -> None:
    """Only the replies are lost, and only those of connections that were there."""
    proxy.half_open(proxy.existing())
    with pytest.raises(redis.TimeoutError):
        client.incr(f"{prefix}:n")
    assert client.get(f"{prefix}:n") == b"1", "it reached the server, and a new connection works"
    proxy.half_open()
    for _ in range(2):
        with pytest.raises(redis.TimeoutError):
            client.get(prefix)
    proxy.heal()
    assert client.get(prefix) == VALUE


def test_half_open_for_those_who_listen(proxy: Proxy, client: redis.Redis, prefix: str) -> None:
    """What is pushed is lost, in silence, until the listener is reset."""
    with redis.Redis.from_url(proxy.url, protocol=3, single_connection_client=True) as tracker:
        tracker.client_tracking_on(prefix=[prefix], bcast=True)
        connection = tracker.connection
        assert connection is not None
        client.set(prefix, "a", px=60_000)
        connection.read_response(push_request=True, timeout=1)
        proxy.half_open(listening)
        client.set(prefix, "b", px=60_000)
        assert client.get(prefix) == b"b"
        assert not connection.can_read(0.1)
        proxy.heal()
        with pytest.raises(redis.ConnectionError):
            connection.can_read(1)


def test_a_subscriber_listens(proxy: Proxy, client: redis.Redis, prefix: str) -> None:
    """Nor does a subscription, answered by a push alone, put the answers after it out of step."""
    listener: redis.client.PubSub = client.pubsub()  # type: ignore[no-untyped-call]
    listener.subscribe(prefix)
    client.ping()
    proxy.answer("-OOM no", commands("publish"))
    message = until(lambda: listener.get_message(timeout=0.1))
    assert message["type"] == "subscribe"
    listener.ping()
    assert until(lambda: listener.get_message(timeout=0.1))["type"] == "pong"
    proxy.heal()
    proxy.cut(listening)
    assert proxy.connections == 1
    listener.close()


def test_refuse(
    proxy: Proxy, client: redis.Redis, make_client: Callable[[], redis.Redis], prefix: str
) -> None:
    proxy.refuse()
    assert client.get(prefix) == VALUE
    with pytest.raises(redis.ConnectionError, match="refused"):
        make_client().ping()
    proxy.cut()
    with pytest.raises(redis.ConnectionError, match="refused"):
        client.get(prefix)
    proxy.heal()
    assert client.get(prefix) == VALUE


def test_garbage(proxy: Proxy, client: redis.Redis, prefix: str) -> None:
    proxy.garbage(b"\xfe\x00\r\n", past_handshake)
    with pytest.raises(redis.InvalidResponse):
        client.get(prefix)
    proxy.garbage(b"$18\r\nof someone else's!\r\n", commands("get"))
    assert client.get(prefix) == b"of someone else's!"
    proxy.garbage(b"", commands("get"))
    with pytest.raises(redis.TimeoutError):
        client.get(prefix)
    proxy.heal()
    assert client.get(prefix) == VALUE


@pytest.mark.parametrize("size", [0, 2, 5, 12, 24])
def test_truncate(proxy: Proxy, client: redis.Redis, prefix: str, size: int) -> None:
    """In the line of its length, in the value, before its last byte; a shorter reply comes whole."""
    proxy.truncate(size, commands("get"))
    with pytest.raises(redis.ConnectionError, match="closed"):
        client.get(prefix)
    assert client.get(f"{prefix}:none") is None if size >= 3 else True
    proxy.heal()
    assert client.get(prefix) == VALUE


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("-LOADING Redis is loading the dataset in memory", redis.BusyLoadingError),
        ("-READONLY You can't write against a read only replica.", redis.ReadOnlyError),
        ("-OOM command not allowed when used memory > 'maxmemory'.", redis.OutOfMemoryError),
        ("-NOAUTH Authentication required.", redis.AuthenticationError),
        ("-MOVED 866 127.0.0.1:7002", redis.exceptions.MovedError),
        ("-CLUSTERDOWN Hash slot not served", redis.exceptions.ClusterDownError),
        ("-BUSY Redis is busy running a script.", redis.ResponseError),
        ("-MISCONF Redis is configured to save RDB snapshots", redis.ResponseError),
    ],
)
def test_answer(
    proxy: Proxy,
    client: redis.Redis,
    make_client: Callable[[], redis.Redis],
    prefix: str,
    line: str,
    error: type[Exception],
) -> None:
    """On a connection that is there and on a new one; nothing is executed."""
    proxy.answer(line)
    for asked in (client, make_client()):
        with pytest.raises(error):
            asked.set(prefix, "executed")
    proxy.heal()
    assert client.get(prefix) == VALUE


def test_answers_keep_their_places(proxy: Proxy, client: redis.Redis, prefix: str) -> None:
    """Among the replies of the server, though those come later."""
    proxy.answer("-OOM no", commands("set"))
    proxy.delay(0.02)
    pipe = client.pipeline(transaction=False)
    for _ in range(3):
        pipe.set(prefix, "no")
        pipe.get(prefix)
    found = pipe.execute(raise_on_error=False)
    assert [isinstance(each, redis.OutOfMemoryError) for each in found] == [True, False] * 3
    assert found[1::2] == [VALUE] * 3
    assert proxy.commands["SET"] == 1 + 3
    assert client.ping()


def test_closing_is_quick_and_leaves_nothing(servers: embedded.Servers) -> None:
    assert servers.redis_url is not None
    threads = threading.active_count()
    with Proxy(servers.redis_url) as proxy:
        client = connect(proxy)
        client.ping()
        proxy.hang()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        proxy.drip(1, 60)
        began = time.monotonic()
    assert time.monotonic() - began < 0.5
    assert threading.active_count() == threads
    with pytest.raises(redis.ConnectionError, match="refused"):
        client.ping()
    client.close()


def test_a_server_that_is_gone(prefix: str) -> None:
    with Proxy(f"unix:///run/{prefix}") as proxy:
        client = connect(proxy)
        with pytest.raises(redis.ConnectionError):
            client.ping()
        assert proxy.connections == 0
