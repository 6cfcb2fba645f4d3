"""What REDIS_URL may say: each form is understood, each fault is named, no secret is quoted."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from redis.connection import SSLConnection
from redis.sentinel import SentinelConnectionPool

from fleetcache.cache.client import Client, checked_url, connect
from fleetcache.cache.cluster import Cluster
from fleetcache.errors import BadSetting
from fleetcache.settings import masked


def options(url: str) -> dict[str, Any]:
    """The arguments of a connection that a client of this URL makes."""
    client = opened(url)
    assert isinstance(client, redis.Redis)
    return dict(client.get_connection_kwargs())


def opened(url: str) -> Client:
    return connect(url, connect_seconds=0.25, command_seconds=0.06)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", {"host": "h", "port": 6379}),
        ("redis://h:1/2", {"host": "h", "port": 1, "db": 2}),
        ("redis://h/2?db=3", {"db": 3}),
        ("redis://:p%40%2F%3A%23@h", {"password": "p@/:#"}),
        ("redis://u:p:q@h", {"username": "u", "password": "p:q"}),
        ("redis://u%20v@h", {"username": "u v"}),
        ("redis://h?username=u&password=p+q%2B", {"username": "u", "password": "p q+"}),
        ("redis://[::1]:7000", {"host": "::1", "port": 7000}),
        ("rediss://h?ssl_cert_reqs=none&ssl_ca_certs=/ca%20file", {"ssl_cert_reqs": "none", "ssl_ca_certs": "/ca file"}),
        ("unix:///run/a%20b/socket?db=2", {"path": "/run/a b/socket", "db": 2}),
        ("unix://u:p@/socket", {"path": "/socket", "username": "u", "password": "p"}),
    ],
)  # fmt: skip
def test_a_url_is_understood(url: str, expected: dict[str, Any]) -> None:
    assert checked_url(url) == url
    assert options(url).items() >= expected.items()


def test_a_cluster_is_entered_by_any_of_its_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}

    def connecting(self: Cluster, **options: Any) -> None:
        told.update(options)
        raise redis.ConnectionError

    monkeypatch.setattr(redis.RedisCluster, "__init__", connecting)
    cluster = opened("rediss+cluster://u:p@[::1],a:1,c:3/0?db=0&ssl_ca_certs=/ca")
    assert isinstance(cluster, Cluster)
    assert not told
    with pytest.raises(redis.ConnectionError):
        cluster.ping()
    assert told["url"] == "redis://[::1]:6379"
    assert [(node.host, node.port) for node in told["startup_nodes"]] == [("a", 1), ("c", 3)]
    assert (told["username"], told["password"], told["ssl_ca_certs"]) == ("u", "p", "/ca")
    assert issubclass(told["connection_class"], SSLConnection)
    assert "db" not in told


def test_sentinels_have_credentials_of_their_own() -> None:
    client = opened(
        "rediss+sentinel://u:p@a,b:1/my%20name?db=3&sentinel_username=su&sentinel_password=sp&ssl_ca_certs=/ca"
    )
    pool = client.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    told = pool.connection_kwargs
    assert (told["username"], told["password"], told["db"], told["ssl_ca_certs"]) == ("u", "p", 3, "/ca")
    assert issubclass(pool.connection_class, SSLConnection)
    assert pool.service_name == "my name"
    doors = [door.get_connection_kwargs() for door in pool.sentinel_manager.sentinels]
    assert [(door["host"], door["port"]) for door in doors] == [("a", 26379), ("b", 1)]
    for door in doors:
        assert (door["username"], door["password"], door["ssl_ca_certs"]) == ("su", "sp", "/ca")
        assert "db" not in door


FAULTS = [
    ("h:6379", "no scheme"),
    ("http://h", "http"),
    ("redis+http://h", "redis+http"),
    ("unix+cluster:///socket", "unix+cluster"),
    ("redis://", "no host"),
    ("redis://:s3cret@", "no host"),
    ("redis://u:s3cret@h:port", "host or its port"),
    ("redis://u:s3cret@h:0", "1 to 65535"),
    ("redis://u:s3cret@h:99999", "1 to 65535"),
    ("redis://[bad", "host or its port"),
    ("redis://bad]:1", "host or its port"),
    ("redis://[::1]1", "host or its port"),
    ("redis://h/zero", "zero"),
    ("redis://h?db=²", "database"),
    ("redis://h?db=-1", "database"),
    ("redis://h?timeout=3", "timeout"),
    ("redis://h?sentinel_password=s3cret", "sentinel_password"),
    ("redis://h?ssl_ca_certs=/ca", "TLS"),
    ("rediss://h?ssl_cert_reqs=maybe", "maybe"),
    ("redis://a,b", "several hosts"),
    ("redis://u:1/s3cret@h", "%2F"),
    ("redis://u:1?s3cret@h", "%3F"),
    ("redis://u:p/s3cret@h", "%2F"),
    ("redis://u:s3cret#x@h", "host or its port"),
    ("unix://", "socket"),
    ("unix://run/socket", "socket"),
    ("redis+cluster://", "no host"),
    ("redis+cluster://a:1,", "no host at place 2"),
    ("redis+cluster://a:1,b:x", "host 2"),
    ("redis+cluster://:s3cret@a:1,b:70000", "host 2"),
    ("redis+cluster://a,[::1", "host 2"),
    ("redis+cluster://a:1;b:2", "host or its port"),
    ("redis+cluster://:s3cret@a:1,:s3cret@b:1", "several @"),
    ("redis+cluster://a/1", "only database 0"),
    ("redis+cluster://a?db=1", "only database 0"),
    ("redis+cluster://a/name", "name"),
    ("redis+sentinel://a,b", "name the primary"),
    ("redis+sentinel://a,b/", "name the primary"),
    ("redis+sentinel://a/name/1", "name the primary"),
    ("redis+sentinel://a/name?db=x", "x"),
    ("rediss+sentinel://:s3/cret@a/name", "%2F"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "fault"), FAULTS)
def test_a_fault_is_named_and_no_secret_quoted(url: str, fault: str) -> None:
    with pytest.raises(BadSetting) as raised:
        checked_url(url)
    said = str(raised.value)
    assert said.startswith("REDIS_URL ")
    assert fault in said
    assert "cret" not in said
    assert raised.value.__cause__ is None
    with pytest.raises(BadSetting):
        opened(url)


@pytest.mark.parametrize(
    "form", ["redis://{}@h", "redis+cluster://{}@a:1,b:2", "rediss+sentinel://{}@a:1,b/name?db=1"]
)
@pytest.mark.parametrize(
    "password", ["s3cret", "s3/cret", "s3:cret", "s3@cret", "s3?cret", "s3#cret", "s3,cret"]
)
def test_what_is_shown_of_a_url_has_no_password(form: str, password: str) -> None:
    shown = masked(form.format(f"user:{password}"))
    assert "cret" not in shown
    assert "s3" not in shown


@pytest.mark.parametrize("name", ["password", "sentinel_password"])
def test_nor_one_in_a_parameter(name: str) -> None:
    assert masked(f"redis+sentinel://u:s3cret@a:1/name?{name}=s3cret&db=1") == (
        f"redis+sentinel://u:***@a:1/name?{name}=***&db=1"
    )


@pytest.mark.parametrize("password", ["s3cret", "s3@cret", "s3&s3@cret", "s3#cret", "s3:@cret"])
def test_nor_one_in_a_parameter_after_a_port(password: str) -> None:
    assert masked(f"redis://h:1/?password={password}&db=1") == "redis://h:1/?password=***&db=1"


@given(
    st.sampled_from(["redis", "rediss", "unix", "redis+cluster", "redis+sentinel"]),
    st.text("a1:/@?#,[]%=&. ", max_size=12),
)
def test_any_text_is_a_url_or_a_bad_setting(scheme: str, rest: str) -> None:
    """And what passes makes a client."""
    try:
        checked_url(f"{scheme}://{rest}")
    except BadSetting:
        return
    opened(f"{scheme}://{rest}").close()
