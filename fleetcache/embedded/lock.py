"""`flock` on small files. The kernel drops a lock with its last holder, even on kill -9.

A lock belongs to the open file, not to the process: whoever inherits the descriptor holds it too.
That is why a free lock proves that a server and all its children are gone, where a pid proves
nothing.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from fleetcache.embedded.home import open_file


def open_lock(path: Path) -> int:
    """A descriptor for the lock file, which is created when missing. Never follows a symlink."""
    return open_file(path, os.O_RDWR)


def take(fd: int, *, shared: bool = False, patience: float = 0.0) -> bool:
    """Take the lock, trying for ``patience`` seconds; False when somebody else kept it."""
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(fd, how)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def release(fd: int) -> None:
    """Let go, keeping the descriptor."""
    fcntl.flock(fd, fcntl.LOCK_UN)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock exclusively. Holds it shared for a moment to find out."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not take(fd, shared=True)
    finally:
        os.close(fd)


def ask(fd: int, *, at_least: int = 0) -> int:
    """Stamp a `wanted` file, so that a supervisor that gave up tries again; returns the stamp."""
    now = max(time.time_ns(), at_least, os.fstat(fd).st_mtime_ns + 1)
    os.utime(fd, ns=(now, now))
    return os.fstat(fd).st_mtime_ns


def asked(fd: int) -> int:
    """The stamp of the latest `ask`."""
    return os.fstat(fd).st_mtime_ns
