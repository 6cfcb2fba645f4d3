"""Import: a file is chosen, its columns are matched, every row is looked at, and what is good is written."""

import re
from typing import Any

import streamlit as st

from fleetcache import runtime
from fleetcache.changes.imports.cells import DayOrder
from fleetcache.changes.imports.columns import Matched, guessed, match, template
from fleetcache.changes.imports.files import MOST_BYTES, MOST_ROWS, Sheet, read
from fleetcache.changes.imports.importing import KINDS, Report, codes, preview, run
from fleetcache.errors import FleetcacheError
from fleetcache.ui import edits, exports, kit, tables, words
from fleetcache.ui.session import must, person
from fleetcache.ui.shown import columns_of

SHEET, LOOKED, DONE = "import-sheet", "import-looked", "import-done"
NAMES = {"pilots": "Pilots", "certifications": "Certifications", "leave": "Leave"}
DAYS: dict[DayOrder, str] = {"iso": "2026-12-24", "day first": "24/12/2026", "month first": "12/24/2026"}
CODE_NAMES = {**words.LEAVE_NAMES, **words.STATUS_NAMES}
ALL, SKIP = "All or nothing", "Skip the bad rows"
NONE = "– none –"

kit.head("Import", icon=":material/upload_file:")
who = must("import")
edits.say()
parts = runtime.current()
if (fault := parts.poller.fault) is not None:
    st.error(
        f"**The database does not answer**, so nothing can be imported now. {fault} What a file would change can be "
        "said as soon as it is back; this page goes on by itself.",
        icon=":material/cloud_off:",
    )

head = st.container(horizontal=True, vertical_alignment="bottom")
name = head.segmented_control(
    "What to import", list(KINDS), format_func=NAMES.__getitem__, default="certifications", required=True,
    key="kind", bind="query-params",
)  # fmt: skip
kind = KINDS[name or "certifications"]


def literal(text: str) -> str:
    """Text of a file, in which nothing is markup."""
    return re.sub(r"([\\`*_{}\[\]()<>#|:$~!])", r"\\\1", text)


def known_codes() -> bytes:
    """The codes that may stand in the columns, as a CSV file; filled after the page was drawn, where nobody
    knows any more who is signed in."""
    found = codes(parts.database, kind, role=who.role)
    rows = [{**row, "name": CODE_NAMES.get(row["code"], row["name"])} for row in found]
    return exports.csv(rows, exports.headings(columns_of(rows)))


def needs() -> None:
    """What the columns are, and a file to fill in."""
    head.download_button(
        "Template", template(kind.columns).encode("utf-8-sig"), f"{kind.name}-template.csv", "text/csv",
        icon=":material/download:", on_click="ignore", help="The columns, and two rows as examples",
    )  # fmt: skip
    head.download_button(
        "Codes", known_codes, f"{kind.name}-codes.csv", "text/csv",
        icon=":material/list:", on_click="ignore", help="What may stand in the columns that hold a code",
    )  # fmt: skip
    with st.expander(f"The columns of {NAMES[kind.name].lower()}", icon=":material/view_column:"):
        tables.figures(
            [
                {
                    "Column": column.name,
                    "Needed": "✓ needed" if column.required else "",
                    "Holds": column.meaning,
                    "Example": column.examples[0] or column.examples[1],
                }
                for column in kind.columns
            ],
            key="import-columns",
            alt="The columns of the file",
        )


def opened(upload: Any) -> Sheet:
    """The file as read, once for each upload. Raises TooLarge, Invalid."""
    held = st.session_state.get(SHEET)
    if held is None or held[0] != upload.file_id:
        st.session_state[SHEET] = held = upload.file_id, read(upload.getvalue(), upload.name)
    sheet: Sheet = held[1]
    return sheet


def matched(sheet: Sheet, file_id: str) -> Matched:
    """Which column of the file is which, as the person says; the names that fit are chosen already. Raises
    Invalid."""
    guess = guessed(sheet, kind.columns)
    missing = any(column.required and column.name not in guess for column in kind.columns)
    there = [NONE, *filter(None, sheet.header)]
    chosen: dict[str, str] = {}
    with st.expander(
        f"Columns of the file: {len(guess)} of {len(kind.columns)} found by their names",
        expanded=missing, icon=":material/compare_arrows:",
    ):  # fmt: skip
        days = st.segmented_control(
            "Days in the file are written like", list(DAYS), format_func=DAYS.__getitem__, default="iso", required=True,
            key=f"import-days-{file_id}", help="The dates of Excel, and days like 2026-12-24, are read in any case.",
        )  # fmt: skip
        with st.grid(4, min_column_width=200, gap="small"):
            for column in kind.columns:
                taken = st.selectbox(
                    f"{column.name}{' *' if column.required else ''}",
                    there,
                    index=there.index(guess.get(column.name, NONE)),
                    key=f"import-map-{kind.name}-{file_id}-{column.name}",
                    help=column.meaning,
                )
                chosen[column.name] = "" if taken == NONE else taken
    return match(sheet, kind.columns, chosen=chosen, days=days or "iso")


