"""What the supervisor tells the apps: one small JSON file, replaced as a whole.

Believe it only while `supervisor.lock` is held: a supervisor that was killed leaves its last words.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Literal

from fleetcache import errors
from fleetcache.embedded.home import NAMES, Home, Name, open_file

Phase = Literal["stopped", "starting", "ready", "failed"]


@dataclass
class Report:
    """One server: how far it is, what was said on the way, and which wish it answers."""

    phase: Phase = "stopped"
    episode: int = 0
    said: list[str] = field(default_factory=list)
    asked: int = 0
    sockets: str = ""
    error: dict[str, str] | None = None


@dataclass
class State:
    """Who supervises (for people; never trust a pid), and a report for each server."""

    supervisor: int = 0
    reports: dict[Name, Report] = field(default_factory=lambda: {name: Report() for name in NAMES})


def write(home: Home, state: State) -> None:
    """Replace the file. Raises OSError, for example on a full disk."""
    temporary = home.state.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(open_file(temporary, os.O_WRONLY | os.O_EXCL), "w") as file:
        json.dump(asdict(state), file, indent=1)
    temporary.replace(home.state)


def read(home: Home) -> State:
    """The last report; an empty one when there is none or it is not ours."""
    try:
        stored = json.loads(home.state.read_text())
        reports = {name: Report(**stored["reports"][name]) for name in NAMES}
        return State(**{**stored, "reports": reports})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return State()


def pack(error: errors.FleetcacheError) -> dict[str, str]:
    """An error as it travels to the apps."""
    return {"type": type(error).__name__, "message": error.message, "hint": error.hint}


def unpack(packed: dict[str, str] | None) -> errors.FleetcacheError:
    """The error that the supervisor met, to be raised here."""
    packed = packed or {}
    kind = getattr(errors, packed.get("type", ""), errors.ServerFailed)
    error = kind(packed.get("message"), hint=packed.get("hint"))
    assert isinstance(error, errors.FleetcacheError)
    return error
