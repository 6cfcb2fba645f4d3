"""One running instance loses Redis, the view and PostgreSQL, and gets them back, without a restart.

It has a database and a Valkey of its own. Each test starts and ends with everything up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from fleetcache import embedded
from fleetcache.cache.layered import BOUND_SECONDS
from fleetcache.source import migrations
from tests.conftest import TestDatabase
from tests.live import App, Redis, run, until

PREFIX = "trouble"
CACHE = ("memory", "redis")
BELOW = ("materialized_view", "database")
# What PostgreSQL, its driver or our SQL would say; none of it is for a visitor.
DATABASE_WORDS = [
    "fatal", "relation", "psycopg", "sqlalchemy", '"figures"', "accepting", "connection to", "postgresql://",
    "unix://", "/tmp", "socket", "traceback", "trouble_db", "fleetcache_owner",
]  # fmt: skip


class Airline:
    """The running instance, and the two servers below it."""

    def __init__(self, app: App, redis: Redis, database: TestDatabase, admin: str) -> None:
        self.app = app
        self.redis = redis
        self.database = database
        self._admin = admin

    def metrics(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The dashboard's numbers without the token of their state, and apart from them how they were
        served."""
        found, how = self.app.metrics()
        del found["dataVersion"]
        return found, how

    def layer(self, *wanted: str, numbers: dict[str, Any] | None = None, within: float = 20) -> dict[str, Any]:
        """Wait until the dashboard comes from one of these layers; every answer on the way must have
        the same numbers. What it then says about itself."""

        def there() -> dict[str, Any] | None:
            began = time.monotonic()
            found, how = self.metrics()
            assert time.monotonic() - began < 2, f"slow: {how}"
            assert not how["stale"] or (how["cacheLayer"] in CACHE and how["reason"]), how
            if numbers is not None and found != numbers:
                pytest.fail(f"other numbers from {how}: {found} instead of {numbers}")
            return how if how["cacheLayer"] in wanted and not how["stale"] else None

        return until(there, within=within, what=f"layer {wanted}")

    def anew(self, layer: str, *, numbers: dict[str, Any] | None = None) -> dict[str, Any]:
        """The same, for a layer that serves only what memory and Redis may not."""

        def there() -> dict[str, Any] | None:
            self.touch()
            how = self.layer(*CACHE, *BELOW, numbers=numbers)
            return how if how["cacheLayer"] == layer else None

        return until(there, within=20, what=f"layer {layer}")

    def touch(self) -> None:
        """Write a row as it is and refresh the view, if there is one: nothing that is held is current."""
        self.database.sql("UPDATE bases SET name = name")
        if self.database.rows("SELECT 1 FROM pg_matviews WHERE schemaname = 'fleetcache'"):
            self.database.sql("SELECT refresh_figures()")
        time.sleep(BOUND_SECONDS)

    def verdict(self) -> tuple[str, bool, bool]:
        """Overall, and whether Redis and the view are said to be healthy."""
        health = self.app.get("/api/cache/health")
        return health["overall"], health["redis"]["healthy"], health["materializedView"]["healthy"]

    def forget(self) -> None:
        """Empty Redis of values."""
        for key in self.redis.client.scan_iter(f"{PREFIX}:c:*"):
            self.redis.client.delete(key)

    def migrate(self) -> None:
        """What `python -m fleetcache migrate` does, without the seconds of another process."""
        migrations.migrate(self.database.owner_url)
        self.database.sql("SELECT refresh_figures()")

    def close_database(self) -> None:
        """Nobody can reach the database, and everybody who was there is thrown out."""
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute("ALTER DATABASE trouble_db ALLOW_CONNECTIONS false")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'trouble_db'"
            )

    def open_database(self) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute("ALTER DATABASE trouble_db ALLOW_CONNECTIONS true")


@pytest.fixture(scope="module")
def started(
    servers: embedded.Servers, make_database: Callable[..., TestDatabase], seeded: str
) -> Iterator[Airline]:
    assert servers.owner_url is not None
    database = make_database(seeded, name="trouble_db")
    redis = Redis()
    app = App(DATABASE_URL=database.owner_url, REDIS_URL=redis.url, FLEETCACHE_PREFIX=PREFIX)
    try:
        yield Airline(
            app.ready(), redis, database, servers.owner_url.replace("fleetcache_owner", "postgres")
        )
    finally:
        app.close()
        redis.close()


@pytest.fixture
def airline(started: Airline) -> Iterator[Airline]:
    """With everything up before and after."""
    started.layer("memory")
    yield started
    started.redis.resume()
    started.open_database()
    started.layer("memory", within=30)


