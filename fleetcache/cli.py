"""The commands: everything an administrator can click, and what comes before a page can be opened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from fleetcache import __version__, embedded, runtime
from fleetcache.cache.warming import Progress
from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import FleetcacheError
from fleetcache.ops.health import DEGRADED, HEALTHY, OPEN, RUNNING, SILENT, UNTRUSTED, Health, conditions
from fleetcache.servers import checked, find
from fleetcache.settings import Settings, load
from fleetcache.source import demo, migrations

APP = Path(__file__).parents[1] / "app.py"
EXITS = {HEALTHY: 0, DEGRADED: 1}
CONDITIONS = {
    RUNNING: "running",
    SILENT: "silent",
    OPEN: "not asking Redis (breaker open)",
    UNTRUSTED: "cannot prove its numbers current",
}


class Commands(click.Group):
    """Says what went wrong in words; a traceback helps nobody who typed a URL wrong."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except FleetcacheError as error:
            raise click.ClickException(f"{error.technical}\n{error.hint}") from error


@click.group(cls=Commands)
@click.version_option(__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Crew dashboards behind a layered cache."""
    context.obj, _origins, warnings = load()
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Open the dashboards; further arguments go to streamlit run."""
    sys.exit(subprocess.call([sys.executable, "-m", "streamlit", "run", str(APP), *arguments]))


@main.command("urls")
@click.pass_obj
def show_urls(settings: Settings) -> None:
    """The URLs of the servers in use, for psql and redis-cli."""
    checked(settings)
    running = None
    if settings.database_url is None or settings.redis_url is None:
        running = embedded.running(settings.home)
    database = settings.database_url or (running.database_url if running else None)
    owner = settings.database_url or (running.owner_url if running else None)
    redis = settings.redis_url or (running.redis_url if running else None)
    for name, url in (("DATABASE_URL", database), ("OWNER_URL", owner), ("REDIS_URL", redis)):
        click.echo(f"{name}={url}" if url else f"# {name}: nothing runs in {settings.home}")
    if database is None and redis is None:
        raise click.ClickException("Nothing runs. Start the dashboards: streamlit run app.py")


@main.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the database to its shape; make again what was dropped from it."""
    with _runtime(settings) as parts:
        done = migrations.migrate(parts.urls.owner, app_role=parts.database.role())
        for step in done:
            click.echo(step)
        if done:
            parts.console(_actor()).refresh()
        click.echo("The database is as it should be.")


@main.command()
@click.option("--profile", type=click.Choice(["tiny", "demo", "load"]), help="How large an airline.")
@click.option("--renew", is_flag=True, help="Replace a demo of ours, edited or not.")
@click.pass_obj
def seed(settings: Settings, profile: str | None, renew: bool) -> None:
    """Seed the synthetic airline into an empty database."""
    with _runtime(settings) as parts:
        migrations.migrate(parts.urls.owner, app_role=parts.database.role())
        with click.progressbar(length=1, label="Seeding", file=sys.stderr) as bar:

            def show(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            seeded, warnings = demo.renew(
                parts.urls.owner,
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
        parts.console(_actor()).refresh()
        click.echo("Seeded.")


@main.command()
@click.pass_obj
def warm(settings: Settings) -> None:
    """Load every key into Redis, dearest first."""
    with _runtime(settings) as parts:
        with click.progressbar(length=len(CATALOGUE), label="Warming", file=sys.stderr) as bar:

            def show(step: Progress) -> None:
                bar.update(step.done - bar.pos)

            warmed = parts.console(_actor()).warm(progress=show)
        for failure in warmed.failures:
            click.echo(str(failure), err=True)
        click.echo(f"Warmed {warmed.loaded} of {len(CATALOGUE)} keys.")
        if warmed.failures:
            sys.exit(1)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="The document of GET /api/cache/health.")
@click.pass_obj
def health(settings: Settings, as_json: bool) -> None:
    """The state of every layer; exits 0 healthy, 1 degraded, 2 down."""
    with _runtime(settings) as parts:
        found, _since = parts.health()
        if as_json:
            click.echo(json.dumps(found.document(), indent=2))
        else:
            click.echo(f"{found.overall}: {found.text}\n{found.recommendation}")
            for warning in found.warnings:
                click.echo(f"  {warning}")
            for fault in found.faults:
                click.echo(f"  {fault}")
            _say_instances(found)
        sys.exit(EXITS.get(found.overall, 2))


@main.command()
@click.argument("keys", nargs=-1)
@click.option("--pattern", help="A glob that starts with fleet:, ref: or dashboard:.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.pass_obj
def invalidate(settings: Settings, keys: tuple[str, ...], pattern: str | None, dry_run: bool) -> None:
    """Remove cached values by name or by pattern."""
    if not keys and pattern is None:
        raise click.UsageError("Name keys, or give --pattern.")
    with _runtime(settings) as parts:
        console = parts.console(_actor())
        if dry_run:
            found = console.preview(keys, pattern)
            for row in found:
                click.echo(f"{row.name}  {row.memory} B  {row.ttl:.0f} s left")
            click.echo(f"Would remove {len(found)} values.")
        else:
            click.echo(f"Removed {console.invalidate(keys, pattern, progress=_removed)} values.")


@main.command()
@click.pass_obj
def refresh(settings: Settings) -> None:
    """Refresh the view, then drop the cached values that the old one gave."""
    with _runtime(settings) as parts:
        done = parts.console(_actor()).refresh()
        click.echo(f"Refreshed in {done.seconds:.2f} s; {done.dropped} values dropped.")


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def flush(settings: Settings, yes: bool) -> None:
    """Refresh the view, then remove every cached value of ours and nothing else."""
    if not yes:
        click.confirm("Remove every cached value of fleetcache?", abort=True)
    with _runtime(settings) as parts:
        removed = parts.console(_actor()).flush(progress=_removed)
        click.echo(f"All cache flushed and materialized view refreshed: {removed} values removed.")


@main.command("settings")
def show_settings() -> None:
    """Every setting, its value and where it came from; secrets masked."""
    chosen, origins, _warnings = load()
    for origin in origins:
        click.echo(f"{origin.name}={origin.value}  ({origin.source})  {origin.description}")
    checked(chosen)


@contextmanager
def _runtime(settings: Settings) -> Iterator[runtime.Runtime]:
    """The parts of an instance, without its background work."""
    urls, servers = find(settings, progress=lambda step: click.echo(step, err=True))
    parts = runtime.Runtime(settings, urls, servers=servers)
    try:
        yield parts
    finally:
        parts.close()


def _say_instances(found: Health) -> None:
    if not found.redis.connected:
        click.echo("Instances: unknown, for they announce themselves in Redis.")
        return
    click.echo("Instances:" if found.instances else "Instances: none runs.")
    for one in found.instances:
        known = conditions(one, found.at)
        line = f"  {one.id}: {', '.join(CONDITIONS[each] for each in known)}; seen {max(0, found.at - one.seen):.0f} s ago"
        if SILENT not in known:
            rate = "–" if one.memory_hit_rate is None else f"{one.memory_hit_rate:.1f} %"
            latency = "–" if one.redis_latency is None else f"{one.redis_latency * 1000:.2f} ms"
            line += (
                f"; memory serves {rate} of its reads, holds {one.memory_entries}"
                f"; Redis {latency}, breaker {one.breaker}, opened {one.breaker_opened}×"
            )
        click.echo(line)


def _removed(count: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{count:,} removed", nl=False, err=True)


def _actor() -> str:
    return f"command line ({os.environ.get('USER') or os.environ.get('LOGNAME') or 'unknown'})"

