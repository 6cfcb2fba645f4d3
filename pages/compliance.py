"""Compliance: who may not fly on paper, what is to be renewed, then how the checks stand."""

import streamlit as st

from fleetcache.figures.compliance import (
    CertificationsExpired,
    CertificationsExpiring,
    CertificationStats,
)
from fleetcache.figures.dashboard import DashboardMetrics
from fleetcache.figures.reference import CheckTypes, Settings
from fleetcache.glossary import GLOSSARY
from fleetcache.panels import compliance, compliance_lists
from fleetcache.panels.behind import behind
from fleetcache.ui import charts, check_lists, filters, kit, tables, words
from fleetcache.ui.session import must

BAND_COLORS = {compliance.band_label(band): color for band, color in charts.STATE_COLORS.items()}

must("figures.read")
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
        "There are no active pilots on file yet. Enter them on the Pilots page, import them, or start "
        "with a demo profile; their certifications then show here."
    )
    st.stop()

with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
    fleet = filters.choose_fleet(compliance.fleets(stats, expired))
    rank = filters.choose_rank()
    day = filters.choose_day(panel.as_of)
categories = compliance.categories(types, stats.cells if stats is not None else ())

asked = check_lists.Asked(fleet, rank, day)
filters.as_of(day)
counted = compliance.chosen(expired.pilots, fleet=fleet, rank=rank) if expired is not None and day is None else None
check_lists.not_qualified(asked, counted)
check_lists.renewals(asked)


def figures() -> None:
    """What is counted of today: rates, bands, and what lapses when."""
    kit.section("Pilot compliance")
    rate = compliance.pilots(dashboard, expired, fleet=fleet, rank=rank)
    checks = compliance.checks(dashboard, stats, fleet=fleet, rank=rank)
    cards = []
    if rate is not None:
        group = {"fleet": fleet, "rank": rank}
        cards += [
            kit.Card(
                "certifications.complianceRate",
                words.percent(rate.rate),
                f"{rate.compliant:,} of {rate.active:,} pilots",
                behind=behind("certifications.compliantPilots", **group),
                count=rate.compliant,
            ),
            kit.Card(
                "certifications.nonCompliantPilots",
                words.number(rate.non_compliant),
                f"of {rate.active:,} pilots",
                behind=behind("certifications.nonCompliantPilots", **group),
                count=rate.non_compliant,
            ),
            kit.Card(
                "certifications.unprovenPilots",
                words.number(rate.unproven),
                "an item undated",
                behind=behind("certifications.unprovenPilots", **group),
                count=rate.unproven,
            ),
        ]
    if checks is not None:
        dated = checks.total - checks.undated
        cards += [
            kit.Card(
                "certifications.validityRate",
                words.percent(checks.validity_rate),
                f"{checks.current + checks.expiring:,} of {dated:,} dated",
                behind=behind("certifications.valid", fleet=fleet, rank=rank),
                count=checks.current + checks.expiring,
                noun="check",
            ),
            kit.Card(
                "certifications.fullyCurrentRate",
                words.percent(checks.fully_current_rate),
                f"{checks.current:,} of {dated:,} dated",
                behind=behind("certifications.current", fleet=fleet, rank=rank),
                count=checks.current,
                noun="check",
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
                        opens=compliance.opens(list(groups), field, fleet=fleet, rank=rank),
                    )
        st.caption("The bars leave out what lasts more than 90 days; press it in the legend to add it.")
        for field, (title, groups) in by.items():
            tables.figures(
                compliance.validity(groups, title),
                key=f"validity-{field}",
                columns={
                    **tables.number_columns(*compliance.COUNTS, form="localized"),
                    **tables.number_columns("Validity", form="%.1f %%", figure="categories"),
                },
                alt=f"Validity by {field}",
                asked=asked.said,
                opens=compliance.opens(list(groups), field, fleet=fleet, rank=rank),
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
                opens={
                    charts.DAYS: lambda place: behind(
                        "certifications.expiringOn", fleet=fleet, rank=rank, expires_on=lapsing[place].day
                    )
                },
            )


if day is None:
    figures()
else:
    check_lists.compliant_then(asked)
if types is None:
    kit.section("Crew by check")
    kit.unavailable(panel.answers["ref:check_types"])
else:
    check_lists.crew_by_check(asked, types, compliance_lists.thresholds(panel.value("ref:settings", Settings)))
check_lists.certifications(asked, categories)
