"""Fleet: who there is against what is required, how they are spread, and who they are."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from fleetcache.definitions import RANKS
from fleetcache.figures.fleet import DailyRow, FleetStats
from fleetcache.panels import fleet as crew
from fleetcache.panels import instructors
from fleetcache.panels.behind import behind
from fleetcache.ui import charts, filters, kit, people, tables, words
from fleetcache.ui.pages import page
from fleetcache.ui.session import must

must("figures.read")
panel = kit.open_page("Fleet", crew.KEYS, icon=":material/flight:")
stats = panel.value("fleet:stats", FleetStats)
today = panel.as_of
fleet = rank = base = None
asked: dict[str, object] = {}

if stats is not None and stats.totals.total == 0:
    kit.empty(
        "There are no pilots on file yet. Enter them on the Pilots page, import them, or start with a "
        "demo profile."
    )
    st.stop()

if stats is not None and today is not None:
    with st.container(horizontal=True):
        fleet = filters.choose_fleet([one.fleet for one in stats.fleets])
        rank = filters.choose_rank()
        base = filters.choose_base([one.code for one in stats.bases])
    asked = {"Fleet": fleet, "Rank": rank and RANKS[rank], "Base": base}

    kit.section("Crew against required, today", figure="strength.status")
    rows = crew.strengths(stats, fleet=fleet, rank=rank, base=base)
    tables.figures(
        [
            {
                "Fleet": row.fleet or "All fleets",
                "Rank": RANKS[row.rank] if row.rank else "Both ranks",
                "Status": words.STRENGTH_NAMES[row.status] if row.status else None,
                "Required": row.required,
                "Active": row.active,
                "Qualified": row.qualified,
                "On leave": row.on_leave,
                "Available": row.available,
                "Minimum": row.minimum,
                "Margin": row.margin,
            }
            for row in rows
        ],
        key="strength",
        alt="Required, active, qualified, on leave, available and minimum crew by fleet and rank",
        asked=asked,
        columns={
            "Fleet": st.column_config.TextColumn(pinned=True),
            "Status": tables.word_column(words.STRENGTH_NAMES, figure="strength.status"),
            "Required": tables.count_column("strength.required"),
            "Active": tables.count_column("pilots.active", label="Active"),
            "Qualified": tables.count_column("strength.qualified"),
            "On leave": tables.count_column("strength.onLeave"),
            "Available": tables.count_column("strength.available", label="Available"),
            "Minimum": tables.count_column("strength.minimum"),
            "Margin": tables.count_column("strength.margin", format="%d"),
        },
        opens=crew.opens(rows, base),
    )
    if base:
        st.caption(
            f"Only pilots based at {base}. Crew is required of a whole fleet, not of a base, so "
            "required, minimum, margin and status have no value here."
        )
    else:
        kit.remarks(crew.remarks(rows))
        if len(rows) > 1:
            st.caption(
                "Crew of one fleet and rank cannot stand in for another: the status of a total is "
                "that of its weakest row."
            )

    now = crew.counts(stats, fleet=fleet, rank=rank, base=base)
    cards: tuple[tuple[str, int | None, Callable[[DailyRow], int]], ...] = (
        ("pilots.active", now.active, lambda row: row.active),
        ("pilots.captains", now.captains, lambda row: row.captains),
        ("pilots.firstOfficers", now.first_officers, lambda row: row.first_officers),
        ("pilots.trainingCaptains", now.training_captains, lambda row: row.training_captains),
        ("pilots.examiners", now.examiners, lambda row: row.examiners),
    )
    everyone = not (fleet or rank or base)
    kit.cards(
        [
            kit.Card(
                figure,
                words.number(count),
                crew.change(stats.history, today, count or 0, past) if everyone else None,
                crew.trend(stats.history, count or 0, past) if everyone else (),
                behind=behind(
                    figure, fleet=fleet, base=base, **({"rank": rank} if figure == "pilots.active" else {})
                ),
                count=count,
            )
            for figure, count, past in cards
        ],
        key="fleet",
    )
    if not everyone:
        hidden = " A dash: the rank filter leaves nobody to count." if rank else ""
        st.caption(f"Trends are kept for the whole airline only, so a filter hides them.{hidden}")

    kit.section("Training captains and examiners", figure="strength.instructors")
    teachers = instructors.instructors(stats, fleet=fleet, base=base)
    tables.figures(
        [
            {
                "Fleet": row.fleet or "All fleets",
                "Role": instructors.INSTRUCTORS[row.role],
                "Status": words.STRENGTH_NAMES[row.status] if row.status else None,
                "Required": row.required,
                "Active": row.active,
                "Margin": row.margin,
            }
            for row in teachers
        ],
        key="instructors",
        alt="Training captains and examiners against required, by fleet",
        asked={"Fleet": fleet, "Base": base},
        columns={
            "Fleet": st.column_config.TextColumn(pinned=True),
            "Status": tables.word_column(words.STRENGTH_NAMES, figure="strength.status"),
            "Required": tables.count_column("strength.instructors", label="Required"),
            "Active": tables.count_column("pilots.active", label="Active"),
            "Margin": tables.count_column("strength.instructorMargin", format="%d"),
        },
        opens=instructors.opens(teachers, base),
    )
    kit.remarks(instructors.remarks(teachers))
    if rank:
        st.caption("All of them are captains: the rank filter is not applied here.")

    kit.section("By base, rank and contract", figure="pilots.active")
    cells = crew.chosen(stats, fleet=fleet, rank=rank, base=base)
    if not any(cell.active for cell in cells):
        kit.empty("No active pilots match the filters.")
    else:
        split: crew.Side = "rank" if fleet else "fleet"
        with st.grid(3, min_column_width=280):
            sides: dict[crew.Side, dict[str, str]] = {
                "base": {one.code: one.name for one in stats.bases},
                "rank": RANKS,
                "contract": {one.code: one.name for one in stats.contracts},
            }
            for by, labels in sides.items():
                with st.container(border=True):
                    st.markdown(f"**{by.capitalize()}**")
                    names, parts = crew.breakdown(cells, by, labels, split=split)
                    kit.chart(
                        charts.stacked(names, parts),
                        key=f"by-{by}",
                        alt=f"Active pilots by {by} and {split}",
                        opens=crew.breakdown_opens(
                            names, parts, by, labels, split=split, fleet=fleet, rank=rank, base=base
                        ),
                    )

kit.section("Pilots")
st.page_link(
    page("pilots"),
    label="Open one of them, or ask as of another day",
    icon=":material/arrow_forward:",
    icon_position="right",
)
found = tables.listed("pilots", fleet=fleet, rank=rank, base=base)
if found is not None:
    if stats is None:
        st.caption("The filters need the fleet figures; until they are back, everyone is listed.")
    contracts = {one.code: one.name for one in stats.contracts} if stats is not None else {}
    away = sum(not row["active"] for row in found)
    if away:
        st.caption(f"{words.plural(away, 'inactive pilot')} on file, listed last.")
    shown = partial(people.shown, contracts=contracts)
    tables.table(
        shown(found),
        key="pilots",
        noun="pilots",
        height=560,
        whole=tables.beyond(found, "pilots", shown, fleet=fleet, rank=rank, base=base),
        asked=asked,
        columns=people.COLUMNS,
    )
