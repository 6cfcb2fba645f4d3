"""The connection to Redis: short deadlines, no hidden retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from fleetcache.errors import BadSetting, StoreDown

SCHEMES = ("redis", "rediss", "unix")


def checked_url(url: str, *, setting: str = "REDIS_URL") -> str:
    """``url`` itself when a client can be made from it. Raises BadSetting naming the fault."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadSetting(f"{setting} is not a Redis URL: {error}.") from error
    if parts.scheme not in SCHEMES:
        raise BadSetting(
            f"{setting} starts with “{parts.scheme or url[:12]}”; fleetcache takes redis://, rediss:// and unix://."
        )
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
