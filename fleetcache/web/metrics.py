"""What this instance counts, for Prometheus."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    StateSetMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fleetcache import __version__, runtime
from fleetcache.cache.breaker import CLOSED
from fleetcache.cache.counters import STEPS, Minute
from fleetcache.errors import FleetcacheError
from fleetcache.ops.health import DEGRADED, DOWN, HEALTHY
from fleetcache.runtime import Runtime
from fleetcache.source import statements
from fleetcache.web.identity import bearer
from fleetcache.web.loopback import is_local
from fleetcache.web.refusal import refused

_DOUBLINGS = range(0, 25, 2)  # 1 us to 17 s
_UNKNOWN = float("nan")


async def metrics(request: Request) -> Response:
    """The figures of this instance, for whoever has a token, or asks from this machine itself."""
    try:
        parts = runtime.current()
        if "authorization" in request.headers or not is_local(request, parts.settings.trusted_proxies):
            await bearer(request)
        text = await run_in_threadpool(exposed, parts)
    except FleetcacheError as error:
        return refused(error)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def exposed(parts: Runtime) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Figures(parts))
    ProcessCollector(namespace="fleetcache", registry=registry)
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, parts: Runtime) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """Everything there is to say now."""
        yield from self._layers()  # asking them may open the breaker
        yield from self._instance()
        yield from _reads(self._parts.counters.ever())

    def _instance(self) -> Iterator[Metric]:
        parts, now = self._parts, self._parts.clock.monotonic()
        about = {"instance_id": parts.id, "version": __version__, "schema": statements.schema()}
        yield InfoMetricFamily("fleetcache", "This instance.", about)
        yield _gauge("start_time_seconds", "When it was started, since the epoch.", parts.started)
        yield _gauge("memory_entries", "Values in its memory.", len(parts.cache.memory))
        breaker = parts.engine.link.breaker
        yield _gauge("breaker_open", "Whether it does not ask Redis now.", breaker.state != CLOSED)
        yield CounterMetricFamily(
            "fleetcache_breaker_opened", "How often it stopped asking Redis.", breaker.opened
        )
        yield _gauge("proven", "Whether it can prove what it holds current.", parts.proves)
        age = now - parts.cache.ledger.sent_at
        yield _gauge(
            "proof_age_seconds", "Since the last check of the database.", age if age < math.inf else _UNKNOWN
        )

    def _layers(self) -> Iterator[Metric]:
        found = self._parts.glance()
        redis, view = found.redis, found.view
        verdict = {state: found.overall == state for state in (HEALTHY, DEGRADED, DOWN)}
        yield StateSetMetricFamily("fleetcache_verdict", "The state of all layers together.", verdict)
        yield _gauge("instances", "Instances that announced themselves.", len(found.instances))
        silent = sum(one.silent(found.at) for one in found.instances)
        yield _gauge("instances_silent", "Those of them that have not been heard of for 10 s.", silent)
        yield _gauge("redis_up", "Whether Redis answers and takes values.", redis.healthy)
        yield _gauge("redis_latency_seconds", "One EXISTS.", redis.latency)
        yield _gauge("redis_keys", "Our values in Redis.", len(redis.held) if redis.connected else None)
        yield _gauge("redis_memory_bytes", "Bytes of our values in Redis.", redis.memory)
        yield _gauge("view_fresh", "Whether the materialized view can be read and is fresh.", view.healthy)
        yield _gauge("view_age_seconds", "Since the view was refreshed.", view.age)
        behind = view.behind if view.behind is not None or not view.reachable else 0.0
        yield _gauge("view_behind_seconds", "Since a change that the view does not have.", behind)


def _reads(counted: Minute) -> Iterator[Metric]:
    """Reads of pages and the API since the start: memory and redis are hits, the rest is not."""
    yield _counter(
        "reads", "Reads of pages and the API, by the layer that served.", ["layer", "key"], counted.served
    )
    stale = "Of these, those that were given an old value, marked so."
    yield _counter("reads_stale", stale, ["layer", "key"], counted.stale)
    shared = "Of these, those that only waited for the query of another."
    yield _counter("reads_shared", shared, ["layer", "key"], counted.shared)
    missed: Counter[tuple[str, ...]] = Counter()
    for (layer, reason, _key), n in counted.missed.items():
        missed[layer, reason] += n
    yield _counter(
        "misses", "Layers that could not give what they were asked for.", ["layer", "reason"], missed
    )
    yield _counter(
        "loads", "Values that were taken into the cache, by where from.", ["layer", "key"], counted.loaded
    )
    yield _counter(
        "errors", "Values for which a layer answered with an error.", ["layer", "key"], counted.failed
    )
    family = HistogramMetricFamily(
        "fleetcache_layer_seconds",
        "How long a layer took; of hits in memory 1 in 16 is timed.",
        labels=["layer", "outcome"],
    )
    for layer, outcome in sorted({(layer, outcome) for layer, outcome, _step in counted.times}):
        steps = {step: n for (by, how, step), n in counted.times.items() if (by, how) == (layer, outcome)}
        buckets = [
            (repr(2.0**power / 1e6), sum(n for step, n in steps.items() if step < power * STEPS))
            for power in _DOUBLINGS
        ]
        family.add_metric([layer, outcome], [*buckets, ("+Inf", sum(steps.values()))], sum_value=None)
    yield family


def _counter(
    name: str, says: str, labels: list[str], counts: Counter[tuple[str, str]] | Counter[tuple[str, ...]]
) -> Metric:
    family = CounterMetricFamily(f"fleetcache_{name}", says, labels=labels)
    for values, n in sorted(counts.items()):
        family.add_metric(list(values), n)
    return family


def _gauge(name: str, says: str, value: float | None) -> Metric:
    """One figure; what is not known is NaN, not zero."""
    return GaugeMetricFamily(f"fleetcache_{name}", says, value=_UNKNOWN if value is None else float(value))
