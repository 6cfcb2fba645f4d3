"""What the commands share: the parts of an instance, and who runs the command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from fleetcache import runtime
from fleetcache.access.roles import Person
from fleetcache.errors import FleetcacheError
from fleetcache.servers import find
from fleetcache.settings import Settings
from fleetcache.source.audit import written


class Commands(click.Group):
    """Says what went wrong in words; a traceback helps nobody who typed a URL wrong."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments, if they are text."""
        for given in args:
            shown = given.encode("utf-8", "backslashreplace").decode()
            if shown != given:
                raise click.UsageError(f"“{shown}” is not text in UTF-8.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except FleetcacheError as error:
            said = error.technical if error.status >= 500 else error.message
            raise click.ClickException(f"{said}\n{error.hint}") from error


@contextmanager
def parts(settings: Settings) -> Iterator[runtime.Runtime]:
    """The parts of an instance, without its background work. Raises what ``servers.find`` does."""
    urls, servers = find(settings, progress=lambda step: click.echo(step, err=True))
    made = runtime.Runtime(settings, urls, servers=servers)
    try:
        yield made
    finally:
        made.close()


def person() -> Person:
    """Whoever can run commands here can reach the servers as well, so is an administrator."""
    name = os.environ.get("USER") or os.environ.get("LOGNAME") or "unknown"
    return Person(f"command line ({written(name)})", "admin", "command line")
