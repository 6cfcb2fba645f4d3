"""Bringing a database into service: its shape, a demo in an empty one, the view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleetcache.cache.layered import LayeredCache
from fleetcache.errors import WrongVersion
from fleetcache.freshness import refresher
from fleetcache.freshness.keeper import Keeper
from fleetcache.servers import Urls
from fleetcache.source import demo, migrations, roles, view
from fleetcache.source.database import MINIMUM_VERSION, Database

LONG_ROWS = 100_000
BYPASSES = "The database role in use bypasses row-level security: the database does not protect the names."
OWNS = (
    "One database role is both owner and app, so the audit cannot be tamper-proof: "
    "give the app a role of its own."
)


@dataclass(frozen=True)
class Prepared:
    """What everybody has to know of the database, and what administrators do."""

    warnings: tuple[str, ...]
    notices: tuple[str, ...]


class _Bar:
    """Says how far a long seeding has come, a tenth at a time; a short one needs no words."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._said = 0

    def __call__(self, done: int, total: int) -> None:
        tenth = 10 * done // max(1, total)
        if total > LONG_ROWS and tenth > self._said:
            self._said = tenth
            self._progress(f"seeded {done:,} of {total:,} rows ({tenth}0 %)")


def prepare(
    database: Database,
    urls: Urls,
    cache: LayeredCache,
    keeper: Keeper,
    *,
    profile: str | None,
    fresh: str | None,
    progress: Callable[[str], None],
) -> Prepared:
    """Migrate, seed ``profile`` (or ``fresh``) into an empty database, fill the view.

    Idempotent. Raises SourceDown when the database cannot be reached yet, ForeignDatabase or
    WrongVersion when it is not one to work with.
    """
    version = database.version()
    if version < MINIMUM_VERSION:
        raise WrongVersion(
            f"PostgreSQL {version} is too old.",
            hint=f"fleetcache needs PostgreSQL {MINIMUM_VERSION} or newer.",
        )
    migrations.migrate(
        urls.owner, app_role=database.role(), progress=lambda step: progress(f"database: {step}")
    )
    seeded, warnings = demo.renew(urls.owner, profile, fresh=fresh, progress=progress, bar=_Bar(progress))
    bypasses, owns = roles.bypasses_and_owns(database)
    keeper.guard()
    if seeded or view.state(database).fault is not None:
        progress("Filling the materialized view…")
        refresher.refresh(database, cache)
    return Prepared((*warnings, *([BYPASSES] if bypasses else [])), (OWNS,) if owns else ())
