"""Leave: what is to be decided and by when, whether the crew bears it, then who is away."""

from datetime import UTC, datetime

import streamlit as st

from fleetcache.definitions import RANKS
from fleetcache.figures.leave import LeaveApproved, LeavePending, LeaveStats
from fleetcache.figures.reference import Settings
from fleetcache.glossary import GLOSSARY
from fleetcache.panels import availability, leave, leave_conflicts, leave_queue
from fleetcache.panels.behind import behind, month_days
from fleetcache.source.people import MOST, Row
from fleetcache.ui import charts, crew, decision, edits, filters, heads, kit, leave_entry, tables, words
from fleetcache.ui.session import must
from fleetcache.ui.shown import Shown

EVERY = 100_000
QUEUE_COLUMNS = {
    "Name": st.column_config.TextColumn(pinned=True),
    "Note": st.column_config.TextColumn(width="medium"),
    "Deadline": st.column_config.TextColumn(help=GLOSSARY["leave.inTime"].words),
    "To do": st.column_config.TextColumn(help=GLOSSARY["leave.kinds"].words),
    **tables.date_columns("Due", "From", "To", "Worst day"),
    **tables.number_columns("Margin", "If approved", form="%+d", figure="leave.margin"),
}

must("figures.read")
panel = kit.open_page("Leave", leave.KEYS, icon=":material/beach_access:")
stats = panel.value("fleet:leave:stats", LeaveStats)
pending = panel.value("fleet:leave:pending", LeavePending)
approved = panel.value("fleet:leave:approved", LeaveApproved)
zone = leave.fleet_zone(panel.value("ref:settings", Settings))

if not panel.readings:
    kit.empty(
        "Nothing can be counted until one of the sources is back. This page recovers by itself."
    )
    st.stop()

if stats is not None and not any(line.active for line in stats.availability):
    kit.empty(
        "There are no active pilots on file yet. Add them on the Pilots page or by import, or start with a demo "
        "profile; their leave then shows here."
    )
    st.stop()

with st.container(horizontal=True, gap="medium"):
    fleet = filters.choose_fleet(leave.fleets(stats, pending))
    rank = filters.choose_rank()
filtered = fleet is not None or rank is not None
asked = {"Fleet": fleet, "Rank": rank and RANKS[rank]}
kit.section("Undecided, by publication date", figure="leave.margin")
requests = tables.listed("leave_queue", fleet=fleet, rank=rank, most=EVERY)
overlaps = tables.listed("leave_overlaps", fleet=fleet, rank=rank, most=EVERY) if requests is not None else None


def queue(requests: list[Row], key: str, noun: str) -> None:
    """Undecided requests with their margin; the first of them when there are very many."""

    def shown(part: list[Row]) -> list[Shown]:
        return leave_queue.queue(
            part,
            stats,
            margins,
            overlaps or [],
            clashes,
            types=words.LEAVE_NAMES,
            statuses=words.STATUS_NAMES,
        )

    tables.table(
        shown(requests[:MOST]),
        key=key,
        noun=noun,
        columns=QUEUE_COLUMNS,
        whole=(lambda: shown(requests)) if len(requests) > MOST else None,
        asked=asked,
        ids=[row["request_id"] for row in requests[:MOST]],
        pick=decision.choose,
    )


def closed(requests: list[Row]) -> list[Shown]:
    """Requests that are decided, withdrawn or drafted."""
    return leave.requests(requests, words.LEAVE_NAMES, words.STATUS_NAMES)


ahead, over = leave_queue.split(requests or [], panel.as_of)
clashes = leave_conflicts.conflicts(ahead, stats, overlaps or []) if stats is not None else []
margins = leave_queue.margins(requests or [], stats, overlaps or []) if stats is not None else {}
if stats is None:
    kit.unavailable(panel.answers["fleet:leave:stats"])
elif ahead:
    with st.container(border=True, gap="xsmall"):
        dues = leave_queue.due(ahead, margins, clashes)
        kit.remarks(leave_queue.sentences(dues, stats.first_day))
edits.say()
decision.undo()
decision.panel()
if requests is not None:
    st.caption("Select a row to see what approving it would do, and to decide.")
    queue(ahead, "queue", "undecided requests")
    if over:
        title = f"{words.plural(len(over), 'request')} already over and never decided"
        with st.expander(title, icon=":material/history:"):
            queue(over, "over", "requests")

    with st.expander("Decided, withdrawn or drafted, not over yet", icon=":material/inventory:"):
        decided = tables.listed("leave_decided", fleet=fleet, rank=rank)
        if decided is not None:
            tables.table(
                closed(decided),
                key="decided",
                noun="requests",
                columns={"Name": st.column_config.TextColumn(pinned=True), **tables.date_columns("From", "To")},
                whole=tables.beyond(decided, "leave_decided", closed, fleet=fleet, rank=rank),
                asked=asked,
                ids=[row["request_id"] for row in decided],
                pick=decision.choose,
            )
    leave_entry.entry()

