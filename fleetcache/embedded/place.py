"""Where the servers of a home keep data and sockets.

Normally in the home itself. Elsewhere only when it must be: data when the account of the servers
cannot reach the home (root's homes), sockets when the path is too long or not safe from others.
A symlink in the home then points there, so that nothing is lost and people can find it.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fleetcache.embedded.account import Account, account_for
from fleetcache.embedded.home import NAMES, Home, unusable
from fleetcache.errors import HomeUnusable

SHELF = Path("/var/lib/fleetcache")
SOCKET_NAMES = {"postgres": ".s.PGSQL.5432", "valkey": "valkey.sock"}
LONGEST_SOCKET = 100  # the kernel's limit is 104 bytes on macOS and 108 on Linux


@dataclass(frozen=True)
class Place:
    """Where the data and the sockets are, and whose they are."""

    data: Path
    sockets: Path
    account: Account


def find_place(home: Home, say: Callable[[str], None]) -> Place:
    """The directories of this home's servers, made when missing. Raises HomeUnusable.

    Only the supervisor may call this: nothing else keeps two callers from making two places.
    """
    try:
        account = account_for(home.path)
        data = _data(home, account, say)
        return Place(data, _sockets(home, data, account), account)
    except OSError as error:
        raise unusable(home.path, error) from error


def is_private(directory: Path, uid: int) -> bool:
    """A real directory of this user that nobody else can enter."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == uid
        and stat.S_IMODE(found.st_mode) & 0o077 == 0
    )


def _data(home: Home, account: Account, say: Callable[[str], None]) -> Path:
    pointer = home.path / "data"
    if pointer.is_symlink():
        data = Path(os.readlink(pointer))
        if data.parent != SHELF or not is_private(data, account.uid):
            raise HomeUnusable(
                f"{pointer} points to {data}, which is not a private directory of {account.name}.",
                hint=f"Bring the data back, or remove {pointer} to start with empty servers.",
            )
        return data
    if account.can_enter(home.path):
        return home.path
    if any((home.path / name).exists() for name in NAMES):
        raise HomeUnusable(
            f"{home.path} holds data, but the account {account.name} cannot reach it any more.",
            hint=f"Let {account.name} pass through its parent directories (mode o+x).",
        )
    SHELF.mkdir(mode=0o755, parents=True, exist_ok=True)
    if SHELF.is_symlink() or SHELF.stat().st_uid != 0:
        raise HomeUnusable(f"{SHELF} does not belong to root.")
    prefix = re.sub(r"[^A-Za-z0-9_-]", "", home.path.name)[:20] + "-"
    data = Path(tempfile.mkdtemp(prefix=prefix, dir=SHELF))
    account.own(data)
    pointer.symlink_to(data)
    say(f"The data goes to {data}, because {account.name} cannot reach {home.path}.")
    return data


def _sockets(home: Home, data: Path, account: Account) -> Path:
    near = data / "sockets"
    if _fits(near) and _is_guarded(data, account.uid):
        if not near.is_symlink():
            if not near.exists():
                near.mkdir(mode=0o700)
                account.own(near)
            if is_private(near, account.uid):
                return near
        raise HomeUnusable(f"{near} is not a private directory of {account.name}.")
    pointer = home.path / "sockets-elsewhere"
    if pointer.is_symlink():
        far = Path(os.readlink(pointer))
        if is_private(far, account.uid) and _fits(far) and _is_guarded(far.parent, account.uid):
            return far
        pointer.unlink()  # /tmp was emptied, or it was never ours
    far = Path(tempfile.mkdtemp(prefix="fleetcache-", dir="/tmp")).resolve()
    account.own(far)
    pointer.symlink_to(far)
    return far


def remove_far_sockets(home: Home) -> None:
    """Leave nothing in /tmp after a clean stop."""
    pointer = home.path / "sockets-elsewhere"
    if pointer.is_symlink():
        far = Path(os.readlink(pointer))
        if far.is_dir() and not any(far.iterdir()):
            far.rmdir()
            pointer.unlink()


def _fits(directory: Path) -> bool:
    # PostgreSQL reads a comma or a quote in unix_socket_directories as its own syntax.
    longest = max(len(os.fsencode(directory / name)) for name in SOCKET_NAMES.values())
    return longest <= LONGEST_SOCKET and not any(sign in str(directory) for sign in ",\"'\n")


def _is_guarded(directory: Path, uid: int) -> bool:
    """Nobody else can rename this directory or a parent of it away."""
    for part in (directory, *directory.parents):
        found = part.stat()
        if found.st_uid not in (0, uid, os.geteuid()):
            return False
        if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
            return False
    return True
