"""``python -m fleetcache``."""

from fleetcache.cli import main

main()
