"""/metrics as Prometheus reads it, and the probe of a load balancer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from fleetcache import runtime as current
from fleetcache.cache.reading import DATABASE, MEMORY, NOBODY, REDIS, VIEW
from fleetcache.catalogue import CATALOGUE
from fleetcache.runtime import Runtime
from fleetcache.web.routes import routes
from tests.conftest import TestDatabase
from tests.live import App, bearer, finished
from tests.pages.test_pages import shut

NOWHERE = TestDatabase("postgresql://nobody@127.0.0.1:1/none", "postgresql://nobody@127.0.0.1:1/none")
NO_REDIS = "redis://127.0.0.1:1"


def asked(parts: Runtime | None, path: str, client: str = "127.0.0.1", **headers: str) -> httpx.Response:
    """What the routes answer in this process, without the pages around them."""
    current.install(parts)
    transport = httpx.ASGITransport(Starlette(routes=routes), client=(client, 5000))

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as http:
            return await http.get(path, headers=headers)

    try:
        return finished(get())
    finally:
        current.install(None)


def parsed(text: str) -> dict[str, Metric]:
    """Each family by its name, through the parser of the library."""
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(found: dict[str, Metric], name: str, **labels: str) -> float:
    """The sum of a family's samples with these labels."""
    samples = [one for one in found[name].samples if labels.items() <= one.labels.items()]
    return sum(
        one.value for one in samples if not one.name.endswith(("_bucket", "_count", "_sum", "_created"))
    )


@pytest.fixture
def counted(runtime: Runtime) -> Iterator[Runtime]:
    """An instance that has read, and says so; its numbers of before a flush to Redis are not lost by it."""
    runtime.cache.warm(CATALOGUE)
    for _ in range(5):
        runtime.cache.read("fleet:stats")
    runtime.beat()
    runtime.cache.read("ref:settings")
    counters = runtime.counters
    counters.served(VIEW, "fleet:stats", stale=True)
    counters.served(NOBODY, "fleet:stats")
    counters.missed(REDIS, "timeout", "fleet:stats")
    counters.failed(DATABASE, "fleet:stats")
    counters.timed(REDIS, "hit", 3e-4)
    counters.timed(REDIS, "hit", 0.3)
    yield runtime


def test_prometheus_can_read_it_and_the_numbers_are_right(counted: Runtime) -> None:
    """Sums since the start; memory and Redis together by all reads are the hit rate."""
    answer = asked(counted, "/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=")
    found = parsed(answer.text)
    reads = {
        layer: value(found, "fleetcache_reads", layer=layer)
        for layer in (MEMORY, REDIS, VIEW, DATABASE, NOBODY)
    }
    assert sum(reads.values()) == 8 and reads[VIEW] == 1 and reads[NOBODY] == 1
    assert value(found, "fleetcache_reads", key="fleet:stats") == 7
    assert value(found, "fleetcache_reads_stale") == 1
    assert value(found, "fleetcache_misses", layer=REDIS, reason="timeout") == 1
    assert value(found, "fleetcache_errors", layer=DATABASE) == 1
    assert value(found, "fleetcache_loads", layer=VIEW) == len(CATALOGUE)
    buckets = {
        float(one.labels["le"]): one.value
        for one in found["fleetcache_layer_seconds"].samples
        if one.labels.get("layer") == REDIS and one.labels["outcome"] == "hit" and "le" in one.labels
    }
    assert list(buckets) == sorted(buckets) and list(buckets.values()) == sorted(buckets.values())
    total = buckets[math.inf]
    assert total >= 2 and total - buckets[max(le for le in buckets if le < 0.3)] == 1, "the one of 0.3 s"
    assert value(found, "fleetcache_info", instance_id=counted.id) == 1
    assert value(found, "fleetcache_verdict", fleetcache_verdict="healthy") == 1
    assert value(found, "fleetcache_proven") == value(found, "fleetcache_redis_up") == 1
    assert value(found, "fleetcache_breaker_open") == value(found, "fleetcache_breaker_opened") == 0
    assert value(found, "fleetcache_redis_keys") == len(CATALOGUE)
    assert 0 <= value(found, "fleetcache_view_age_seconds") < 3600
    assert value(found, "fleetcache_view_behind_seconds") == 0
    assert value(found, "fleetcache_instances") == 1
    again = parsed(asked(counted, "/metrics").text)
    assert value(again, "fleetcache_reads") == 8, "being asked counts for nothing"


