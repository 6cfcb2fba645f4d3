"""Commands about the cache: its state, and what an administrator can do to it."""

from __future__ import annotations

import json
import sys

import click

from fleetcache.cache.warming import Progress
from fleetcache.catalogue import CATALOGUE
from fleetcache.cli.parts import parts, person
from fleetcache.ops.health import DEGRADED, HEALTHY, OPEN, RUNNING, SILENT, UNTRUSTED, Health, conditions
from fleetcache.ops.preview import Preview
from fleetcache.settings import Settings

EXITS = {HEALTHY: 0, DEGRADED: 1}
CONDITIONS = {
    RUNNING: "running",
    SILENT: "silent",
    OPEN: "not asking Redis (breaker open)",
    UNTRUSTED: "cannot prove its numbers current",
}


@click.command()
@click.pass_obj
def warm(settings: Settings) -> None:
    """Load every key into Redis, dearest first."""
    with parts(settings) as runtime:
        with click.progressbar(length=len(CATALOGUE), label="Warming", file=sys.stderr) as bar:

            def show(step: Progress) -> None:
                bar.update(step.done - bar.pos)

            warmed = runtime.console(person()).warm(progress=show)
        for failure in warmed.failures:
            click.echo(str(failure), err=True)
        click.echo(f"Warmed {warmed.loaded} of {len(CATALOGUE)} keys.")
        if warmed.failures:
            sys.exit(1)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The document of GET /api/cache/health.")
@click.pass_obj
def health(settings: Settings, as_json: bool) -> None:
    """The state of every layer; exits 0 healthy, 1 degraded, 2 down."""
    with parts(settings) as runtime:
        found, _since = runtime.health()
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


_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say what would be removed, and its stamp.")
_EXPECT = click.option("--expect", metavar="STAMP", help="Refuse if it is not what a dry run showed.")


@click.command(epilog=f"Keys: {', '.join(CATALOGUE)}.")
@click.argument("keys", nargs=-1)
@click.option("--pattern", help="A glob that starts with fleet:, ref: or dashboard:.")
@_DRY_RUN
@_EXPECT
@click.pass_obj
def invalidate(
    settings: Settings, keys: tuple[str, ...], pattern: str | None, dry_run: bool, expect: str | None
) -> None:
    """Remove cached values by name or by pattern."""
    if not keys and pattern is None:
        raise click.UsageError("Name keys, or give --pattern.")
    with parts(settings) as runtime:
        console = runtime.console(person())
        if dry_run:
            _say_preview(console.preview(keys, pattern))
        else:
            removed = console.invalidate(keys, pattern, expect=expect, progress=_removed)
            click.echo(f"Removed {_values(removed)}.")


@click.command()
@click.pass_obj
def refresh(settings: Settings) -> None:
    """Refresh the view, then drop the cached values that the old one gave."""
    with parts(settings) as runtime:
        done = runtime.console(person()).refresh()
        click.echo(done.message)


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@_DRY_RUN
@_EXPECT
@click.pass_obj
def flush(settings: Settings, yes: bool, dry_run: bool, expect: str | None) -> None:
    """Refresh the view, then remove every cached value of ours and nothing else."""
    with parts(settings) as runtime:
        console = runtime.console(person())
        if dry_run:
            _say_preview(console.preview_flush())
            return
        if not yes:
            found = console.preview_flush()
            click.confirm(f"Remove {_values(len(found.values))} of fleetcache ({found.memory:,} B)?", abort=True)
            expect = expect or found.stamp
        removed = console.flush(expect=expect, progress=_removed)
        click.echo(f"All cache flushed and materialized view refreshed: {_values(removed)} removed.")


def _say_preview(found: Preview) -> None:
    for value in found.values:
        age = "of another version" if value.age is None else f"counted {value.age:.0f} s ago"
        click.echo(f"{value.name}  {value.memory} B  {age}  {value.ttl:.0f} s left")
    click.echo(f"Would remove {_values(len(found.values))}, {found.memory:,} B.")
    known = (("the view", found.from_view), ("raw queries", found.from_tables))
    loads = [f"{seconds * 1000:.1f} ms from {name}" for name, seconds in known if seconds is not None]
    if loads:
        click.echo(f"A load takes {', '.join(loads)} (p50 of the last hour).")
    click.echo(f"stamp {found.stamp}")


def _values(count: int) -> str:
    return f"{count} value{'' if count == 1 else 's'}"


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