counted = leave.totals(
    stats,
    pending,
    approved,
    requests if requests is not None and len(requests) < EVERY else None,
    fleet=fleet,
    rank=rank,
)
everybody = leave.totals(stats, pending, approved, None)
denied, days_away = (
    f"all crew: {words.number(value)}" if filtered else None
    for value in (everybody.denied, everybody.days_this_month)
)
kit.cards(
    [
        kit.Card(
            figure,
            words.number(count),
            note,
            label=label,
            behind=behind(figure, fleet=fleet, rank=rank),
            count=count,
            noun=noun,
        )
        for figure, count, noun, note, label in (
            ("leave.pending", counted.undecided, "request", None, None),
            ("leave.undecidedStarted", counted.begun, "request", None, "Already begun"),
            ("leave.approved", counted.approved, "request", None, None),
            ("leave.denied", counted.denied, "request", denied, None),
            ("leave.onLeaveToday", counted.on_leave_today, "pilot", None, None),
        )
    ]
    + [
        kit.Card(
            "leave.daysThisMonth",
            words.number(counted.days_this_month),
            days_away,
            label="Days this month",
            behind=behind("leave.daysThisMonth", **month_days(stats.first_day.replace(day=1))) if stats else None,
            count=counted.days_this_month,
            noun="pilot-day",
        )
    ],
    key="leave",
)

if stats is not None:
    days = availability.days(stats)
    lines = availability.chosen(stats, fleet=fleet, rank=rank)
    kit.section("Crew against minimum", figure="availability.onPaper")
    crew.against_minimum(stats, lines)

    kit.section("Away per day against the minimum", figure="leave.mayBeAway")
    st.caption(GLOSSARY["leave.mayBeAway"].words)
    with st.grid(3, min_column_width=280):
        for line in lines:
            with st.container(border=True):
                st.markdown(f"**{words.group(line.fleet, line.rank)}**")
                kit.chart(
                    charts.away(days, line.on_leave, leave.may_be_away(line)),
                    key=f"away-{line.fleet}-{line.rank}",
                    alt=f"{words.group(line.fleet, line.rank)} away per day, and how many may be",
                    opens=availability.opens(line, days),
                )

    kit.section("By type and month", figure="leave.daysByMonth")
    if filtered:
        st.caption("All fleets and ranks: months are not counted by group.")
    months, series = leave.by_month(stats, words.LEAVE_NAMES)
    kit.chart(
        charts.leave_months(months, series, stats.first_day),
        key="months",
        alt="Approved pilot-days of leave by type and calendar month",
        opens=leave.months_open(months, stats, words.LEAVE_NAMES),
    )

    kit.section("Roster periods")
    st.caption(
        f"{leave.times(zone)} Requests that touch the period, by status; days away are "
        "approved pilot-days." + (" All fleets and ranks." if filtered else "")
    )
    tables.figures(
        leave.calendar(stats, datetime.fromtimestamp(panel.at, UTC), zone),
        key="periods",
        columns={
            "Period": st.column_config.TextColumn(pinned=True),
            **tables.date_columns("From", "To", "Published"),
            **tables.number_columns("Days away", form="localized"),
        },
        alt="The coming roster periods",
        asked={},
        opens=leave.calendar_opens(stats),
    )

kit.section("Conflicts", figure="leave.conflicts")
if stats is None:
    kit.unavailable(panel.answers["fleet:leave:stats"])
elif requests is None:
    kit.empty("Conflicts are found in the undecided requests, which are unavailable now.")
else:
    if not clashes:
        st.success(
            f"Every undecided request fits above the minimum through {words.day(days[-1])}.",
            icon=":material/check_circle:",
        )
    with st.grid(2, min_column_width=320):
        for one in clashes:
            with st.container(border=True, height="stretch"):
                heads.of_conflict(one)
if overlaps:
    st.markdown("**Overlapping requests of one pilot**")
    tables.table(
        leave.overlapping(overlaps, words.LEAVE_NAMES, words.STATUS_NAMES),
        key="overlaps",
        noun="overlaps",
        search=False,
        most=EVERY,
        asked=asked,
        columns={
            "Name": st.column_config.TextColumn(pinned=True),
            **tables.date_columns("From", "To", "Other from", "Other to"),
        },
    )

kit.section("On leave today", figure="leave.onLeaveToday")
gone = tables.listed("on_leave", fleet=fleet, rank=rank)
if gone is not None:
    tables.table(
        leave.on_leave(gone, words.LEAVE_NAMES),
        key="on-leave",
        noun="pilots",
        asked=asked,
        columns={
            "Name": st.column_config.TextColumn(pinned=True),
            **tables.date_columns("From", "Until"),
        },
    )
