"""What can be set from outside, where each value came from, and what is said about a wrong one."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fleetcache.errors import BadSetting

SECRETS = Path(".streamlit") / "secrets.toml"


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_listed)]
"""Addresses and networks, written with commas between them."""


class Settings(BaseModel):
    """All settings. The environment wins over ``[fleetcache]`` in ``.streamlit/secrets.toml``."""

    model_config = ConfigDict(frozen=True)

    database_url: str | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL to use in place of the embedded one.",
    )
    redis_url: str | None = Field(
        None,
        validation_alias="REDIS_URL",
        description="Redis or Valkey to use in place of the embedded one.",
    )
    home: Path = Field(
        default_factory=lambda: user_data_path("fleetcache", appauthor=False),
        validation_alias="FLEETCACHE_HOME",
        description="Data directory of the embedded servers.",
    )
    profile: Literal["tiny", "demo", "load"] | None = Field(
        None,
        validation_alias="FLEETCACHE_PROFILE",
        description="What an empty database is seeded with (embedded: demo, your own: nothing).",
    )
    auth: Literal["demo", "oidc"] | None = Field(
        None,
        validation_alias="FLEETCACHE_AUTH",
        description="How people sign in: demo or oidc (on a demo that fleetcache made: demo, else oidc).",
    )
    role_claim: str = Field(
        "roles",
        validation_alias="FLEETCACHE_ROLE_CLAIM",
        min_length=1,
        description="Claim of the ID token that holds the role; dots lead into nested claims.",
    )
    session_hours: float = Field(
        12,
        validation_alias="FLEETCACHE_SESSION_HOURS",
        gt=0,
        le=24 * 30,
        allow_inf_nan=False,
        description="How long a sign-in is good for, in hours.",
    )
    trusted_proxies: Networks = Field(
        (),
        validation_alias="FLEETCACHE_TRUSTED_PROXIES",
        description="Addresses and networks of proxies whose forwarding headers count, with commas.",
    )
    prefix: str = Field(
        "fleetcache",
        validation_alias="FLEETCACHE_PREFIX",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Prefix of our keys in Redis.",
    )
    bound_ms: int = Field(
        250,
        validation_alias="FLEETCACHE_BOUND_MS",
        ge=0,
        le=60_000,
        description="How long after a change older numbers may be served as current, ms.",
    )
    unproven: Literal["flag", "refuse"] = Field(
        "flag",
        validation_alias="FLEETCACHE_UNPROVEN",
        description="What to do with numbers that cannot be proven current: flag or refuse them.",
    )
    redis_connect_ms: int = Field(
        250,
        validation_alias="FLEETCACHE_REDIS_CONNECT_MS",
        gt=0,
        le=60_000,
        description="Longest wait for a connection to Redis, ms.",
    )
    redis_command_ms: int = Field(
        50,
        validation_alias="FLEETCACHE_REDIS_COMMAND_MS",
        gt=0,
        le=60_000,
        description="Longest wait for an answer of Redis, ms.",
    )


@dataclass(frozen=True)
class Origin:
    """One setting as it is shown: secrets masked, and where the value came from."""

    name: str
    value: str
    source: str
    description: str


def load(
    environment: Mapping[str, str] | None = None, *, secrets: Path = SECRETS
) -> tuple[Settings, list[Origin], list[str]]:
    """The settings, where each came from, and warnings about names nobody knows.

    Raises BadSetting naming the setting and the fault.
    """
    environment = os.environ if environment is None else environment
    names = {str(field.validation_alias): name for name, field in Settings.model_fields.items()}
    table = _secrets(secrets)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for alias in names:
        if environment.get(alias, "") != "":
            values[alias], sources[alias] = environment[alias], "environment"
        elif alias in table:
            values[alias], sources[alias] = table[alias], str(secrets)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        fault = error.errors()[0]
        raise BadSetting(f"{fault['loc'][0]} is “{fault['input']}”: {fault['msg']}.") from error
    origins = [
        Origin(
            alias,
            masked(getattr(settings, name)),
            sources.get(alias, "default"),
            Settings.model_fields[name].description or "",
        )
        for alias, name in names.items()
    ]
    strangers = [name for name in environment if name.startswith("FLEETCACHE_") and name not in names]
    strangers += [f"{name} in {secrets}" for name in table if name not in names]
    warnings = [f"{name} is not a setting of fleetcache and has no effect." for name in strangers]
    return settings, origins, warnings


def masked(value: object) -> str:
    """A value that may be shown: the password of a URL is not, wherever in it it stands."""
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
    # Before the other, which would take a password with an @ for the end of user and password.
    text = re.sub(r"(?i)(password\s*=\s*)(.*@)?[^&\s]*", r"\1***", text)
    # Greedy up to the last @: a password may hold slashes and colons that no parser takes as such.
    return re.sub(r"(://[^:@]*):.*@", r"\1:***@", text)


def _secrets(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("fleetcache", {})
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadSetting(f"{path} cannot be read: {error}.") from error
    if not isinstance(table, dict):
        raise BadSetting(f"[fleetcache] in {path} is not a table.")
    return table
