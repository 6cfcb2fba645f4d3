"""The demo played."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal

import click

from fleetcache import embedded
from fleetcache.cli.parts import parts
from fleetcache.errors import AppDown, StoreDown
from fleetcache.runtime import Runtime
from fleetcache.settings import Settings


@click.command()
@click.option("--minutes", type=click.FloatRange(0, 600, min_open=True), default=5.0, show_default=True, help="For how long.")
@click.option("--viewers", type=click.IntRange(0, 200), default=6, show_default=True, help="How many people open pages.")
@click.option("--seed", type=int, help="Play by this number: the same changes to the same data.")
@click.option("--url", help="Where the dashboards are open, if not where they open by themselves.")
@click.pass_obj
def demo(settings: Settings, minutes: float, viewers: int, seed: int | None, url: str | None) -> None:
    """Play people and small changes on the demo that is open, so that its pages move. Ctrl-C ends it."""
    if (settings.database_url is None or settings.redis_url is None) and embedded.running(settings.home) is None:
        raise AppDown("Nothing runs.")
    # Here, for Streamlit takes a second to import, which other commands need not wait for.
    from fleetcache.demo.play import Play
    from fleetcache.demo.scenes import Scenes
    from fleetcache.demo.visitor import Visitor, usual

    seed = secrets.randbelow(10_000) if seed is None else seed
    with parts(settings) as runtime:
        scenes = Scenes(runtime, random.Random(seed))
        scenes.check()
        url = url or usual()

        async def visit() -> str:
            async with Visitor(url, "viewer") as first:
                return first.instance

        _same(runtime, asyncio.run(visit()), url)
        play = Play(url, scenes, seconds=60 * minutes, viewers=viewers, seed=seed, say=click.echo)
        told = f"Playing {viewers} viewers and a few changes a minute for {minutes:g} minutes at {url}, seed {seed}."

        async def played() -> None:
            # From in here the loop hears Ctrl-C; before, one that met a destructor would be ignored as its error. Who is
            # told to end by the system takes back what was entered as well.
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
            click.echo(f"{told} Ctrl-C ends it.")
            await play.run()

        try:
            asyncio.run(played())
        except (KeyboardInterrupt, asyncio.CancelledError):
            click.echo("Stopped.")
        finally:
            for line in scenes.undo():
                click.echo(f"At the end: {line}")
        click.echo(f"Played: {play.tally.sentence()}.")
        if scenes.stays:
            click.echo(f"What stays: {'; '.join(scenes.stays)}.")
        click.echo("`python -m fleetcache seed --renew` makes the airline as if nobody had edited it.")


def _same(runtime: Runtime, instance: str, url: str) -> None:
    """Raises AppDown when the dashboards that were found show another database."""
    try:
        known = {one.id for one in runtime.instances.all(runtime.clock.now())}
    except StoreDown as error:
        click.echo(f"Warning: whether {url} shows this database cannot be said: {error.technical}", err=True)
        return
    if instance not in known:
        raise AppDown(
            f"The dashboards at {url} use other servers than this command.",
            hint="Give both the same DATABASE_URL, REDIS_URL, FLEETCACHE_PREFIX and FLEETCACHE_HOME, or the right --url.",
        )
