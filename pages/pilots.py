"""Pilots: everyone on file; one of them with what they hold, their details, and the buttons to change it."""

import streamlit as st

from fleetcache import runtime
from fleetcache.changes.pilots import look
from fleetcache.definitions import RANKS
from fleetcache.errors import FleetcacheError
from fleetcache.figures.fleet import FleetStats
from fleetcache.figures.reference import CheckTypes
from fleetcache.panels import pilots
from fleetcache.ui import (
    edits,
    filters,
    kit,
    people,
    pilot_checks,
    pilot_edits,
    pilot_form,
    pilot_state,
    tables,
    words,
)
from fleetcache.ui.session import must

EVERY = 100_000

who = must("crew.read")
panel = kit.open_page("Pilots", ("fleet:stats", "ref:check_types"), icon=":material/badge:")
stats = panel.value("fleet:stats", FleetStats)
kinds = panel.value("ref:check_types", CheckTypes)
edits.say()
pilot_edits.undo()
if stats is None or kinds is None:
    kit.empty("Pilots can be listed and changed again when the database answers. This page recovers by itself.")
    st.stop()
choices = pilot_form.Choices.of(stats)
chosen = st.query_params.get(pilot_edits.PILOT, "")


def everyone() -> None:
    """The list, from which one is selected."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        fleet = filters.choose_fleet(list(choices.fleets))
        rank = filters.choose_rank()
        base = filters.choose_base(list(choices.bases))
        day = filters.choose_day(panel.as_of)
    filters.as_of(day)
    found = tables.listed("pilots", as_of=day, fleet=fleet, rank=rank, base=base, most=EVERY)
    if found is None:
        return
    if not found and stats is not None and not stats.totals.total:
        kit.empty("There are no pilots on file yet.")
        return
    st.caption("Select a row to open the pilot.")
    tables.table(
        people.shown(found, choices.contracts),
        key="pilots",
        noun="pilots" if day is None else f"pilots as of {words.day(day)}",
        height=640,
        columns=people.COLUMNS,
        most=EVERY,
        asked={"Fleet": fleet, "Rank": rank and RANKS[rank], "Base": base, "As of": day or panel.as_of},
        ids=[row["pilot_id"] for row in found],
        pick=pilot_edits.choose,
    )


def newcomer() -> None:
    """The form of a new pilot."""
    kit.section("New pilot")
    found = tables.listed("pilots", fleet=None, rank=None, base=None, most=EVERY)
    if found is None or panel.as_of is None:
        return
    last = max((row["seniority"] for row in found), default=0)
    pilot_form.form(pilot_form.fresh(panel.as_of, last + 1), choices)


def one(number: int) -> None:
    """One pilot: how they stand, what they hold, their details."""
    try:
        pilot = look(runtime.current().database, number, role=who.role)
    except FleetcacheError as error:
        st.error(f"**The pilot cannot be shown.** {error} {error.hint}", icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        name = words.plain(pilots.called(pilot))
        st.header(name, anchor=False, width="content")
        day = filters.choose_day(panel.as_of)
    filters.as_of(day)
    stood = tables.listed("pilot_standing", as_of=day, pilot=number)
    facts = tables.listed("pilot_checks", as_of=day, pilot=number)
    on_file = tables.listed("pilot_certifications", pilot=number)
    if stood is None or facts is None or on_file is None or kinds is None:
        return
    if not stood:
        kit.empty(f"Not on file on {words.day(day)}: joined {words.day(pilot['commenced_on'])}.")
        return
    standing = stood[0]
    roles = ", ".join(part for part in (RANKS[standing["rank"]], pilots.roles(standing)) if part)
    st.markdown(
        f"{pilots.number(pilot)} · **{standing['fleet']}** {roles} · {standing['base']} · "
        f"{choices.contracts.get(standing['contract'], standing['contract'])} · seniority {standing['seniority']}"
    )
    kit.remarks(pilots.remarks(standing))
    kit.section("Checks", figure="certifications.renewalWindow")
    found = pilots.checks(facts, on_file, kinds.check_types)
    lacking = [kind for kind in kinds.check_types if kind.code not in {one.kind.code for one in found}]
    wanted = st.query_params.get(pilot_edits.CHECK)
    for check in (*found, *(pilots.Check(kind, False, None, None) for kind in lacking)):
        if check.kind.code == wanted:
            pilot_checks.panel(check, pilot, day)
    pilot_checks.listed(found, day=day)
    if who.may("certifications.change") and day is None:
        pilot_checks.more(lacking, number)
    kit.section("Details")
    if who.may("pilots.change"):
        pilot_form.form(pilot, choices)
        kit.section("Status")
        pilot_state.actions(pilot)
    else:
        pilot_form.read_only(pilot, choices)


if chosen:
    st.button("All pilots", icon=":material/arrow_back:", type="tertiary", on_click=pilot_edits.close)
if chosen.isdecimal() and len(chosen) < 19:
    one(int(chosen))
elif chosen == pilot_edits.NEW and who.may("pilots.change"):
    newcomer()
else:
    if who.may("pilots.change"):
        st.button("New pilot", icon=":material/person_add:", on_click=pilot_edits.choose, args=(pilot_edits.NEW,))
    everyone()
