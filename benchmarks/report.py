"""docs/benchmarks.md: the results with all that somebody needs to judge them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import Table
from benchmarks.server import Valkey
from fleetcache.embedded import binaries
from fleetcache.embedded.account import account_for

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PACKAGES = ("redis", "psycopg", "msgspec", "orjson", "cachetools", "dogpile.cache", "cashews", "aiocache", "django-redis",
            "Django", "Flask-Caching", "cachelib", "streamlit")  # fmt: skip
HEAD = """# Benchmarks

Written by `python -m benchmarks all` (peers from `benchmarks/requirements.txt`) on {date}. Losing rows are
shown too. All contestants of a table ran in turn within one run; on a small shared machine ratios say
more than times.

- Machine: {cores} cores, {system}, {machine}; server and callers share them, over loopback TCP
- Python {python}, {valkey}, {postgres}
- {packages}
"""


def write(tables: Sequence[Table]) -> None:
    """Replace the page."""
    with Valkey() as server:
        valkey = server.version
    found = binaries.find("postgres", account_for(PAGE.parent), lambda text: None)
    head = HEAD.format(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        cores=len(os.sched_getaffinity(0)),
        system=platform.system(),
        machine=platform.machine(),
        python=platform.python_version(),
        valkey=valkey,
        postgres=f"{found.product} {found.version}",
        packages=", ".join(f"{name} {version(name)}" for name in PACKAGES),
    )
    PAGE.write_text("\n".join([head, *(table.markdown() for table in tables)]).rstrip() + "\n")