def test_the_ladder_down_and_up(airline: Airline) -> None:
    """“Shows it works” 3: without Redis memory still serves, for the database proves it current; what it
    has not the view serves, and without the view raw queries do, all with the same numbers; when they are
    back the answers climb again without a restart."""
    numbers, how = airline.metrics()
    assert how["cacheLayer"] in CACHE and how["reason"] is None
    airline.redis.stop()
    for _ in range(10):
        assert airline.layer("memory", numbers=numbers, within=0)["reason"] is None
    how = airline.anew("materialized_view", numbers=numbers)
    assert how["cacheHit"] is False and "memory" in how["reason"] and "Redis" in how["reason"]
    assert airline.verdict() == ("degraded", False, True)

    airline.database.sql("DROP MATERIALIZED VIEW figures")
    how = airline.anew("database", numbers=numbers)
    assert "Redis" in how["reason"] and "view" in how["reason"]
    assert airline.verdict() == ("degraded", False, False)

    airline.redis.start()
    until(lambda: airline.verdict()[1], within=5, what="Redis is asked again")
    airline.layer("memory", numbers=numbers)
    assert airline.verdict() == ("degraded", True, False), "a warm cache must not hide a lost view"
    airline.anew("database", numbers=numbers)

    done = run("migrate", env=airline.app.env)
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: airline.verdict() == ("healthy", True, True), within=20, what=airline.verdict())
    airline.anew("materialized_view", numbers=numbers)
    airline.layer("memory", numbers=numbers)


def test_a_hung_redis_delays_nobody(airline: Airline) -> None:
    """C13: a server that accepts and never answers is the worst case; the numbers come anyway."""
    numbers, _how = airline.metrics()
    airline.redis.hang()
    how = airline.anew("materialized_view", numbers=numbers)
    assert "Redis" in how["reason"]
    began = time.monotonic()
    assert airline.verdict() == ("degraded", False, True)
    assert time.monotonic() - began < 2
    airline.redis.resume()
    airline.layer("memory", numbers=numbers)
    until(lambda: airline.verdict()[0] == "healthy", within=5)


def test_a_view_as_of_another_day_does_not_serve(airline: Airline) -> None:
    """Yesterday's numbers under today's date are wrong numbers. The fleet moves to a zone in which it
    is another day, so that the view is of a wrong one, and memory and Redis are: nobody tells them, and what
    is read is of the right one."""
    [(zone, day)] = airline.database.rows("SELECT setting('fleet_time_zone') #>> '{}', today()")
    # 26 hours apart: at any moment one of them has another day than the fleet.
    zones = airline.database.rows(
        "SELECT name, (now() AT TIME ZONE name)::date FROM unnest(ARRAY['Etc/GMT+12', 'Etc/GMT-14']) name"
    )
    other, other_day = next(pair for pair in zones if pair[1] != day)
    move = "UPDATE settings SET value = to_jsonb('{}'::text) WHERE name = 'fleet_time_zone'"
    try:
        airline.database.sql(move.format(other))
        until(lambda: airline.metrics()[0]["asOfDate"] == str(other_day), within=0.5)
    finally:
        airline.database.sql(move.format(zone), "SELECT refresh_figures()")
        until(lambda: airline.metrics()[0]["asOfDate"] == str(day), within=1)


@pytest.mark.parametrize("garbage", [b"", b"\xff\x00", b"{}", b"null", b'{"schema": 1}'])
def test_garbage_in_redis_is_the_next_layer_and_a_visible_reason(airline: Airline, garbage: bytes) -> None:
    """Never a zero where a field was expected; and the next fill mends it."""
    numbers, _how = airline.metrics()
    airline.anew("materialized_view", numbers=numbers)
    [key] = airline.redis.client.scan_iter(f"{PREFIX}:c:*dashboard:metrics*}}")
    airline.redis.client.set(key, garbage)
    how = airline.layer("materialized_view", numbers=numbers)
    assert "does not parse" in how["reason"]
    airline.layer("memory", numbers=numbers)
    assert airline.redis.client.get(key) != garbage


def test_a_locked_view_delays_nobody_for_long(airline: Airline) -> None:
    """Somebody refreshes by hand, without CONCURRENTLY, and forgets to commit: raw queries serve, and
    health says so instead of waiting as well."""
    numbers, _how = airline.metrics()
    with airline.database.owner() as connection:
        connection.execute("REFRESH MATERIALIZED VIEW figures")
        airline.forget()
        began = time.monotonic()

        def counted() -> bool:
            found, how = airline.metrics()
            assert found == numbers
            return bool(how["cacheLayer"] == "database")

        until(counted, within=4)
        assert airline.verdict() == ("degraded", True, False)
        assert time.monotonic() - began < 8
        connection.rollback()


def test_many_at_once_are_all_answered_by_raw_queries_alone(airline: Airline) -> None:
    """An outage of Redis and of the view must not become one of the app at nine o'clock."""
    numbers, _how = airline.metrics()
    airline.redis.stop()
    airline.database.sql("DROP MATERIALIZED VIEW figures")
    try:
        airline.anew("database", numbers=numbers)
        airline.touch()
        with ThreadPoolExecutor(32) as people:
            answers = list(people.map(lambda _: airline.app.http.get("/api/dashboard/metrics"), range(32)))
        assert [answer.status_code for answer in answers] == [200] * 32
        served = set()
        for answer in answers:
            found = answer.json()
            how = found.pop("performance")
            del found["dataVersion"]
            served.add(how["cacheLayer"])
            assert not how["stale"], how
            assert found == numbers
        assert "database" in served and served <= {"database", "memory"}
    finally:
        airline.redis.start()
        airline.migrate()


