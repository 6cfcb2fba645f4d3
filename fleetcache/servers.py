"""Which servers an instance uses: the user's by URL, ours for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleetcache import embedded
from fleetcache.cache import client
from fleetcache.settings import Settings
from fleetcache.source.database import checked_url


@dataclass(frozen=True)
class Urls:
    """Where the servers are; ``owner`` may change the schema, ``database`` is what the app uses."""

    owner: str
    database: str
    redis: str


def checked(settings: Settings) -> None:
    """Raises BadSetting for a URL that cannot be used, before anything is started."""
    if settings.database_url is not None:
        checked_url(settings.database_url)
    if settings.redis_url is not None:
        client.checked_url(settings.redis_url)


def find(
    settings: Settings, *, progress: Callable[[str], None]
) -> tuple[Urls, embedded.Servers | None]:
    """Where to find both servers; starts the embedded ones whose URL is not set.

    Raises BadSetting for a malformed URL before anything is started, and what
    ``embedded.start`` raises.
    """
    checked(settings)
    servers = None
    if settings.database_url is None or settings.redis_url is None:
        servers = embedded.start(
            settings.home,
            postgres=settings.database_url is None,
            valkey=settings.redis_url is None,
            progress=progress,
        )
    database = settings.database_url or (servers.database_url if servers else None)
    owner = settings.database_url or (servers.owner_url if servers else None)
    redis = settings.redis_url or (servers.redis_url if servers else None)
    assert database is not None and owner is not None and redis is not None
    return Urls(owner, database, redis), servers
