"""Bulk import from a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fleetcache.changes.imports.cells import DAY_ORDERS, DayOrder
from fleetcache.changes.imports.columns import match, template
from fleetcache.changes.imports.files import MOST_BYTES, read
from fleetcache.changes.imports.importing import KINDS, Refused, Report, preview, run
from fleetcache.cli.parts import parts, person
from fleetcache.settings import Settings

_WORDS = {order.replace(" ", "-"): order for order in DAY_ORDERS}


@click.command("import")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--map", "maps", multiple=True, metavar="THEIRS=OURS", help="Take a column of the file as one of ours.")
@click.option("--days", type=click.Choice(list(_WORDS)), default="iso", help="How the file writes days: 2026-12-24, 24/12/2026 or 12/24/2026.")
@click.option("--skip-bad", is_flag=True, help="Leave bad rows out; otherwise one of them is enough to write nothing.")
@click.option("--override", metavar="REASON", default="", help="Import approved leave that goes below the minimum or jumps a request, for this reason; for administrators.")
@click.option("--dry-run", is_flag=True, help="Only say what would be written, and every bad row.")
@click.option("--template", "wants_template", is_flag=True, help="Print a CSV file to fill in.")
@click.pass_obj
def import_file(
    settings: Settings,
    kind: str,
    file: Path | None,
    maps: tuple[str, ...],
    days: str,
    skip_bad: bool,
    override: str,
    dry_run: bool,
    wants_template: bool,
) -> None:
    """Import pilots, certifications or leave from a CSV or Excel file."""
    chosen = KINDS[kind]
    if wants_template:
        click.echo(template(chosen.columns), nl=False)
        return
    if file is None:
        raise click.UsageError("Name the file, or ask for a --template.")
    with file.open("rb") as opened:
        sheet = read(opened.read(MOST_BYTES + 1), file.name)
    order: DayOrder = _WORDS[days]
    matched = match(sheet, chosen.columns, chosen=dict(map(_pair, maps)), days=order)
    with parts(settings) as runtime:
        door = runtime.door(person())
        if dry_run:
            _say(preview(door, chosen, sheet, matched))
            return
        with click.progressbar(length=1, label="Importing", file=sys.stderr) as bar:

            def show(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            try:
                report = run(door, chosen, sheet, matched, skip_bad=skip_bad, override=override, progress=show).value
            except Refused as refused:
                _say(refused.report)
                raise
        _say(report)


def _pair(given: str) -> tuple[str, str]:
    theirs, equals, ours = given.rpartition("=")
    if not equals:
        raise click.UsageError(f"--map “{given}” is not THEIRS=OURS.")
    return ours.strip(), theirs.strip()


def _say(report: Report) -> None:
    for fault in report.bad:
        click.echo(f"line {fault.line}, {fault.column or 'row'}: {fault.reason}")
    if report.ignored:
        click.echo(f"Ignored columns: {', '.join(report.ignored)}")
    for note in report.notes:
        click.echo(note)
    for objection in () if report.done else report.objections:
        click.echo(f"Needs an --override: {objection}.")
    click.echo(f"{'Imported' if report.done else 'Not imported'}: {report.sentence()}.")
