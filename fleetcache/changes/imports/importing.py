"""Import: looked at first, then done in one transaction with its audit row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fleetcache.changes.door import Door, Made
from fleetcache.changes.imports.certifications import CERTIFICATIONS
from fleetcache.changes.imports.columns import Given, Matched, given
from fleetcache.changes.imports.files import Sheet
from fleetcache.changes.imports.leave import LEAVE
from fleetcache.changes.imports.pilots import PILOTS
from fleetcache.changes.imports.plan import Bad, Kind, Plan, Progress
from fleetcache.errors import Conflict, Invalid, NeedsOverride
from fleetcache.source import imports
from fleetcache.source.audit import Deed
from fleetcache.source.database import Database

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (PILOTS, CERTIFICATIONS, LEAVE)}


@dataclass(frozen=True)
class Report:
    """What an import would do, or has ``done``: how many rows of the file are new, change something, are on
    file as they are, or are bad, every fault of these, the columns that are ignored, and what else is to be
    known. ``objections`` are the rules that stand against it, which an administrator may override with a reason;
    ``seen`` is what the import must still find as it was."""

    kind: str
    file: str
    rows: int
    new: int
    changed: int
    unchanged: int
    bad: tuple[Bad, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    seen: Mapping[str, str]
    objections: tuple[str, ...] = ()
    done: bool = False

    @property
    def bad_rows(self) -> int:
        """How many rows are bad; a row may have several faults."""
        return len({fault.line for fault in self.bad})

    @property
    def good(self) -> int:
        """How many rows there are to write."""
        return self.new + self.changed

    def sentence(self) -> str:
        """The counts."""
        return f"{self.new:,} new, {self.changed:,} changed, {self.unchanged:,} unchanged, {self.bad_rows:,} bad"


class Refused(Invalid):
    """Some rows of the file are bad, so nothing was written."""

    hint = "Correct them and import the file again, or skip them: what is on file already stays as it is."

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report.bad_rows:,} of {report.rows:,} rows are bad, so nothing was written.")
        self.report = report


def preview(door: Door, kind: Kind, sheet: Sheet, matched: Matched) -> Report:
    """What importing a file would do as things are now; nothing is written. Raises Forbidden, SourceDown."""
    door.person.must("import")
    rows = _given(kind, sheet, matched)
    with door.database.snapshot(role=door.person.role) as connection:
        return _report(kind, sheet, matched, kind.judge(connection, rows, None))


def run(
    door: Door,
    kind: Kind,
    sheet: Sheet,
    matched: Matched,
    *,
    skip_bad: bool = False,
    seen: Mapping[str, str] | None = None,
    override: str = "",
    progress: Progress = lambda _done, _total: None,
) -> Made[Report]:
    """Import a file; what was really done. Every row is judged again with what it could collide with held;
    a pilot who is not any more as ``seen`` by the preview is bad then. Bad rows are left out if ``skip_bad``.

    Raises Refused with the report when there are bad rows otherwise; NeedsOverride when approved leave goes
    below the minimum or jumps a more senior request, unless the person may override that and gives the reason,
    and Conflict when that would cover more than was ``seen``; Forbidden, SourceDown. Nothing has changed then.
    """
    rows = _given(kind, sheet, matched)

    def work(deed: Deed) -> Report:
        imports.hold(deed.connection, [row.values.get("employee_number") for row in rows])
        kind.hold(deed.connection, rows)
        plan = kind.judge(deed.connection, rows, seen)
        report = _report(kind, sheet, matched, plan)
        deed.detail.update(
            new=report.new, changed=report.changed, unchanged=report.unchanged, bad=report.bad_rows, skip_bad=skip_bad, **plan.detail
        )
        if report.bad and not skip_bad:
            raise Refused(report)
        if plan.objections:
            if not override.strip():
                raise NeedsOverride(f"Not imported: {'; '.join(plan.objections)}.")
            door.person.must("leave.override")
            if seen is not None and not seen.keys() >= set(plan.objections):
                raise Conflict("More stands against this file than was shown.")
            deed.detail["override"] = override.strip()
        kind.write(deed.connection, plan, door.person.name, progress)
        deed.affected = report.good
        return replace(report, done=True)

    return door.make("import", f"import.{kind.name}", f"{kind.name} {sheet.mark}", work)


def _given(kind: Kind, sheet: Sheet, matched: Matched) -> list[Given]:
    return [given(line, kind.columns, matched) for line in sheet.lines]


def _report(kind: Kind, sheet: Sheet, matched: Matched, plan: Plan) -> Report:
    return Report(
        kind=kind.name,
        file=sheet.name,
        rows=len(sheet.lines),
        new=len(plan.new),
        changed=len(plan.changed),
        unchanged=plan.unchanged,
        bad=tuple(sorted(plan.bad, key=lambda fault: fault.line)),
        ignored=matched.ignored,
        notes=tuple(filter(None, (sheet.note, *plan.notes))),
        seen=plan.seen,
        objections=tuple(plan.objections),
    )


def codes(database: Database, kind: Kind, *, role: str) -> list[dict[str, str]]:
    """The codes that the columns of a kind take: column, code and what it stands for. Raises SourceDown."""
    with database.snapshot(role=role) as connection:
        known = imports.codes(connection)
    return [
        {"column": column.name, "code": code, "name": name}
        for column in kind.columns
        for code, name in {**known, **kind.codes}.get(column.name, {}).items()
    ]