def test_a_redis_that_takes_no_more_values_delays_nobody(airline: Airline) -> None:
    """Out of memory: reads work, every write is refused. The numbers come from the view."""
    numbers, _how = airline.metrics()
    airline.forget()
    airline.redis.client.config_set("maxmemory", 1)
    try:
        for _ in range(3):
            how = airline.anew("materialized_view", numbers=numbers)
            assert how["cacheHit"] is False
    finally:
        airline.redis.client.config_set("maxmemory", 0)


def test_without_a_database_what_is_held_is_served_and_then_nothing_is_invented(airline: Airline) -> None:
    """D3: never a zero in place of a number that nobody has. What Redis or this process last knew is served,
    flagged at once, for nobody can say that it is current; and a process that knows nothing says so, without what the database
    said. The probe stays green and the verdict says what is wrong."""
    numbers, _how = airline.metrics()
    airline.close_database()

    def last_known() -> dict[str, Any] | None:
        found, how = airline.metrics()
        assert found == numbers
        assert how["cacheLayer"] in CACHE
        return how if how["stale"] else None

    how = until(last_known, within=1)
    assert how["ageSeconds"] > 0
    _without_database_words(how["reason"])
    assert airline.verdict() == ("degraded", True, False)

    airline.forget()
    how = until(last_known, within=1)
    assert how["cacheLayer"] == "memory" and how["ageSeconds"] > 0
    _without_database_words(how["reason"])
    assert airline.verdict() == ("degraded", True, False)

    other = App(
        DATABASE_URL=airline.database.owner_url,
        REDIS_URL=airline.redis.url,
        FLEETCACHE_PREFIX=f"{PREFIX}-other",
    )
    try:
        # It has verified no token yet, and may not take one on trust.
        for path in ("/api/dashboard/metrics", "/api/cache/health"):
            answer = other.ready().http.get(path)
            assert answer.status_code == 503
            error = answer.json()
            assert error.keys() == {"success", "error"}
            assert error["success"] is False
            _without_database_words(error["error"])
        assert other.http.get("/healthz").json() == {"alive": True}
        assert other.http.get("/readyz").status_code == 503
    finally:
        other.close()

    airline.open_database()
    airline.layer(*CACHE, "materialized_view", "database", numbers=numbers)
    until(lambda: airline.verdict()[0] == "healthy", what="healthy again")


def held(airline: Airline) -> set[bytes]:
    """The values in Redis."""
    return set(airline.redis.client.scan_iter(f"{PREFIX}:c:*}}"))


def test_a_flush_whose_refresh_fails_is_503_and_removes_nothing(airline: Airline) -> None:
    """Spec section 10: never “flushed” after failing. And it is in the audit, with the reason."""
    assert airline.app.http.post("/api/cache/warm").status_code == 200
    before = held(airline)
    airline.database.sql("DROP MATERIALIZED VIEW figures")
    try:
        for method, path in (("DELETE", "/api/cache/invalidate"), ("POST", "/api/dashboard/refresh")):
            answer = airline.app.http.request(method, path)
            assert answer.status_code == 503, answer.text
            assert answer.json()["success"] is False and "migrate" in answer.json()["error"]
            _without_database_words(answer.json()["error"])
        assert len(before) >= 20 and before <= held(airline)
        rows = airline.database.rows("SELECT action, outcome FROM audit_log WHERE action LIKE 'cache.%' ORDER BY id DESC LIMIT 2")
        assert rows == [("cache.refresh", "failed"), ("cache.flush", "failed")]
    finally:
        airline.migrate()


def test_what_cannot_be_done_without_redis_is_503(airline: Airline) -> None:
    """Whoever asked is not told that it was; also not what would be removed."""
    airline.redis.stop()
    try:
        for method, path, body in (
            ("POST", "/api/cache/invalidate", {"keys": ["fleet:stats"]}),
            ("POST", "/api/cache/invalidate", {"pattern": "fleet:*", "dryRun": True}),
            ("DELETE", "/api/cache/invalidate", None),
            ("DELETE", "/api/cache/invalidate?dryRun=true", None),
            ("POST", "/api/cache/warm", None),
        ):
            began = time.monotonic()
            answer = airline.app.http.request(method, path, json=body)
            assert answer.status_code == 503, (path, answer.text)
            assert "Redis" in answer.json()["error"]
            assert time.monotonic() - began < 1
    finally:
        airline.redis.start()


def test_the_reason_for_a_lower_layer_carries_no_database_text(airline: Airline) -> None:
    """`performance.reason` goes to every reader of the API."""
    airline.database.sql("DROP MATERIALIZED VIEW figures")
    try:
        how = airline.anew("database")
        assert "view" in how["reason"]
        _without_database_words(how["reason"])
    finally:
        airline.migrate()


def _without_database_words(text: str) -> None:
    leaked = [word for word in DATABASE_WORDS if word in text.lower()]
    assert not leaked, f"{leaked} in {text}"
