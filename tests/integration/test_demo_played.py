"""The demo played: it changes data only through the doors, leaves nothing of its own undecided, and never plays
on what is no demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from fleetcache import embedded
from fleetcache.cli import main
from fleetcache.demo.play import Play
from fleetcache.demo.scenes import PLAYED, Scenes
from fleetcache.demo.visitor import Visitor
from fleetcache.errors import AppDown, FleetcacheError, Forbidden
from fleetcache.runtime import Runtime
from tests.conftest import TestDatabase
from tests.integration.test_parity import agree, counted, source_today
from tests.live import ADDRESS, REPO, App, environment, finished, free_port, until
from tests.recount import recount

EVERY = ("_ask", "_sick", "_review", "_decide", "_decide", "_withdraw", "_renew", "_renew", "_move")
OWN = "SELECT id FROM leave_requests WHERE id > {last} AND status NOT IN ('WITHDRAWN', 'DENIED')"


def last(database: TestDatabase) -> int:
    return int(str(database.rows("SELECT max(id) FROM leave_requests")[0][0]))


def bases(database: TestDatabase) -> list[tuple[object, ...]]:
    return database.rows("SELECT id, base FROM pilots ORDER BY id")


def test_every_scene_keeps_the_figures_right_and_is_undone(runtime: Runtime, demo: TestDatabase) -> None:
    """Each kind of change is audited under its own name; the figures are those of a recount from the rows; at the
    end no leave of its own stands and every pilot is where he was."""
    before, stood = last(demo), bases(demo)
    scenes = Scenes(runtime, Random(7))
    told = [getattr(scenes, scene)() for scene in EVERY for _ in range(2)]
    assert all(told) and bases(demo) != stood
    with demo.owner() as connection:
        today = source_today(connection)
        agree(counted(runtime.database, today), recount(connection, today))
    done = dict(demo.rows(f"SELECT action, count(*) FROM audit_log WHERE actor = '{PLAYED.name}' GROUP BY action"))  # type: ignore[arg-type]
    assert {"leave.submit", "leave.review", "leave.approve", "leave.withdraw", "certification.renew", "pilot.update"} <= set(done)
    assert demo.rows(OWN.format(last=before))
    assert scenes.undo() and scenes.stays
    assert not demo.rows(OWN.format(last=before))
    assert bases(demo) == stood


def test_equal_data_and_equal_chance_give_equal_changes(runtime: Runtime, make_runtime: object, make_database: object, seeded: str) -> None:
    """A demo that was rehearsed goes the same way again."""
    other = make_runtime(make_database(seeded))  # type: ignore[operator]
    one, two = (Scenes(parts, Random(11)) for parts in (runtime, other))
    assert [one.next() for _ in range(4)] == [two.next() for _ in range(4)]


def test_nothing_is_played_on_what_is_no_demo(runtime: Runtime, demo: TestDatabase) -> None:
    """Also when it stops being one while it is played: the next change is not made."""
    scenes = Scenes(runtime, Random(1))
    scenes._ask()
    demo.sql("DELETE FROM demo")
    rows = demo.rows("SELECT count(*) FROM audit_log")
    with pytest.raises(Forbidden, match="not a demo"):
        scenes.next()
    assert "stay as they are" in scenes.undo()[0]
    assert demo.rows("SELECT count(*) FROM audit_log") == rows


def test_a_visitor_sees_what_a_browser_sees(live: App) -> None:
    """A page is drawn without a fault, one that is not there is said to be missing, and nobody unknown comes in."""

    async def visit() -> None:
        async with Visitor(live.url, "viewer") as visitor:
            assert visitor.instance
            for page in ("", "fleet"):
                drawn = await visitor.open(page)
                assert not drawn.fault and drawn.elements > 10 and drawn.size > 1000
            again = await visitor.again()
            assert again.elements == drawn.elements
            assert (await visitor.open("nowhere")).fault

    finished(visit())
    with pytest.raises(AppDown):
        finished(Visitor(f"http://{ADDRESS}:{free_port()}", "viewer").__aenter__())


def test_people_who_change_the_same_are_no_trouble() -> None:
    """What is refused is counted and told; the play goes on, and ends by itself."""

    class Contested(Scenes):
        def __init__(self) -> None:
            self.times = 0

        def next(self) -> str:
            self.times += 1
            if self.times % 2:
                raise FleetcacheError("Somebody was quicker.")
            return "done"

    said: list[str] = []
    play = Play("http://nobody", Contested(), seconds=0.5, viewers=0, seed=1, say=said.append, pause=(0.01, 0.02))
    finished(play.run())
    assert play.tally.refused > 1 and play.tally.changes > 1
    assert any("Not made: Somebody was quicker." in line for line in said)
    assert f"{play.tally.refused} not made" in play.tally.sentence()


def test_without_an_app_it_says_so(tmp_path: Path, servers: embedded.Servers, demo: TestDatabase, database: TestDatabase) -> None:
    """Nothing is started for it; a database of somebody's own is refused before anything else."""

    def said(**settings: str) -> str:
        env = {**dict.fromkeys(os.environ.keys() - {"PATH"}), **environment(tmp_path, **settings)}
        with ThreadPoolExecutor(1) as apart:  # the browser tests leave a running loop in their thread
            url = f"http://{ADDRESS}:{free_port()}"
            ended = apart.submit(CliRunner().invoke, main, ["demo", "--url", url], env=env).result()
        assert ended.exit_code == 1 and isinstance(ended.exception, SystemExit)
        return ended.output

    assert "Nothing runs" in said()
    assert not (tmp_path / "data").exists()
    assert servers.redis_url is not None
    assert "did not answer" in said(DATABASE_URL=demo.owner_url, REDIS_URL=servers.redis_url)
    assert "not a demo" in said(DATABASE_URL=database.owner_url, REDIS_URL=servers.redis_url)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_at_once_and_leaves_nothing_undecided(
    live: App, live_database: TestDatabase, tmp_path: Path, end: signal.Signals
) -> None:
    """Against the program as it runs: pages are drawn, Ctrl-C (or a kill) takes back what was entered and says how it went."""
    before = last(live_database)
    output = tmp_path / "output"
    with output.open("w") as written:
        playing = subprocess.Popen(
            [sys.executable, "-u", "-X", "faulthandler", "-m", "fleetcache", "demo", "--viewers", "1", "--url", live.url],
            cwd=REPO, env=live.env, stdout=written, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        until(lambda: playing.poll() is not None or "Playing 1 viewers" in output.read_text(), within=60)
        playing.send_signal(end)
        try:
            playing.wait(30)
        except subprocess.TimeoutExpired:
            playing.send_signal(signal.SIGABRT)  # it says where it hangs
            playing.wait(10)
        assert playing.returncode == 0, output.read_text()
    finally:
        playing.kill()
        playing.wait()
    said = output.read_text()
    assert "Stopped." in said and "Played:" in said and "seed --renew" in said and "Traceback" not in said
    assert not live_database.rows(OWN.format(last=before))
