"""Retirement: who leaves next and who can follow, then the years ahead."""

from dataclasses import asdict

import streamlit as st

from fleetcache.definitions import RANKS
from fleetcache.figures.retirement import RetirementForecast
from fleetcache.glossary import GLOSSARY
from fleetcache.panels import retirement
from fleetcache.panels.behind import behind
from fleetcache.source.people import Row
from fleetcache.ui import charts, filters, heads, kit, tables, words
from fleetcache.ui.session import must
from fleetcache.ui.shown import Shown

must("figures.read")
panel = kit.open_page("Retirement", retirement.KEYS, icon=":material/event_available:")
forecast = panel.value("fleet:retirement:forecast", RetirementForecast)
today = panel.as_of
fleet = rank = None

if forecast is not None and retirement.buckets(forecast).total == 0:
    kit.empty(
        "There are no active pilots on file. Add them on the Pilots page or by import, or start with a demo profile."
    )
    st.stop()

followers: list[retirement.Succession] = []
if forecast is not None:
    with st.container(horizontal=True):
        fleet = filters.choose_fleet([cell.fleet for cell in forecast.succession])
        rank = filters.choose_rank()
    followers = retirement.succession(forecast, fleet=fleet)

kit.section(f"At the age limit within {retirement.NEXT_MONTHS} months")
people = tables.listed("retiring", fleet=fleet, rank=rank, months=retirement.NEXT_MONTHS)
if people is not None and forecast is None:
    st.caption("The filters need the forecast; until it is back, everyone is listed.")
if people is not None and not people:
    who = " chosen here" if fleet or rank else ""
    kit.empty(
        f"No pilot{who} reaches the age limit within {retirement.NEXT_MONTHS} months or is past it."
    )
elif people is not None:
    tables.table(
        [{**row, "State": words.LIMIT_NAMES[row["State"]]} for row in retirement.leaving(people, followers)],
        key="retiring",
        noun="pilots",
        search=len(people) > 10,
        asked={"Fleet": fleet, "Rank": rank and RANKS[rank]},
        columns={
            "Name": st.column_config.TextColumn(pinned=True),
            "State": tables.word_column(words.LIMIT_NAMES, figure="retirement.overdue", label="State"),
            "Ready to follow": tables.count_column("succession.ready", label="Ready to follow"),
            **tables.date_columns("Age limit", "Born"),
            **tables.number_columns("Days left", "Seniority"),
        },
    )
if followers:
    with st.grid(len([row for row in followers if row.fleet]), min_column_width=250):
        for row in followers:
            if row.fleet:
                heads.of_cover(
                    row.fleet, ready=row.ready, leaving=row.captains_leaving, status=row.status
                )

if forecast is not None and today is not None:
    kit.section("Years to the age limit")
    counted = retirement.buckets(forecast, fleet=fleet, rank=rank)
    kit.cards(
        [
            kit.Card(
                f"retirement.{bucket}",
                words.number(count),
                behind=behind(f"retirement.{bucket}", fleet=fleet, rank=rank),
                count=count,
            )
            for bucket, count in asdict(counted).items()
        ],
        key="retirement",
    )
    st.caption(f"Of {words.plural(counted.total, 'active pilot')}.")

    kit.section("Five years, month by month", figure="retirement.timeline")
    split: retirement.Split = st.segmented_control(
        "Stacked by",
        ["fleet", "rank"],
        default="fleet",
        required=True,
        key="split",
        bind="query-params",
    )
    months, series = retirement.timeline(forecast, today, split=split, fleet=fleet, rank=rank)
    span = f"{months[0]:%b %Y} to {months[-1]:%b %Y}"
    if series:
        reaching = sum(map(sum, series.values()))
        st.caption(f"{words.plural(reaching, 'pilot')} from {span}.")
        kit.chart(
            charts.by_month(months, series),
            key="months",
            alt=f"Pilots reaching the age limit in each month, {span}, by {split}",
            opens=retirement.timeline_opens(months, series, split=split, fleet=fleet, rank=rank),
        )
    else:
        kit.empty(f"Nobody chosen here reaches the age limit from {span}.")

    kit.section("Ten years: crew against required", figure="retirement.outlook")
    st.caption(f"If nobody is hired or promoted. {GLOSSARY['retirement.outlook'].words}")
    with st.grid(3, min_column_width=280):
        for line in retirement.outlooks(forecast, fleet=fleet, rank=rank):
            with st.container(border=True):
                heads.of_outlook(line)
                kit.chart(
                    charts.outlook(line.days, line.crew, line.required),
                    key=f"outlook-{line.fleet}-{line.rank}",
                    alt=f"{words.group(line.fleet, line.rank)} by year against required",
                    opens=retirement.outlook_opens(line),
                )

    kit.section("Succession", figure="succession.cover")
    tables.figures(
        [
            {
                "Fleet": row.fleet or "All fleets",
                "Captains leaving": row.captains_leaving,
                "Ready": row.ready,
                "Cover": row.cover,
                "Status": words.COVER_NAMES[row.status] if row.status else None,
                "Potential": row.potential,
                "Developing": row.developing,
                "Not yet": row.not_yet,
            }
            for row in followers
        ],
        key="succession",
        alt="First officers by readiness and captains leaving, by fleet",
        asked={"Fleet": fleet},
        columns={
            "Fleet": st.column_config.TextColumn(pinned=True),
            "Captains leaving": tables.count_column("succession.captainsLeaving"),
            "Ready": tables.count_column("succession.ready", label="Ready"),
            "Cover": tables.count_column("succession.cover", format="%d %%"),
            "Status": tables.word_column(words.COVER_NAMES, label="Status"),
            "Potential": tables.count_column("succession.potential"),
            "Developing": tables.count_column("succession.developing"),
            "Not yet": tables.count_column("succession.notYet"),
        },
        opens=retirement.succession_opens(followers),
    )
    if rank:
        st.caption("Succession is of first officers to captains: the rank filter is not applied.")

kit.section("First officers by readiness for command", figure="succession.ready")
people = tables.listed("successors", fleet=fleet)
if people is not None:

    def shown(rows: list[Row]) -> list[Shown]:
        return [
            {**row, "Readiness": words.READINESS_NAMES[row["Readiness"]], "State": words.COMPLIANCE_NAMES[row["State"]]}
            for row in retirement.candidates(rows, today)
        ]

    tables.table(
        shown(people),
        key="successors",
        noun="first officers",
        height=460,
        whole=tables.beyond(people, "successors", shown, fleet=fleet),
        asked={"Fleet": fleet},
        columns={
            "Name": st.column_config.TextColumn(pinned=True),
            "Readiness": tables.word_column(words.READINESS_NAMES),
            "Service": st.column_config.NumberColumn("Service (years)", format="%d"),
            "State": tables.word_column(words.COMPLIANCE_NAMES, label="Compliance"),
            **tables.date_columns("Joined"),
            **tables.number_columns("Seniority", "Age"),
        },
    )
