"""Server processes: start one, find the one behind a socket, read the end of its log."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fleetcache.embedded.account import Account
from fleetcache.embedded.home import open_file
from fleetcache.errors import FleetcacheError, HomeUnusable, ServerFailed

LARGEST_LOG = 10_000_000


def spawn(
    command: Sequence[str | Path], *, account: Account, lock: int, log: Path
) -> subprocess.Popen[bytes]:
    """Start a program that inherits the server lock and writes to the log. Raises ServerFailed."""
    fd = open_log(log)
    try:
        return subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=fd,
            pass_fds=[lock],
            umask=0o077,
            # PGDATA, PGOPTIONS or a locale that is not installed would spoil it.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            **account.identity,
        )
    except OSError as error:
        raise ServerFailed(f"{command[0]} cannot be started: {error}.") from error
    finally:
        os.close(fd)


def open_log(log: Path) -> int:
    """A descriptor that appends to this log."""
    return open_file(log, os.O_WRONLY | os.O_APPEND)


def trim(log: Path) -> None:
    """Keep the log and one older piece small. Works while a server appends to it."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def listener(path: Path, account: Account) -> int | None:
    """The pid that listens on this socket, told by the kernel, or None."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
            if sys.platform == "darwin":
                raw = probe.getsockopt(0, 2, 4)  # SOL_LOCAL, LOCAL_PEERPID
                pid = int(struct.unpack("i", raw)[0])
            else:
                raw = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                pid, uid, _ = struct.unpack("iII", raw)
                if uid != account.uid:
                    return None
        except OSError:
            return None
    return pid if pid > 1 else None


def send(signal_: signal.Signals, child: subprocess.Popen[bytes] | None, pid: int | None) -> None:
    """Signal our own child, or else the process that was found behind the socket."""
    if child is not None:
        child.send_signal(signal_)
    elif pid is not None:
        try:
            os.kill(pid, signal_)
        except ProcessLookupError:
            return


def size(log: Path) -> int:
    """How long the log is now."""
    return log.stat().st_size if log.exists() else 0


def failure(what: str, log: Path, since: int) -> FleetcacheError:
    """The trouble in a sentence, with what the server itself said since that point of its log."""
    text = ""
    if log.exists():
        with log.open("rb") as file:
            file.seek(since if since <= size(log) else 0)
            text = file.read()[-20_000:].decode(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()][-10:]
    if "No space left on device" in text:
        return HomeUnusable(
            f"{what}: the disk is full.",
            hint="Free some space, or point FLEETCACHE_HOME at a directory on another disk.",
        )
    said = "".join(f"\n    {line}" for line in lines) or " nothing was logged."
    return ServerFailed(f"{what}. Its last words:{said}", hint=f"The whole log is {log}.")
