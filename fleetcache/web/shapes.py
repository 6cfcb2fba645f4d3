"""The JSON of requests and answers, for the OpenAPI document; requests are checked by it as well."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[
    float | None, Field(ge=0, le=100, description="Percent; null where there is nothing to count.")
]
Overall = Literal["healthy", "degraded", "down"]
Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]


class Shape(BaseModel):
    """Nothing but these fields, in camelCase."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, strict=True)


class Refusal(Shape):
    """Every error."""

    success: Literal[False]
    error: str


class Pilots(Shape):
    """Active pilots, but for ``total``."""

    total: Count
    active: Count
    captains: Count
    first_officers: Count
    training_captains: Count
    examiners: Count


class Checks(Shape):
    """Certification rows by state."""

    total: Count
    current: Count
    expiring: Count
    expired: Count
    missing: Count
    undated: Count
    compliance_rate: Rate


class Certifications(Checks):
    """All of them, and the pilots who hold them."""

    compliant_pilots: Count
    unproven_pilots: Count
    validity_rate: Rate
    fully_current_rate: Rate


class Leave(Shape):
    """Requests whose last day is today or later, and who is away."""

    pending: Count
    approved: Count
    denied: Count
    undecided_started: Count
    on_leave_today: Count
    days_this_month: Count


class Alerts(Shape):
    """``criticalExpired`` counts pilots, the others items."""

    critical_expired: Count
    expiring_this_week: Count
    missing_certifications: Count


class Retirement(Shape):
    """Active pilots by when they reach the age limit."""

    overdue: Count
    years0to2: Annotated[int, Field(ge=0, alias="years0to2")]
    years2to5: Annotated[int, Field(ge=0, alias="years2to5")]
    years5to10: Annotated[int, Field(ge=0, alias="years5to10")]
    unknown: Count


class Performance(Shape):
    """How this read was served."""

    query_time: Annotated[float, Field(ge=0, description="Milliseconds inside the service.")]
    cache_hit: bool
    cache_layer: Literal["memory", "redis", "materialized_view", "database"]
    age_seconds: Annotated[float, Field(ge=0)]
    last_updated: datetime
    stale: bool
    reason: str | None


class Metrics(Shape):
    """The dashboard."""

    pilots: Pilots
    certifications: Certifications
    leave: Leave
    alerts: Alerts
    retirement: Retirement
    categories: dict[str, Checks]
    as_of_date: date
    data_version: str | None
    performance: Performance


class RedisState(Shape):
    """``null`` is unknown, not zero."""

    healthy: bool
    connected: bool
    key_count: Count | None
    keys: dict[str, int] | None
    memory: Count | None
    server_memory: Count | None
    latency_ms: float | None
    version: str | None


class ViewState(Shape):
    """The materialized view."""

    healthy: bool
    last_refreshed: datetime | None
    age_seconds: float | None
    as_of_date: date | None


class InstanceState(Shape):
    """One running program."""

    id: str
    version: str
    schema_: Annotated[str, Field(alias="schema")]
    started: datetime
    seen: datetime
    silent: bool
    memory_hit_rate: Rate
    memory_entries: Count
    memory_trusted: bool
    breaker: str
    breaker_opened: Count
    redis_latency_ms: float | None


class Health(Shape):
    """Every layer, and one verdict."""

    success: Literal[True]
    overall: Overall
    redis: RedisState
    materialized_view: ViewState
    instances: list[InstanceState]
    timestamp: datetime
    text: str
    recommendation: str
    warnings: list[str]


class Invalidation(Shape):
    """What to remove: the values of ``keys`` and those that fit ``pattern``."""

    keys: Annotated[list[Name] | None, Field(max_length=1000, description="Names of cached values.")] = None
    pattern: Annotated[
        Name | None, Field(description="A glob that starts with fleet:, ref: or dashboard:.")
    ] = None
    dry_run: Annotated[bool, Field(description="Only say what would be removed.")] = False
    expect: Annotated[
        Name | None, Field(description="The stamp of a dry run: refuse if it would be others now.")
    ] = None


class Removed(Shape):
    """What was removed."""

    success: Literal[True]
    invalidated_count: Count
    message: str


class Value(Shape):
    """One value that would be removed; ``current`` unless another version of the program wrote it."""

    key: str
    current: bool
    bytes: Count
    seconds_left: float
    age_seconds: float | None


class Preview(Removed):
    """What would be removed: nothing was."""

    invalidated_count: Literal[0]
    dry_run: Literal[True]
    would_invalidate: Count
    stamp: str
    bytes: Count
    values: list[Value]
    load_ms: Annotated[
        dict[Literal["materialized_view", "database"], float | None],
        Field(description="How long loading takes, p50 of the last hour; null where none was measured."),
    ]


class Refreshed(Shape):
    """The view as it is now."""

    success: Literal[True]
    last_refreshed: datetime
    duration_ms: float
    message: str


class Warmed(Shape):
    """Every key was loaded."""

    success: Literal[True]
    loaded: Count
    message: str


class Action(Shape):
    """One row of the audit log."""

    at: datetime
    actor: str
    origin: str
    action: str
    subject: str
    affected: Count | None
    instance: str
    outcome: Literal["done", "failed", "refused"]
    error: str | None
    detail: str | None


class Actions(Shape):
    """Rows of the audit log, newest first."""

    success: Literal[True]
    actions: list[Action]


class Alive(Shape):
    """Not more than that."""

    alive: Literal[True]


class Ready(Shape):
    """Not more than that."""

    ready: bool
