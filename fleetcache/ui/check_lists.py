"""The lists of pilots and their checks on the Compliance page, as of today or a past day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from fleetcache.definitions import RANKS
from fleetcache.figures.compliance import NonCompliantCell
from fleetcache.figures.reference import CheckTypes
from fleetcache.panels import compliance_lists
from fleetcache.source.people import MOST, Row
from fleetcache.ui import kit, tables, words
from fleetcache.ui.shown import Shown

MATRIX_MOST = 500
HELD_MOST = 500
"""More would be most of what the page weighs; the files have them all."""


@dataclass(frozen=True)
class Asked:
    """Of which pilots the lists speak, and of which past day; None for today."""

    fleet: str | None
    rank: str | None
    day: date | None

    @property
    def filters(self) -> dict[str, Any]:
        """The same, as the lists take it."""
        return {"fleet": self.fleet, "rank": self.rank, "as_of": self.day}

    @property
    def said(self) -> dict[str, object]:
        """The same, as people read it."""
        day = {} if self.day is None else {"As of": self.day}
        return {"Fleet": self.fleet, "Rank": self.rank and RANKS[self.rank], **day}

    @property
    def on(self) -> str:
        """“ as of 14 Jun 2026”; empty for today."""
        return "" if self.day is None else f" as of {words.day(self.day)}"


def not_qualified(asked: Asked, cells: Sequence[NonCompliantCell] | None) -> None:
    """Who may not fly on paper, those to act on first; ``cells`` count today's."""
    kit.section("Not qualified on paper", figure="certifications.nonCompliantPilots")
    grounded = tables.listed("non_compliant", **asked.filters)
    if grounded is not None and asked.day is None:
        kit.remarks(compliance_lists.to_act(grounded, MOST, cells))
    elif grounded == []:
        kit.remarks([("fine", "**Of those on file that day nobody was unqualified on paper.**")])

    def shown(rows: Sequence[Row]) -> list[Shown]:
        return compliance_lists.not_qualified(rows, past=asked.day is not None)

    if grounded:
        tables.table(
            shown(grounded),
            key="not-qualified",
            noun=f"pilots{asked.on}",
            columns={
                "Name": st.column_config.TextColumn(pinned=True),
                "To do": st.column_config.TextColumn(width=150),
                "Why": st.column_config.TextColumn(width=430),
                **tables.date_columns("Lapsed since"),
            },
            height="content" if len(grounded) <= 20 else "auto",
            whole=tables.beyond(grounded, "non_compliant", shown, **asked.filters),
            asked=asked.said,
        )


def renewals(asked: Asked) -> None:
    """What may be renewed, the next to lapse first."""
    kit.section("Renewal windows open", figure="certifications.renewalWindow")
    open_windows = tables.listed("renewals", **asked.filters)
    if open_windows is not None:
        kit.remarks(compliance_lists.to_renew(open_windows, MOST))

    def shown(rows: Sequence[Row]) -> list[Shown]:
        return compliance_lists.renewals(rows)

    if open_windows:
        tables.table(
            shown(open_windows),
            key="renewals",
            noun=f"renewals{asked.on}",
            columns={
                "Check": st.column_config.TextColumn(width="medium"),
                **tables.date_columns("Expires"),
            },
            whole=tables.beyond(open_windows, "renewals", shown, **asked.filters),
            asked=asked.said,
        )


def compliant_then(asked: Asked) -> None:
    """How many pilots were compliant on a past day, counted from the list of that day."""
    kit.section("Pilot compliance")
    people = tables.listed("pilots", base=None, most=tables.EVERY, **asked.filters)
    if people is None:
        return
    then = compliance_lists.compliance(people)
    kit.cards(
        [
            kit.Card(
                "certifications.complianceRate",
                words.percent(then.rate),
                f"{then.compliant:,} of {then.active:,} pilots",
            ),
            kit.Card("certifications.nonCompliantPilots", words.number(then.non_compliant), f"of {then.active:,} pilots"),
            kit.Card("certifications.unprovenPilots", words.number(then.unproven), "an item undated"),
        ],
        key="then",
    )
    st.caption("Charts and other figures are kept for today only.")


@st.fragment
def crew_by_check(asked: Asked, types: CheckTypes, thresholds: tuple[int, ...]) -> None:
    """The matrix: one row per pilot, one column per check, marked by the ``thresholds`` before expiry."""
    kit.section("Crew by check")
    most = MOST if asked.fleet or asked.rank else MATRIX_MOST
    wanted = st.pills(
        "Only pilots with a check that is",
        ("expired", "missing", "undated", "expiring"),
        selection_mode="multi",
        key="with",
        bind="query-params",
    )
    narrowed = {**asked.filters, "states": ",".join(wanted) or None}
    rows = tables.listed("matrix", most=most, **narrowed)
    if rows is None:
        return
    st.caption(compliance_lists.legend(thresholds))

    def shown(rows: Sequence[Row]) -> list[Shown]:
        return compliance_lists.matrix(rows, types, thresholds)

    if len(rows) >= most:
        st.caption(
            f":material/info: The first {most:,} pilots, not qualified ones first. "
            "Choose a fleet or rank to see the others."
        )
    tables.table(
        shown(rows),
        key="matrix",
        noun=f"pilots{asked.on}",
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
        most=most,
        whole=tables.beyond(rows, "matrix", shown, most=most, **narrowed),
        asked={**asked.said, "With a check": wanted},
    )


@st.fragment
def certifications(asked: Asked, categories: Sequence[str]) -> None:
    """What each pilot holds, filtered by the database."""
    kit.section("Certifications")
    with st.grid(3, min_column_width=160, gap="small"):
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
    filters = {**asked.filters, "category": category, "state": state, "search": search.strip() or None}
    rows = tables.listed("certifications", most=HELD_MOST, **filters)
    if rows is None:
        return

    def shown(rows: Sequence[Row]) -> list[Shown]:
        return compliance_lists.held(rows)

    tables.table(
        shown(rows),
        key=f"certifications-{asked.day}" if asked.day else "certifications",
        noun=f"certifications{asked.on}",
        search=False,
        columns={
            "Name": st.column_config.TextColumn(pinned=True),
            "Check": st.column_config.TextColumn(width="medium"),
            **tables.date_columns("Expires", "Completed"),
            **tables.number_columns("Days left"),
        },
        most=HELD_MOST,
        whole=tables.beyond(rows, "certifications", shown, most=HELD_MOST, **filters),
        asked={**asked.said, "Category": category, "State": state, "Search": filters["search"]},
    )
