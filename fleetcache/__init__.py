"""fleetcache: crew dashboards behind a layered cache that is honest about every figure."""

__version__ = "0.1.0"
