"""The home: the one directory that people name, and the names of the files in it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from fleetcache.errors import HomeUnusable

Name = Literal["postgres", "valkey"]
NAMES: tuple[Name, ...] = ("postgres", "valkey")


@dataclass(frozen=True)
class Home:
    """A usable home. Get one with `Home.open` (creates it) or `Home.look` (does not)."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Create the home if need be. Raises HomeUnusable, naming what is wrong with it."""
        try:
            home = path.expanduser().resolve()
            # Root's servers run under another account, which must be able to pass through.
            mode = 0o711 if os.geteuid() == 0 else 0o700
            if not home.exists():
                home.parent.mkdir(parents=True, exist_ok=True)
                home.mkdir(mode=0o700, exist_ok=True)
                home.chmod(mode)  # whatever the umask says
            found = home.stat()
            if not stat.S_ISDIR(found.st_mode):
                raise HomeUnusable(f"{home} is not a directory, so no data can be kept there.")
            if os.geteuid() not in (0, found.st_uid) and found.st_uid != 0:
                raise HomeUnusable(f"{home} belongs to another user (uid {found.st_uid}).")
            if not os.access(home, os.W_OK | os.X_OK):
                raise HomeUnusable(f"{home} is not writable.")
            opened = cls(home)
            for directory in (opened.path / "locks", opened.path / "logs"):
                if directory.is_symlink():
                    raise HomeUnusable(f"{directory} is a symlink, which is not followed.")
                if not directory.is_dir():
                    directory.mkdir(mode=0o700, exist_ok=True)
                    if os.geteuid() == 0:
                        os.chown(directory, found.st_uid, found.st_gid, follow_symlinks=False)
        except OSError as error:
            raise unusable(path, error) from error
        except RuntimeError as error:  # expanduser without a home, a symlink loop
            raise HomeUnusable(f"{path}: {error}") from error
        return opened

    @classmethod
    def look(cls, path: Path) -> Self | None:
        """The home if it has ever been used, else None; creates nothing."""
        try:
            home = cls(path.expanduser().resolve())
            return home if (home.path / "locks").is_dir() else None
        except (OSError, RuntimeError):
            return None

    def wanted(self, name: Name) -> Path:
        """Held shared, for life, by each app that needs this server."""
        return self.path / "locks" / f"{name}.wanted"

    def server_lock(self, name: Name) -> Path:
        """Held by the server and all its children."""
        return self.path / "locks" / f"{name}.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor and its standby."""
        return self.path / "locks" / "supervisor.lock"

    def log(self, name: Name | Literal["supervisor"]) -> Path:
        """What the server or the supervisor says."""
        return self.path / "logs" / f"{name}.log"

    @property
    def state(self) -> Path:
        """What the supervisor last reported, for apps that wait."""
        return self.path / "state.json"


def open_file(path: Path, flags: int) -> int:
    """A descriptor of a file of ours, created when missing. Never follows a symlink.

    What root makes belongs to the owner of the directory, so that `sudo` once breaks nothing.
    """
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        try:
            if not flags & os.O_EXCL:
                return os.open(path, flags)
        except FileNotFoundError:
            pass
        try:
            fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # somebody was quicker
            if flags & os.O_EXCL:
                raise
            continue
        if os.geteuid() == 0:  # only what is new: an old file may be a trap (a hard link)
            owner = path.parent.stat()
            os.fchown(fd, owner.st_uid, owner.st_gid)
        return fd


def unusable(path: Path, error: OSError) -> HomeUnusable:
    """The same trouble as a sentence about this directory."""
    what = f"{path} cannot be used: {error.strerror or error}"
    if error.filename and str(error.filename) != str(path):
        what += f" ({error.filename})"
    return HomeUnusable(what + ".")
