"""The connection to Redis: short deadlines, no hidden retries."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from fleetcache.cache.cluster import Cluster
from fleetcache.cache.wire import AppointedTcp, AppointedTls, Tcp, Tls, Unix
from fleetcache.errors import BadSetting

Client = redis.Redis | Cluster
"""A client of any form of Redis."""

Address = tuple[str, int]
Connected = Connection
"""A connection to one server; redis-py calls it so for Unix sockets too."""

_PORTS = {
    **dict.fromkeys(("redis", "rediss", "redis+cluster", "rediss+cluster"), 6379),
    **dict.fromkeys(("redis+sentinel", "rediss+sentinel"), 26379),
}
PARAMETERS = (
    "db",
    "username",
    "password",
    "ssl_cert_reqs",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_certfile",
    "ssl_keyfile",
)
"""What a URL may set; deadlines, retries and the protocol are ours."""
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:@\s]*))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True)
class _Target:
    """What a URL says. ``name`` is what the sentinels call the primary, ``options`` and ``sentinel``
    are arguments of a connection."""

    form: str
    tls: bool
    hosts: list[Address] = field(default_factory=list)
    name: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    sentinel: dict[str, Any] = field(default_factory=dict)


def checked_url(url: str, *, setting: str = "REDIS_URL") -> str:
    """``url`` itself when a client can be made from it. Raises BadSetting naming the fault."""
    try:
        _parse(url)
    except ValueError as error:
        raise BadSetting(f"{setting} {error}") from None
    return url


def connect(url: str, *, connect_seconds: float, command_seconds: float) -> Client:
    """A client that connects when it is first used. Raises BadSetting.

    Each command ends within ``command_seconds`` from sending to the last byte of the reply, a new
    connection within ``connect_seconds`` with TLS and password; asking the sentinels may take as long
    again. What fails is not tried again: redis-py's ten retries turn a dead server into seconds. After a
    failover or a promotion the same client finds the new primaries.
    """
    target = _parse(checked_url(url))
    direct = Tls if target.tls else Tcp
    once = Retry(NoBackoff(), 0)
    common: dict[str, Any] = {
        "connection_class": direct,
        "socket_connect_timeout": connect_seconds,
        "socket_timeout": command_seconds,
        "retry": once,
        "protocol": 3,
        "client_name": "fleetcache",
        "driver_info": None,
        "max_connections": 1000,
        # On, as it is by default, a reply that came too late is taken for that of the next command.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }

    def client(**options: Any) -> redis.Redis:
        return redis.Redis.from_pool(ConnectionPool(**common | options))

    match target.form:
        case "cluster":
            patience = connect_seconds + command_seconds
            return Cluster(target.hosts, patience=patience, **common, **target.options)
        case "sentinel":
            share = connect_seconds / len(target.hosts)
            deadlines = {"socket_connect_timeout": share, "socket_timeout": share}
            manager = Sentinel([])
            manager.sentinels = [
                client(host=host, port=port, **deadlines, **target.sentinel) for host, port in target.hosts
            ]
            appointed = {"connection_class": AppointedTls if target.tls else AppointedTcp, **target.options}
            return redis.Redis.from_pool(SentinelConnectionPool(target.name, manager, **common | appointed))
        case "unix":
            return client(connection_class=Unix, **target.options)
    ((host, port),) = target.hosts
    return client(host=host, port=port, **target.options)


def primaries(client: Client) -> dict[str, Connected]:
    """A new connection, not yet made, for each primary there is now, under its “host:port” or path.

    It is for one thread that listens. Raises redis.RedisError or OSError when the topology cannot be
    read.
    """
    if isinstance(client, Cluster):
        pools = {node.name: node.redis_connection.connection_pool for node in client.primaries()}
    else:
        pool, options = client.connection_pool, client.get_connection_kwargs()
        if isinstance(pool, SentinelConnectionPool):
            name = "{}:{}".format(*pool.get_master_address())
        else:
            name = str(options["path"]) if "path" in options else "{host}:{port}".format(**options)
        pools = {name: pool}
    return {name: pool.connection_class(**pool.connection_kwargs) for name, pool in pools.items()}


def _parse(url: str) -> _Target:
    """What the URL says. Raises ValueError with the rest of a sentence that starts with the setting;
    it quotes nothing that a password with a stray character could have got into."""
    scheme, _, rest = url.partition("://")
    if not _ or scheme not in (*_PORTS, "unix"):
        raise ValueError(
            f"starts with “{scheme if _ else 'no scheme'}”; fleetcache takes redis://, rediss://, unix://, "
            "redis+cluster:// and redis+sentinel:// (rediss+… with TLS)."
        )
    base, _, form = scheme.partition("+")
    rest, _, query = rest.partition("#")[0].partition("?")
    authority, _, path = rest.partition("/")
    credentials, _, hosts = authority.rpartition("@")
    if "@" in query or ("@" in path and base != "unix"):
        raise ValueError("has an @ after the host: in a password write / ? # @ as %2F %3F %23 %40.")
    if form and "@" in credentials:
        raise ValueError(
            "has several @: user and password stand once, before the first host; in them write %40."
        )
    user, _, password = credentials.partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    options, sentinel = _parameters(query, tls=base == "rediss", sentinel=form == "sentinel")
    options = {**options, **{name: value for name, value in given.items() if value}}
    if base == "unix":
        if hosts or not path.strip("/"):
            raise ValueError("names no socket (unix:///path/to/socket).")
        return _Target("unix", False, options={**options, "path": unquote(f"/{path}")})
    addresses = _addresses(hosts, _PORTS[scheme])
    if len(addresses) > 1 and not form:
        raise ValueError("names several hosts, which only redis+cluster:// and redis+sentinel:// take.")
    path = unquote(path.strip("/"))
    if form == "sentinel":
        if not path or "/" in path:
            raise ValueError(
                "has to name the primary, and it alone, in its path (redis+sentinel://host:26379/name?db=0)."
            )
        tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
        return _Target(form, base == "rediss", addresses, path, options, {**tls, **sentinel})
    if path:
        options.setdefault("db", _database(path))
    if form == "cluster" and options.pop("db", 0):
        raise ValueError("names a database; a cluster has only database 0.")
    return _Target(form, base == "rediss", addresses, options=options)


def _addresses(hosts: str, port: int) -> list[Address]:
    addresses = []
    for number, host in enumerate(hosts.split(","), 1):
        found = _HOST.fullmatch(host)
        which = f"host {number}" if "," in hosts else "its host"
        if not found:
            raise ValueError(f"is not a Redis URL: {which} or its port cannot be read.")
        if not (found["six"] or found["name"]):
            raise ValueError(f"names no host{f' at place {number}' if ',' in hosts else ''}.")
        if found["port"] and not 0 < int(found["port"]) < 65536:
            raise ValueError(f"has a port that is not one of 1 to 65535 at {which}.")
        addresses.append((found["six"] or unquote(found["name"]), int(found["port"] or port)))
    return addresses


def _parameters(query: str, *, tls: bool, sentinel: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of a URL for connections to Redis, and those for connections to sentinels."""
    options: dict[str, Any] = {}
    of_sentinels: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if sentinel and name in ("sentinel_username", "sentinel_password"):
            of_sentinels[name.removeprefix("sentinel_")] = value
            continue
        if name not in PARAMETERS:
            raise ValueError(f"has the parameter “{name}”, which fleetcache does not take here.")
        if name.startswith("ssl_") and not tls:
            raise ValueError(f"has the parameter “{name}” without TLS (rediss…://).")
        if name == "ssl_cert_reqs" and value not in ("none", "optional", "required"):
            raise ValueError(f"has ssl_cert_reqs={value}; it is none, optional or required.")
        options[name] = _database(value) if name == "db" else value
    return options, of_sentinels


def _database(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError(f"has the database “{text}”, which is not a number.")
    return int(text)
