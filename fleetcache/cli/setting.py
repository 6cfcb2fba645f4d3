"""Commands about the house's settings."""

from __future__ import annotations

import json

import click

from fleetcache.changes import settings as changes
from fleetcache.cli.parts import parts, person
from fleetcache.errors import FleetcacheError, NotFound
from fleetcache.settings import Settings


@click.command()
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--expect", metavar="STAMP", help="Refuse when anything has changed since this preview.")
@click.pass_obj
def setting(settings: Settings, name: str | None, value: str | None, dry_run: bool, expect: str | None) -> None:
    """The house's settings; one of them; or a new VALUE (JSON, or plain text) for NAME."""
    with parts(settings) as made:
        if name is None or value is None:
            house, _fleets = changes.current(made.database)
            found = [row for row in house if name in (None, row["name"])]
            if not found:
                raise NotFound(f"There is no setting “{name}”.")
            for row in found:
                click.echo(f"{row['name']}={json.dumps(row['value'])}  {row['description']}")
            return
        door = made.door(person())
        try:
            seen = changes.preview(door, changes.setting(name, _json(value)), expect=expect)
        except FleetcacheError as error:
            if not dry_run:
                made.console(door.person).refuse("settings.change", f"setting {name}", error)
            raise
        click.echo(f"{name}: {json.dumps(seen.before['value'])} -> {json.dumps(seen.edit.values['value'])}")
        for one in seen.moved:
            click.echo(f"  {one.figure}: {one.before} -> {one.after}")
        if dry_run:
            click.echo(f"Nothing was changed. Stamp: {seen.stamp}")
            return
        changes.put(door, seen)
        click.echo("Changed.")


def _json(value: str) -> object:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