def looked(sheet: Sheet, columns: Matched, file_id: str) -> Report:
    """What the import would do, worked out once for each file and choice of columns. Raises what
    ``preview`` does."""
    of = file_id, kind.name, tuple(sorted(columns.places.items())), columns.days
    held = st.session_state.get(LOOKED)
    if held is None or held[0] != of:
        with st.spinner(f"Looking at {words.plural(len(sheet.lines), 'row')}…"):
            held = of, preview(parts.door(person()), kind, sheet, columns)
        st.session_state[LOOKED] = held
    report: Report = held[1]
    return report


def show(report: Report) -> None:
    """Counts, remarks and every bad row of a report."""
    with st.grid(4, min_column_width=132, gap="small"):
        for label, count in (
            ("New", report.new), ("Changed", report.changed), ("Unchanged", report.unchanged), ("Bad", report.bad_rows),
        ):  # fmt: skip
            st.metric(label, f"{count:,}", border=True)
    kit.remarks([("plan" if report.kind == "leave" else "know", note) for note in map(literal, report.notes)])
    if report.ignored:
        st.caption(f"Columns of the file that are ignored: {literal(', '.join(report.ignored))}")
    if report.bad:
        tables.table(
            [{"Line": fault.line, "Column": fault.column, "Reason": fault.reason} for fault in report.bad],
            key=f"{kind.name}-bad-rows",
            noun="faults",
            columns={"Line": st.column_config.NumberColumn(format="%d", width="small", help="The line of the file"),
                     "Reason": st.column_config.TextColumn(width="large")},
            height=400,
            most=MOST_ROWS * len(kind.columns),
        )  # fmt: skip


def do(sheet: Sheet, columns: Matched, report: Report, file_id: str) -> None:
    """Choose what becomes of bad rows, then import."""
    skip = False
    if report.bad and report.good:
        choice = st.segmented_control(
            "With bad rows in the file", [ALL, SKIP], default=ALL, required=True, key=f"import-skip-{file_id}"
        )
        skip = choice == SKIP
    if report.bad and not skip:
        st.caption(
            f":red[:material/block: {words.plural(report.bad_rows, 'row')} must be corrected first"
            f"{', or skipped' if report.good else ''}: nothing is written until then.]"
        )
    elif not report.good:
        st.info("Nothing to import: every row that is good is on file as it is.", icon=":material/done_all:")
        return
    override, stands = "", bool(report.objections) and not (report.bad and not skip)
    if stands:
        may = who.may("leave.override")
        rules = "\n".join(f"- {literal(f'{objection[:1].upper()}{objection[1:]}.')}" for objection in report.objections)
        way = "With a reason you may override it." if may else "An administrator may import this file, with a reason."
        st.warning(f"**A rule stands against this file.** {way}\n\n{rules}", icon=":material/gavel:")
        if may:
            override = st.text_input(
                "Reason for the override", key=f"import-override-{file_id}", live=True, max_chars=500, width=560,
                help="It is kept, and audited as you type it: name nobody in it.",
            )  # fmt: skip
    if not st.button(
        f"Import {words.plural(report.good, 'row')}", type="primary", icon=":material/upload:",
        disabled=not report.good or bool(report.bad and not skip) or (stands and not override.strip()),
        help="Needs a reason." if stands else None,
    ):  # fmt: skip
        return
    bar = st.progress(0.0, "Looking once more at what is on file now…")

    def told(done: int, total: int) -> None:
        bar.progress(done / total, f"{done:,} of {words.plural(total, 'row')} written")

    made = edits.change(
        lambda door: run(door, kind, sheet, columns, skip_bad=skip, seen=report.seen, override=override, progress=told),
        lambda done: f"Imported {words.plural(done.good, 'row')}.",
        key="import",
    )
    st.session_state.pop(LOOKED, None)
    if made is None:
        bar.empty()
        if not edits.faults("import"):
            st.rerun()
        for field, fault in edits.faults("import").items():
            st.error(f"Not done. {field}: {fault}.", icon=":material/error:")
        return
    st.session_state[DONE] = file_id, made.value
    st.rerun()


needs()
upload = st.file_uploader(
    f"A file of {NAMES[kind.name].lower()}: CSV in UTF-8, or Excel (.xlsx)",
    max_upload_size=MOST_BYTES >> 20,
    key=f"import-file-{kind.name}",
    help=f"At most {MOST_BYTES >> 20} MB and {MOST_ROWS:,} rows; the first row names the columns.",
)
done = st.session_state.get(DONE)
if upload is None:
    st.session_state.pop(SHEET, None)
    kit.empty("Nothing is written before you have seen what would change, row by row.")
elif done is not None and done[0] == upload.file_id:
    kit.section(f"Done: {literal(upload.name)}")
    left_out = "; what is bad was left out" if done[1].bad else ""
    st.success(f"Imported: {done[1].sentence()}{left_out}.", icon=":material/check_circle:")
    show(done[1])
else:
    try:
        sheet = opened(upload)
        columns = matched(sheet, upload.file_id)
        report = looked(sheet, columns, upload.file_id)
    except FleetcacheError as error:
        st.error(f"**{literal(str(error))}** {error.hint}", icon=":material/error:")
    else:
        kit.section(f"What would change: {words.plural(report.rows, 'row')} of {literal(upload.name)}")
        show(report)
        do(sheet, columns, report, upload.file_id)