def test_nothing_in_it_is_of_a_person(counted: Runtime, demo: TestDatabase) -> None:
    """A5."""
    text = asked(counted, "/metrics").text
    names = demo.rows("SELECT family_name, employee_number FROM pilot_identity LIMIT 50")
    assert not [name for row in names for name in row if f'"{name}"' in text]
    assert "token" not in text


def test_what_is_not_known_is_not_zero(make_runtime: Callable[..., Runtime], demo: TestDatabase) -> None:
    """And an instance in trouble can still be asked how it is."""
    cut = make_runtime(demo, redis_url=NO_REDIS)
    cut.prepare(progress=lambda step: None)
    found = parsed(asked(cut, "/metrics").text)
    assert value(found, "fleetcache_redis_up") == 0 and value(found, "fleetcache_breaker_open") == 1
    assert value(found, "fleetcache_verdict", fleetcache_verdict="degraded") == 1
    assert math.isnan(value(found, "fleetcache_redis_keys"))
    gone = parsed(asked(make_runtime(NOWHERE, redis_url=NO_REDIS), "/metrics").text)
    assert value(gone, "fleetcache_verdict", fleetcache_verdict="down") == 1
    assert value(gone, "fleetcache_view_fresh") == 0 and math.isnan(
        value(gone, "fleetcache_view_behind_seconds")
    )


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {"Host": "localhost:8501"}, 200),
        ("192.0.2.7", {}, 401),
        ("127.0.0.1", {"Host": "fleet.example"}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 401),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 401),
        ("127.0.0.1", {"Authorization": "Bearer nonsense"}, 401),
        ("192.0.2.7", bearer("viewer"), 200),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7", **bearer("viewer")}, 200),
    ],
)
def test_with_any_token_or_from_this_machine_itself(
    runtime: Runtime, client: str, headers: dict[str, str], status: int
) -> None:
    """A1's way to judge it: peer, Host and no forwarding."""
    answer = asked(runtime, "/metrics", client, **headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["success"] is False


def test_ready_while_any_answer_can_be_given(
    make_runtime: Callable[..., Runtime], demo: TestDatabase
) -> None:
    """Spec section 10: also an old one; never before the start is done, nor with nothing to say. No data."""
    assert asked(None, "/readyz").status_code == 503
    up = make_runtime(demo)
    up.prepare(progress=lambda step: None)
    answer = asked(up, "/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    up.cache.warm(CATALOGUE)
    late = make_runtime(demo)  # it comes when the database has gone, and finds what Redis holds
    nothing = make_runtime(NOWHERE, redis_url=NO_REDIS)
    shut(demo)
    assert asked(late, "/readyz").status_code == 200
    answer = asked(nothing, "/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})


def test_probes_do_not_ask_the_servers_each_time(counted: Runtime) -> None:
    """Anybody may send them, as often as they like."""
    counted.glance()
    looked = counted.watch.last
    for _ in range(20):
        assert asked(counted, "/readyz").status_code == 200
    assert counted.watch.last is looked


def test_the_running_program_has_both(live: App) -> None:
    """Without signing in, on the port of the pages."""
    assert httpx.get(f"{live.url}/readyz").json() == {"ready": True}
    found = parsed(httpx.get(f"{live.url}/metrics").text)
    assert value(found, "fleetcache_verdict", fleetcache_verdict="down") == 0
