"""Commands about who is let in: tokens of programs."""

from __future__ import annotations

from datetime import datetime

import click

from fleetcache.access import tokens
from fleetcache.access.roles import ROLES
from fleetcache.cli.parts import parts, person
from fleetcache.settings import Settings
from fleetcache.source.tokens import Listed, listed


@click.group()
def token() -> None:
    """Tokens by which programs use the HTTP API."""


@token.command()
@click.option("--name", required=True, help="Who it is for, as the audit will name it.")
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--days", type=click.IntRange(1, tokens.LONGEST_DAYS), help="It expires after so many days.")
@click.pass_obj
def create(settings: Settings, name: str, role: str, days: int | None) -> None:
    """Make a token and print it; it is not shown again."""
    with parts(settings) as runtime:
        made = tokens.create(runtime.database, person(), instance=runtime.id, name=name, role=role, days=days)
    until = f"until {made.expires_at:%Y-%m-%d %H:%M} UTC" if made.expires_at else "until it is revoked"
    click.echo(f"The token {name}, role {role}, good {until}. It is shown only now:", err=True)
    click.echo(made.secret)


@token.command("list")
@click.pass_obj
def show(settings: Settings) -> None:
    """Every token there is or was, never its secret."""
    with parts(settings) as runtime:
        found = listed(runtime.database)
    for one in found:
        click.echo(
            f"{one.name}  {one.role}  {_state(one)}  made {_day(one.created_at)} by {one.created_by or 'unknown'}"
            f"  {f'last used {_day(one.used_at)}' if one.used_at else 'never used'}"
        )
    if not found:
        click.echo("There is no token.")


@token.command()
@click.argument("name")
@click.pass_obj
def revoke(settings: Settings, name: str) -> None:
    """Let a token be used no more."""
    with parts(settings) as runtime:
        tokens.revoke(runtime.database, person(), instance=runtime.id, name=name)
    click.echo(
        f"Revoked. Instances that have just seen it forget it within {tokens.REMEMBERED_SECONDS:.0f} s."
    )


def _state(one: Listed) -> str:
    if one.revoked_at is not None:
        return f"revoked {_day(one.revoked_at)}"
    if one.expired:
        return "expired"
    return f"in use until {_day(one.expires_at)}" if one.expires_at else "in use"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
