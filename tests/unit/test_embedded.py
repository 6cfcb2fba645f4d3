"""The embedded servers without servers: giving up, time-outs, unsafe places, old programs."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetcache import errors
from fleetcache.embedded import binaries, care, lock, place, state
from fleetcache.embedded.account import account_for
from fleetcache.embedded.home import Home, Name, open_file


@pytest.fixture
def home() -> Iterator[Home]:
    directory = Path(tempfile.mkdtemp(prefix="fleetcache-unit-", dir="/tmp")).resolve()
    directory.chmod(0o711)
    try:
        yield Home.open(directory / "home")
    finally:
        shutil.rmtree(directory)


class Fake:
    """A server that is a shell command."""

    name: Name = "valkey"
    title = "Fake 1"
    signals = ((signal.SIGKILL, 5.0),)
    script = "exit 3"
    ready = False

    def __init__(self, where: place.Place, log: Path) -> None:
        self.place, self.log, self.socket = where, log, where.sockets / "fake.sock"

    def prepare(self, lock: int, say: Callable[[str], None]) -> Iterator[None]:
        yield

    def command(self) -> list[str | Path]:
        return ["/bin/sh", "-c", self.script]

    def is_ready(self, pid: int) -> bool:
        return self.ready


def live(home: Home, kind: type[Fake], report: state.Report, seconds: float = 10.0) -> list[str]:
    """Let it live until it is given up; the phases it went through."""
    wanted = lock.open_lock(home.wanted("valkey"))
    assert lock.take(wanted, shared=True)
    phases: list[str] = []
    cared = care.Care(
        kind, "valkey", home=home, report=report, publish=lambda: phases.append(report.phase)
    )
    deadline = time.monotonic() + seconds
    for pause in cared.life():
        if report.phase == "failed" or time.monotonic() > deadline:
            break
        time.sleep(min(pause, 0.01))
    os.close(wanted)
    return phases


def test_a_server_that_dies_again_and_again_is_given_up(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(care, "PAUSES", (0.0, 0.01, 0.02))

    class Dying(Fake):
        script = "echo out of luck; exit 3"
        ready = True

    report = state.Report()
    phases = live(home, Dying, report)
    assert phases.count("ready") == 4 and phases[-1] == "failed"
    told = state.unpack(report.error)
    assert isinstance(told, errors.ServerFailed)
    assert "code 3" in told.message and "out of luck" in told.message
    assert "given up after 4 failures" in capsys.readouterr().err


def test_a_server_that_never_gets_ready_is_ended(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(care, "READY_WITHIN", 0.2)

    class Hanging(Fake):
        script = "exec sleep 60"

    report = state.Report()
    live(home, Hanging, report)
    assert "not ready after" in state.unpack(report.error).message
    assert not lock.is_held(home.server_lock("valkey")), "it was left running"


def test_a_server_that_fails_at_once_is_not_tried_again(home: Home) -> None:
    report = state.Report()
    phases = live(home, Fake, report)
    assert phases.count("failed") == 1 and report.episode == 1
    assert "while starting (code 3)" in state.unpack(report.error).message


def test_sockets_leave_a_home_that_others_can_write_to(home: Home) -> None:
    near = place.find_place(home, pytest.fail)
    assert near.sockets == home.path / "sockets"
    home.path.chmod(0o777)
    far = place.find_place(home, pytest.fail)
    try:
        assert far.sockets.parent == Path("/tmp").resolve()
        assert place.find_place(home, pytest.fail) == far, "the same at the next start"
        far.sockets.chmod(0o755)
        other = place.find_place(home, pytest.fail)
        assert other.sockets != far.sockets, "not private any more, so not used any more"
        place.remove_far_sockets(home)
        assert not other.sockets.exists()
    finally:
        far.sockets.rmdir()


def test_symlinks_are_not_followed(home: Home) -> None:
    victim = home.path / "victim"
    victim.write_text("precious")
    (home.path / "link").symlink_to(victim)
    with pytest.raises(OSError):
        open_file(home.path / "link", os.O_WRONLY)
    (home.path / "sockets").symlink_to(home.path)
    with pytest.raises(errors.HomeUnusable, match="private directory"):
        place.find_place(home, lambda text: None)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("postgres (PostgreSQL) 14.9", "too old"),
        ("bad ELF interpreter", "does not run"),
        ("postgres (PostgreSQL) 17.2", "no initdb"),
    ],
)
def test_programs_that_are_no_good_are_named(
    home: Home, monkeypatch: pytest.MonkeyPatch, said: str, reason: str
) -> None:
    program = home.path / "postgres"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(stat.S_IRWXU | 0o055)
    monkeypatch.setattr(binaries, "_candidates", lambda name: [(program, None)])
    with pytest.raises(errors.NoServer) as raised:
        binaries.find("postgres", account_for(home.path), lambda text: None)
    assert reason in raised.value.message and str(program) in raised.value.message


def test_errors_travel_whole() -> None:
    sent = errors.WrongVersion("of another major", hint="use the other one")
    got = state.unpack(state.pack(sent))
    assert (type(got), got.message, got.hint) == (type(sent), sent.message, sent.hint)


def test_an_unreadable_state_is_no_state(home: Home) -> None:
    home.state.write_text("{")
    assert state.read(home) == state.State()
