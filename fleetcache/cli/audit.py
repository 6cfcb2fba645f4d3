"""Reading the audit."""

from __future__ import annotations

from datetime import datetime

import click

from fleetcache.cli.parts import parts
from fleetcache.ops.sheet import sheet
from fleetcache.settings import Settings
from fleetcache.source import audit

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("audit")
@click.option("--actor", help="Only what this one did.")
@click.option("--action", help="Only actions of this kind.")
@click.option("--outcome", type=click.Choice(["done", "failed", "refused"]))
@click.option("--since", type=_DAY, help="First day, on the fleet's calendar.")
@click.option("--until", type=_DAY, help="Last day.")
@click.option("--search", help="Text that stands anywhere in the row.")
@click.option("--most", type=click.IntRange(1), default=audit.MOST, show_default=True)
@click.pass_obj
def show(
    settings: Settings,
    actor: str | None,
    action: str | None,
    outcome: str | None,
    since: datetime | None,
    until: datetime | None,
    search: str | None,
    most: int,
) -> None:
    """Who did what, newest first, as CSV."""
    with parts(settings) as made:
        rows = audit.found(
            made.database,
            actor=actor,
            action=action,
            outcome=outcome,
            since=since.date() if since else None,
            until=until.date() if until else None,
            search=search,
            most=most,
        )
    click.echo(sheet(rows), nl=False)
