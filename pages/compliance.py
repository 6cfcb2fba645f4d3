"""Compliance: who may not fly on paper, what is to be renewed, then how the checks stand."""

from datetime import date

import streamlit as st

from fleetcache.figures.compliance import (
    CertificationsExpired,
    CertificationsExpiring,
    CertificationStats,
)
from fleetcache.figures.dashboard import DashboardMetrics
from fleetcache.figures.reference import CheckTypes
from fleetcache.glossary import GLOSSARY
from fleetcache.panels import compliance, compliance_lists
from fleetcache.source.people import MOST
from fleetcache.ui import charts, filters, kit, tables, words

MATRIX_MOST = 500
EXPORT_MOST = 1_000_000
BAND_COLORS = {compliance.band_label(band): color for band, color in charts.STATE_COLORS.items()}

panel = kit.open_page("Compliance", compliance.KEYS, icon=":material/verified:")
dashboard = panel.value("dashboard:metrics", DashboardMetrics)
stats = panel.value("fleet:certifications:stats", CertificationStats)
expired = panel.value("fleet:certifications:expired", CertificationsExpired)
expiring = panel.value("fleet:certifications:expiring", CertificationsExpiring)
types = panel.value("ref:check_types", CheckTypes)

if not panel.readings:
    kit.empty(
        "Nothing can be counted until one of the sources is back. This page recovers by itself."
    )
    st.stop()

if dashboard is not None and dashboard.pilots.active == 0:
    kit.empty(
        "There are no active pilots on file yet. Add them with plain SQL, or start with a demo "
        "profile; their certifications then show here."
    )
    st.stop()

with st.container(horizontal=True, gap="medium"):
    fleet = filters.choose_fleet(compliance.fleets(stats, expired))
    rank = filters.choose_rank()
categories = compliance.categories(types, stats.cells if stats is not None else ())

kit.section("Not qualified on paper", figure="certifications.nonCompliantPilots")
grounded = tables.listed("non_compliant", fleet=fleet, rank=rank)
if grounded is not None:
    counted = compliance.chosen(expired.pilots, fleet=fleet, rank=rank) if expired is not None else None
    kit.remarks(compliance_lists.to_act(grounded, MOST, counted))
if grounded:
    tables.table(
        tables.frame(compliance_lists.not_qualified(grounded)),
        key="not-qualified",
        noun="pilots",
        columns={
            "Name": st.column_config.TextColumn(pinned=True),
            "To do": st.column_config.TextColumn(width=150),
            "Why": st.column_config.TextColumn(width=430),
            **tables.date_columns("Lapsed since"),
        },
        height="content" if len(grounded) <= 20 else "auto",
    )

kit.section("Renewal windows open", figure="certifications.renewalWindow")
open_windows = tables.listed("renewals", fleet=fleet, rank=rank)
if open_windows is not None:
    kit.remarks(compliance_lists.to_renew(open_windows, MOST))
if open_windows:
    tables.table(
        tables.frame(compliance_lists.renewals(open_windows)),
        key="renewals",
        noun="renewals",
        columns={
            "Check": st.column_config.TextColumn(width="medium"),
            **tables.date_columns("Expires"),
        },
    )

kit.section("Pilot compliance")
rate = compliance.pilots(dashboard, expired, fleet=fleet, rank=rank)
checks = compliance.checks(dashboard, stats, fleet=fleet, rank=rank)
cards = []
if rate is not None:
    cards += [
        kit.Card(
            "certifications.complianceRate",
            words.percent(rate.rate),
            f"{rate.compliant:,} of {rate.active:,} pilots",
        ),
        kit.Card(
            "certifications.nonCompliantPilots",
            words.number(rate.non_compliant),
            f"of {rate.active:,} pilots",
        ),
        kit.Card("certifications.unprovenPilots", words.number(rate.unproven), "an item undated"),
    ]
if checks is not None:
    dated = checks.total - checks.undated
    cards += [
        kit.Card(
            "certifications.validityRate",
            words.percent(checks.validity_rate),
            f"{checks.current + checks.expiring:,} of {dated:,} dated",
        ),
        kit.Card(
            "certifications.fullyCurrentRate",
            words.percent(checks.fully_current_rate),
            f"{checks.current:,} of {dated:,} dated",
        ),
    ]
if cards:
    kit.cards(cards, key="compliance")
if rate is None:
    kit.unavailable(panel.answers["fleet:certifications:expired"])
if checks is None:
    kit.unavailable(panel.answers["fleet:certifications:stats"])

kit.section("Checks by category and fleet", figure="categories")
if stats is None:
    kit.unavailable(panel.answers["fleet:certifications:stats"])
