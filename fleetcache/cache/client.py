"""The connection to Redis: short deadlines, no hidden retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from fleetcache.errors import BadSetting, StoreDown

SCHEMES = ("redis", "rediss", "unix")
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


def checked_url(url: str, *, setting: str = "REDIS_URL") -> str:
    """``url`` itself when a client can be made from it. Raises BadSetting naming the fault."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # What the parser says may quote a part of the password.
        raise BadSetting(f"{setting} is not a Redis URL: its host or port cannot be read.") from error
    if parts.scheme not in SCHEMES:
        raise BadSetting(
            f"{setting} starts with “{parts.scheme or 'no scheme'}”; fleetcache takes redis://, rediss:// and unix://."
        )
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in PARAMETERS:
            raise BadSetting(f"{setting} has the parameter “{name}”, which fleetcache does not take.")
        if name == "db" and not value.isdigit():
            raise BadSetting(f"{setting} has the database “{value}”, which is not a number.")
        if name == "ssl_cert_reqs" and value not in ("none", "optional", "required"):
            raise BadSetting(f"{setting} has ssl_cert_reqs={value}; it is none, optional or required.")
    if parts.scheme == "unix" and not parts.path.strip("/"):
        raise BadSetting(f"{setting} names no socket (unix:///path/to/socket).")
    if parts.scheme != "unix":
        if not parts.hostname:
            raise BadSetting(f"{setting} names no host.")
        if port == 0:
            raise BadSetting(f"{setting} has the port 0.")
        if parts.path.strip("/") and not parts.path.strip("/").isdigit():
            raise BadSetting(f"{setting} has the database “{parts.path.strip('/')}”, which is not a number.")
    return url


def connect(url: str, *, connect_seconds: float, command_seconds: float) -> redis.Redis:
    """A client whose every command ends within ``command_seconds``.

    redis-py's own default is ten retries, which turns a dead server into seconds for every call.
    """
    return redis.Redis.from_url(
        checked_url(url),
        socket_connect_timeout=connect_seconds,
        socket_timeout=command_seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=3,
        client_name="fleetcache",
    )


@contextmanager
def errors() -> Iterator[None]:
    """Turn what the client raises into StoreDown with a reason a person can read."""
    try:
        yield
    except redis.TimeoutError as error:
        raise StoreDown("Redis took too long to answer.") from error
    except redis.ResponseError as error:
        raise StoreDown("Redis refused the command.", detail=str(error)) from error
    except (redis.RedisError, OSError) as error:
        raise StoreDown(detail=str(error)) from error
