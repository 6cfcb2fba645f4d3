"""The commands: everything an administrator can click, and what comes before a page can be opened."""

from __future__ import annotations

import click

from fleetcache import __version__
from fleetcache.cli import access, audit, cache, database, demo, imports, program, setting
from fleetcache.cli.parts import Commands
from fleetcache.settings import load

COMMANDS: tuple[click.Command, ...] = (
    program.serve,
    program.show_urls,
    program.show_settings,
    database.migrate,
    database.seed,
    cache.health,
    cache.warm,
    cache.refresh,
    cache.invalidate,
    cache.flush,
    access.token,
    audit.show,
    setting.setting,
    imports.import_file,
    demo.demo,
)


@click.group(cls=Commands)
@click.version_option(__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Crew dashboards behind a layered cache."""
    context.obj, _origins, warnings = load()
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


for command in COMMANDS:
    main.add_command(command)