else:
    cells = compliance.chosen(stats.cells, fleet=fleet, rank=rank)
    shown_fleets = [fleet] if fleet else compliance.fleets(stats, None)
    by = {
        "category": ("Category", compliance.grouped(cells, categories, "category")),
        "fleet": ("Fleet", compliance.grouped(cells, shown_fleets, "fleet")),
    }
    with st.grid(2, min_column_width=320):
        for field, (_, groups) in by.items():
            with st.container(border=True, height="stretch"):
                st.markdown(f"**By {field}**")
                kit.chart(
                    charts.by_band(
                        list(groups),
                        compliance.band_series(groups),
                        BAND_COLORS,
                        folded=GLOSSARY["bands.later"].label,
                    ),
                    key=f"bands-{field}",
                    alt=f"Certifications by {field} and days to expiry",
                )
    st.caption("The bars leave out what lasts more than 90 days; press it in the legend to add it.")
    for field, (title, groups) in by.items():
        tables.figures(
            tables.frame(compliance.validity(groups, title)),
            key=f"validity-{field}",
            columns={
                **tables.number_columns(*compliance.COUNTS, form="localized"),
                **tables.number_columns("Validity", form="%.1f %%", figure="categories"),
            },
            alt=f"Validity by {field}",
        )

kit.section("Expiry calendar")
if expiring is None or panel.as_of is None:
    kit.unavailable(panel.answers["fleet:certifications:expiring"])
else:
    lapsing = compliance.calendar(expiring, panel.as_of, categories, fleet=fleet, rank=rank)
    peak = max(lapsing, key=lambda one: one.count)
    if not peak.count:
        kit.empty(f"Nothing expires in the next {len(lapsing) - 1} days.")
    else:
        st.caption(
            f"What expires each day, today (framed) and the next {len(lapsing) - 1} days, unless "
            f"renewed; columns are weeks. Most on {words.short_day(peak.day)}: {peak.count:,}."
        )
        kit.chart(
            charts.calendar(
                [one.day for one in lapsing],
                [one.count for one in lapsing],
                [words.lapsing(one.day, one.count, one.categories) for one in lapsing],
            ),
            key="calendar",
            alt="Certifications that expire on each of the coming days",
        )


@st.fragment
def crew_by_check(fleet: str | None, rank: str | None) -> None:
    """The matrix: one row per pilot, one column per check."""
    kit.section("Crew by check")
    if types is None:
        kit.unavailable(panel.answers["ref:check_types"])
        return
    most = MOST if fleet or rank else MATRIX_MOST
    rows = tables.listed("matrix", fleet=fleet, rank=rank, most=most)
    if rows is None:
        return
    wanted = st.pills(
        "Only pilots with a check that is",
        ("expired", "missing", "undated", "expiring"),
        selection_mode="multi",
        key="with",
        bind="query-params",
    )
    st.caption(compliance_lists.LEGEND)
    if len(rows) >= most:
        st.caption(
            f":material/info: The first {most:,} pilots, not qualified ones first. "
            "Choose a fleet or rank to see the others."
        )
    tables.table(
        tables.frame(compliance_lists.matrix(compliance_lists.needing(rows, wanted), types)),
        key="matrix",
        noun="pilots",
        columns={
            "Name": st.column_config.TextColumn(pinned=True),
            **{
                one.code: st.column_config.TextColumn(
                    one.code.replace("_", " "), help=f"{one.name} ({one.category})", width=112
                )
                for one in types.check_types
            },
        },
        height=420,
    )


@st.fragment
def certifications(fleet: str | None, rank: str | None) -> None:
    """Every certification on file on a day, filtered by the database."""
    kit.section("Certifications")
    with st.grid(4, min_column_width=160, gap="small"):
        asof = st.date_input(
            "As of",
            value=panel.as_of,
            min_value=date(1970, 1, 1),
            max_value=panel.as_of,
            format="DD/MM/YYYY",
            key="asof",
            bind="query-params",
        )
        category = st.selectbox(
            "Category",
            categories,
            index=None,
            placeholder="All",
            key="category",
            bind="query-params",
        )
        state = st.selectbox(
            "State",
            compliance_lists.STATES,
            index=None,
            placeholder="All",
            key="state",
            bind="query-params",
        )
        search = st.text_input(
            "Search", placeholder="Name, number, check, document", key="find", bind="query-params"
        )
    past = asof if asof != panel.as_of else None
    if past is not None:
        st.info(
            f"**As of {words.day(past)}**: what each pilot held that day, later corrections "
            "included. Names, ranks and fleets are today's.",
            icon=":material/history:",
        )
    asked = {
        "as_of": past,
        "fleet": fleet,
        "rank": rank,
        "category": category,
        "state": state,
        "search": search.strip() or None,
    }
    rows = tables.listed("certifications", **asked)
    if rows is None:
        return
    tables.table(
        tables.frame(compliance_lists.held(rows), whole=["Days left"]),
        key=f"certifications-{asof:%Y-%m-%d}" if asof else "certifications",
        noun=f"certifications as of {words.day(asof)}",
        search=False,
        columns={
            "Name": st.column_config.TextColumn(pinned=True),
            "Check": st.column_config.TextColumn(width="medium"),
            **tables.date_columns("Expires", "Completed"),
            **tables.number_columns("Days left"),
        },
        whole=lambda: tables.frame(
            compliance_lists.held(tables.read("certifications", most=EXPORT_MOST, **asked)),
            whole=["Days left"],
        ),
    )


crew_by_check(fleet, rank)
certifications(fleet, rank)
