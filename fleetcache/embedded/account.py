"""The account that the servers run under.

PostgreSQL refuses to run as root. A root app therefore runs both servers as the owner of the home,
or as nobody; no account is made, and no directory is opened for it.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from fleetcache.errors import HomeUnusable


class Identity(TypedDict, total=False):
    """The arguments of `subprocess` that change the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """Who runs the servers; ``other`` when that is not the user who runs the app."""

    name: str
    uid: int
    gid: int
    other: bool

    @property
    def identity(self) -> Identity:
        """What to pass to `subprocess` so that a command runs under this account."""
        if not self.other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Hand a file or directory over to this account."""
        if self.other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_enter(self, directory: Path) -> bool:
        """Whether this account can pass through all the parents; tried, not computed."""
        if not self.other:
            return True
        tried = subprocess.run(
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            **self.identity,
        )
        return tried.returncode == 0


def account_for(home: Path) -> Account:
    """The account for the servers of this home."""
    uid = os.geteuid()
    if uid != 0:
        return Account(str(uid), uid, os.getegid(), other=False)
    for find in (_owner_of, _nobody):
        try:
            entry = find(home)
        except KeyError:  # initdb insists on a name for its user
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, other=True)
    raise HomeUnusable(
        "PostgreSQL refuses to run as root, and this machine has no account called nobody.",
        hint="Run fleetcache as an ordinary user.",
    )


def _owner_of(home: Path) -> pwd.struct_passwd:
    return pwd.getpwuid(home.stat().st_uid)


def _nobody(home: Path) -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")
