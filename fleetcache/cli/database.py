"""Commands about the database: its shape, and the synthetic airline in it."""

from __future__ import annotations

import sys

import click

from fleetcache.cli.parts import parts, person
from fleetcache.settings import Settings
from fleetcache.source import demo, migrations


@click.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the database to its shape; make again what was dropped from it."""
    with parts(settings) as runtime:
        done = migrations.migrate(runtime.urls.owner, app_role=runtime.database.role())
        for step in done:
            click.echo(step)
        if done:
            runtime.console(person()).refresh()
        click.echo("The database is as it should be.")


@click.command()
@click.option("--profile", type=click.Choice(["tiny", "demo", "load"]), help="How large an airline.")
@click.option("--renew", is_flag=True, help="Replace a demo of ours, edited or not.")
@click.pass_obj
def seed(settings: Settings, profile: str | None, renew: bool) -> None:
    """Seed the synthetic airline into an empty database."""
    with parts(settings) as runtime:
        migrations.migrate(runtime.urls.owner, app_role=runtime.database.role())
        with click.progressbar(length=1, label="Seeding", file=sys.stderr) as bar:

            def show(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            seeded, warnings = demo.renew(
                runtime.urls.owner,
                profile or settings.profile,
                fresh="demo",
                force=renew,
                progress=lambda step: click.echo(step, err=True),
                bar=show,
            )
        for warning in warnings:
            click.echo(f"Warning: {warning}", err=True)
        if not seeded:
            raise click.ClickException(
                "Nothing was seeded: the database already has data. --renew replaces a demo of ours; "
                "pilots of your own are never touched."
            )
        runtime.console(person()).refresh()
        click.echo("Seeded.")
