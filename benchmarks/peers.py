"""Every peer in its best idiomatic configuration, and in its default where the two differ.

Serialisers are those that the peers come with, unless the name says otherwise.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import Any

import msgspec
import orjson
import redis

from benchmarks.caches import AsyncCache, Cache, Contestant, Load, Loop, Place
from benchmarks.document import Roster
from benchmarks.ours import OURS
from benchmarks.server import ADDRESS

SAME = "the object itself"
PICKLE = "pickle to dict"
BATCH = 1000
GROUP = 10_000
LOCK_SECONDS = 10
"""How long a peer's lock outlives its holder: more than the slowest load, or it does not lock."""

for talker in (
    "aiocache.decorators",
    "cashews.backends.redis.client",
    "cashews.backends.redis.client_side",
    "flask_caching",
    "streamlit.runtime.caching.cache_data_api",
):
    logging.getLogger(talker).disabled = True


def dictionary(place: Place, load: Load) -> Cache:
    """A dict that is asked for a key it has."""

    class Filled(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            self[key] = load(key)
            return self[key]

    held = Filled()
    return Cache(held.__getitem__, partial(held.pop, None))


def redis_py(decode: Any, place: Place, load: Load) -> Cache:
    """GET, else load and SET: what is written by hand."""
    client = redis.Redis(ADDRESS, place.port, **place.client_options())

    def read(key: str) -> Any:
        data = client.get(key)
        if data is not None:
            return decode(data)
        value = load(key)
        client.set(key, orjson.dumps(value), ex=place.ttl)
        return value

    return Cache(read, client.delete, partial(_scan_unlink, client), close=client.close)


def _scan_unlink(client: redis.Redis, start: str) -> int:
    found = iter(client.scan_iter(match=f"{start}*", count=BATCH))
    return sum(int(client.unlink(*batch)) for batch in _batches(found))


def _batches(found: Iterable[Any]) -> Iterable[list[Any]]:
    left = iter(found)
    while batch := list(islice(left, BATCH)):
        yield batch


def redis_py_keys(place: Place, load: Load) -> Cache:
    """The same with KEYS and one DEL for a group."""
    cache = redis_py(orjson.loads, place, load)
    client = redis.Redis(ADDRESS, place.port, **place.client_options())
    cache.drop_group = lambda start: int(client.delete(*client.keys(f"{start}*")))
    return cache


def cachetools_lock(place: Place, load: Load) -> Cache:
    """@cached with a lock: safe with threads, every miss loads."""
    return _cachetools(place, load, lock=threading.RLock())


def cachetools_condition(place: Place, load: Load) -> Cache:
    """@cached with a condition: threads wait for the one that loads."""
    return _cachetools(place, load, condition=threading.Condition())


def _cachetools(place: Place, load: Load, **options: Any) -> Cache:
    from cachetools import TTLCache, cached

    held: Any = TTLCache(10_000, place.ttl)
    decorate: Any = cached(held, key=str, **options)
    return Cache(decorate(load), lambda key: held.pop(key, None))


def streamlit_data(place: Place, load: Load) -> Cache:
    """st.cache_data outside of a running server."""
    import streamlit as st

    def loaded(key: str) -> Any:
        return load(key)

    # The decorator knows functions by name and source; contestants of two tests must not share.
    loaded.__qualname__ = f"loaded_{id(load)}"
    read: Any = st.cache_data(ttl=place.ttl, show_spinner=False)(loaded)
    return Cache(read, read.clear)


def dogpile_memory(place: Place, load: Load) -> Cache:
    """Region on a dict; a mutex for each key of the process."""
    return _dogpile(place, load, "dogpile.cache.memory", {})


def dogpile_redis(place: Place, load: Load) -> Cache:
    """Region on Redis as it comes; a mutex for each key of the process."""
    return _dogpile(place, load, "dogpile.cache.redis", _dogpile_arguments(place))


def dogpile_lock(place: Place, load: Load) -> Cache:
    """Region on Redis with its distributed lock, polled quickly."""
    lock = {
        "distributed_lock": True,
        "thread_local_lock": False,
        "lock_timeout": LOCK_SECONDS,
        "lock_sleep": 0.01,
    }
    return _dogpile(place, load, "dogpile.cache.redis", _dogpile_arguments(place) | lock)


def _dogpile_arguments(place: Place) -> dict[str, Any]:
    return {
        "host": ADDRESS,
        "port": place.port,
        "redis_expiration_time": 2 * place.ttl,
        "connection_kwargs": place.client_options(),
    }


def _dogpile(place: Place, load: Load, backend: str, arguments: dict[str, Any]) -> Cache:
    from dogpile.cache import make_region

    region = make_region().configure(backend, expiration_time=place.ttl, arguments=arguments)

    def read(key: str) -> Any:
        return region.get_or_create(key, load, creator_args=((key,), {}))

    def drop_listed(start: str) -> None:
        region.delete_multi([f"{start}{n}" for n in range(GROUP)])

    return Cache(read, region.delete, drop_listed)


def cashews_memory(place: Place, load: Load) -> Cache:
    """@cache in memory, "protected" as it comes: tasks wait for the one that loads."""
    return _cashews(place, load, "mem://")


def cashews_memory_get(place: Place, load: Load) -> Cache:
    """get and set in memory: without the decorator's key templates, and without its protection."""
    return _cashews_get(place, load, "mem://")


def cashews_redis_get(place: Place, load: Load) -> Cache:
    """get and set on Redis."""
    return _cashews_get(place, load, place.url, **place.client_options(asynchronous=True))


def _cashews_get(place: Place, load: Load, url: str, **options: Any) -> Cache:
    from cashews import Cache as Cashews

    loop = Loop()
    cache = Cashews()
    cache.setup(url, **options)

    async def read(key: str) -> Any:
        value = await cache.get(key)
        if value is None:
            value = await loop.load(load, key)
            await cache.set(key, value, expire=place.ttl)
        return value

    return AsyncCache(loop, read, cache.delete)


def cashews_redis(place: Place, load: Load) -> Cache:
    """@cache on Redis, "protected" as it comes: tasks of the process wait for the one that loads."""
    return _cashews(place, load, place.url)


def cashews_lock(place: Place, load: Load) -> Cache:
    """@cache(lock=True) on Redis."""
    return _cashews(place, load, place.url, lock=True)


def cashews_client_side(place: Place, load: Load) -> Cache:
    """Redis with the memory level of cashews, kept coherent by broadcast tracking."""
    return _cashews(place, load, place.url, client_side=True)


def _cashews(place: Place, load: Load, url: str, *, lock: bool = False, client_side: bool = False) -> Cache:
    from cashews import Cache as Cashews

    loop = Loop()
    cache = Cashews()
    options = {} if url == "mem://" else place.client_options(asynchronous=True)
    if client_side:
        # With RESP3, which redis-py 8 speaks unasked, it never hears of a change.
        options |= {"client_side": True, "client_side_prefix": "cashews:", "protocol": 2}
    cache.setup(url, **options)

    @cache(ttl=place.ttl, key="{name}", lock=lock)
    async def read(name: str) -> Any:
        return await loop.load(load, name)

    prefix = "cashews:" if client_side else ""
    return AsyncCache(
        loop, read, cache.delete, lambda start: cache.delete_match(f"{start}*"), lambda key: prefix + key
    )


def aiocache_memory(place: Place, load: Load) -> Cache:
    """@cached in memory."""
    from aiocache import SimpleMemoryCache, cached  # type: ignore[import-untyped]

    return _aiocache(place, load, cached, SimpleMemoryCache, timeout=None)


def aiocache_redis(place: Place, load: Load) -> Cache:
    """@cached on Redis."""
    from aiocache import RedisCache, cached

    return _aiocache(place, load, cached, RedisCache, **_aiocache_arguments(place))


def aiocache_stampede(place: Place, load: Load) -> Cache:
    """@cached_stampede on Redis."""
    from aiocache import RedisCache, cached_stampede

    return _aiocache(place, load, cached_stampede, RedisCache, **_aiocache_arguments(place))


def _aiocache_arguments(place: Place) -> dict[str, Any]:
    options = place.client_options(asynchronous=True)
    return {
        "endpoint": ADDRESS,
        "port": place.port,
        "create_connection_timeout": options.pop("socket_connect_timeout", None),
        "connection_pool_kwargs": options,
    }


def _aiocache(place: Place, load: Load, decorator: Any, backend: Any, **options: Any) -> Cache:
    loop = Loop()

    @decorator(  # type: ignore[untyped-decorator]
        ttl=place.ttl, cache=backend, key_builder=lambda function, key: key, namespace="aiocache", **options
    )
    async def read(key: str) -> Any:
        return await loop.load(load, key)

    return AsyncCache(
        loop,
        read,
        read.cache.delete,
        lambda start: read.cache.clear("aiocache"),
        lambda key: f"aiocache:{key}",
    )


def django_redis(place: Place, load: Load) -> Cache:
    """django-redis with get_or_set; its errors are misses where a deadline is asked for."""
    from django.conf import settings  # type: ignore[import-untyped]

    if not settings.configured:
        settings.configure()
    from django_redis.cache import RedisCache  # type: ignore[import-untyped]

    options: dict[str, Any] = {"CLIENT_CLASS": "django_redis.client.DefaultClient"}
    if place.deadline is not None:
        given = place.client_options()
        options |= {
            "SOCKET_TIMEOUT": given.pop("socket_timeout"),
            "SOCKET_CONNECT_TIMEOUT": given.pop("socket_connect_timeout"),
            "CONNECTION_POOL_KWARGS": given,
            "IGNORE_EXCEPTIONS": True,
        }
    cache = RedisCache(place.url, {"TIMEOUT": place.ttl, "OPTIONS": options})

    def read(key: str) -> Any:
        return cache.get_or_set(key, lambda: load(key))

    def drop_group(start: str) -> int:
        return int(cache.delete_pattern(f"{start}*", itersize=BATCH))

    return Cache(read, cache.delete, drop_group, cache.make_key, close=cache.close)


def flask_simple(place: Place, load: Load) -> Cache:
    """Flask-Caching in memory, get and set."""
    return _flask_get(place, load, {"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": 10_000})


def flask_redis(place: Place, load: Load) -> Cache:
    """Flask-Caching on Redis, get and set."""
    return _flask_get(place, load, _flask_config(place))


def flask_memoize(place: Place, load: Load) -> Cache:
    """Flask-Caching on Redis, @memoize."""
    cache = _flask(_flask_config(place))

    @cache.memoize(place.ttl)  # type: ignore[untyped-decorator]
    def read(key: str) -> Any:
        return load(key)

    return Cache(read, partial(cache.delete_memoized, read))


def _flask_config(place: Place) -> dict[str, Any]:
    return {
        "CACHE_TYPE": "RedisCache",
        "CACHE_REDIS_URL": place.url,
        "CACHE_KEY_PREFIX": "flask:",
        "CACHE_OPTIONS": place.client_options(),
    }


def _flask(config: dict[str, Any]) -> Any:
    from flask import Flask
    from flask_caching import Cache as FlaskCache

    return FlaskCache(Flask("benchmarks"), config=config)


def _flask_get(place: Place, load: Load, config: dict[str, Any]) -> Cache:
    cache = _flask(config)

    def read(key: str) -> Any:
        value = cache.get(key)
        if value is None:
            value = load(key)
            cache.set(key, value, timeout=place.ttl)
        return value

    return Cache(read, cache.delete, lambda start: _nothing(cache.clear()), lambda key: f"flask:{key}")


def _nothing(answer: object) -> None:
    """It tells no number."""


MEMORY = (
    Contestant("plain dict", SAME, dictionary),
    Contestant("cachetools `@cached(lock=RLock())`", SAME, cachetools_lock),
    Contestant("cachetools `@cached(condition=)`", SAME, cachetools_condition),
    Contestant("dogpile.cache memory", SAME, dogpile_memory),
    Contestant("cashews memory `get`", "the object itself, awaited", cashews_memory_get),
    Contestant("cashews memory `@cache`", "the object itself, awaited", cashews_memory),
    Contestant("cashews client side (memory over Redis)", "the object itself, awaited", cashews_client_side),
    Contestant("aiocache memory", "the object itself, awaited", aiocache_memory),
    Contestant("Flask-Caching simple", PICKLE, flask_simple),
    Contestant("Streamlit `cache_data`", PICKLE, streamlit_data),
)
REDIS = (
    Contestant("redis-py GET + orjson", "JSON to dict", partial(redis_py, orjson.loads)),
    Contestant(
        "redis-py GET + msgspec", "JSON to Struct", partial(redis_py, msgspec.json.Decoder(Roster).decode)
    ),
    Contestant("dogpile.cache Redis", PICKLE, dogpile_redis),
    Contestant("dogpile.cache Redis, distributed lock", PICKLE, dogpile_lock),
    Contestant("cashews Redis `get`", "pickle to dict, awaited", cashews_redis_get),
    Contestant("cashews Redis `@cache`", "pickle to dict, awaited", cashews_redis),
    Contestant("cashews Redis `@cache(lock=True)`", "pickle to dict, awaited", cashews_lock),
    Contestant("aiocache Redis", "JSON to dict, awaited", aiocache_redis),
    Contestant("aiocache Redis, `cached_stampede`", "JSON to dict, awaited", aiocache_stampede),
    Contestant("django-redis `get_or_set`", PICKLE, django_redis),
    Contestant("Flask-Caching Redis", PICKLE, flask_redis),
    Contestant("Flask-Caching Redis, `@memoize`", PICKLE, flask_memoize),
)
GROUP_ONLY = (Contestant("redis-py KEYS + DEL", "", redis_py_keys),)
CONTESTANTS = {each.name: each for each in (*OURS, *MEMORY, *REDIS, *GROUP_ONLY)}
