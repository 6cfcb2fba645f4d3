"""A process that approves one leave request after another at given moments, as one of two managers would."""

from __future__ import annotations

import json
import sys
import time

from fleetcache.access.roles import Person
from fleetcache.changes import leave
from fleetcache.errors import NeedsOverride
from fleetcache.runtime import Runtime
from fleetcache.servers import Urls
from fleetcache.settings import Settings


def main() -> None:
    """Read what to do as JSON, say that all is ready, begin when told, print which were approved."""
    wish = json.loads(sys.stdin.readline())
    settings = Settings(FLEETCACHE_PREFIX=wish["prefix"], FLEETCACHE_REDIS_CONNECT_MS=1000, FLEETCACHE_REDIS_COMMAND_MS=1000)
    instance = Runtime(settings, Urls(*wish["urls"]))
    door = instance.door(Person(wish["name"], "manager", "test"))
    leave.preview(instance.database, wish["requests"][0][0], role="manager")  # connected, and everything imported
    print("ready", flush=True)
    start = float(sys.stdin.readline())
    approved = []
    for place, (number, version) in enumerate(wish["requests"]):
        time.sleep(max(0.0, start + place * wish["apart"] - time.time()))
        try:
            leave.approve(door, number, version)
        except NeedsOverride:
            continue
        approved.append(number)
    print(json.dumps(approved), flush=True)
    instance.close()


if __name__ == "__main__":
    main()
