"""The pieces every page is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import streamlit as st

from fleetcache import runtime
from fleetcache.cache.reading import Reading
from fleetcache.definitions import GLOSSARY, NEARING_YEARS, RANKS
from fleetcache.errors import FleetcacheError, Unavailable
from fleetcache.figures.leave import AvailabilityLine, LeaveStats
from fleetcache.panels import availability
from fleetcache.panels.advice import Advice
from fleetcache.panels.leave_conflicts import Conflict
from fleetcache.panels.panel import Panel, read
from fleetcache.panels.retirement import Outlook
from fleetcache.source.people import MOST, Row, rows
from fleetcache.ui import words
from fleetcache.ui.pages import PAGES

Color = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "grey", "primary"]
LAYER_COLORS: dict[str, Color] = {
    "memory": "green",
    "redis": "green",
    "materialized_view": "blue",
    "database": "orange",
}
CHART_CONFIG = {"displayModeBar": False, "scrollZoom": False}
ROW_PIXELS = 36
STATE_CHIPS: dict[str, Color] = {
    "ok": "green",
    "watch": "orange",
    "short": "red",
    "compliant": "green",
    "unproven": "orange",
    "non_compliant": "red",
    "overdue": "red",
    "ready": "green",
    "potential": "blue",
}


@dataclass(frozen=True)
class Card:
    """One figure. ``figure`` names its definition in the glossary, ``note`` stands below,
    ``trend`` is drawn when there are at least two past values."""

    figure: str
    value: str
    note: str | None = None
    trend: Sequence[float] = ()
    label: str | None = None


GRAVITY: dict[str, tuple[Color, str]] = {
    "act": ("red", ":material/error:"),
    "plan": ("orange", ":material/warning:"),
    "know": ("blue", ":material/info:"),
    "fine": ("green", ":material/check_circle:"),
}


def open_page(title: str, keys: Sequence[str], *, icon: str) -> Panel:
    """Read a page's figures and draw its head: title, day, freshness mark, and what is wrong."""
    panel = read(runtime.current().cache, keys)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(f"{icon} {title}", anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            freshness(panel)
    for failure in panel.failures[:1]:
        st.error(
            f"**Some figures are unavailable.** {failure} {failure.hint}",
            icon=":material/cloud_off:",
        )
    return panel


def freshness(panel: Panel) -> None:
    """The one freshness mark of a page, and behind it where each of its figures came from."""
    if panel.layer is None:
        st.badge("No source", icon=":material/cloud_off:", color="red")
        return
    if panel.as_of is not None:
        st.badge(f"As of {words.day(panel.as_of)}", icon=":material/today:", color="gray")
    mark = f"{words.LAYER_NAMES[panel.layer]} · {words.ago(panel.age)}"
    if panel.stale:
        st.badge(f"Not proven current · {mark}", icon=":material/history:", color="orange")
    with st.popover(mark, icon=":material/bolt:", type="tertiary", width="content"):
        explain(panel)


def explain(panel: Panel) -> None:
    """Layer, age and reason of each figure of a page."""
    st.markdown(f"**Where these figures come from** — read together in {words.milliseconds(panel.took)}")
    rows = [
        {
            "Figure": key,
            "Layer": words.LAYER_NAMES[answer.layer] if isinstance(answer, Reading) else "unavailable",
            "Counted": words.ago(answer.age(panel.at)) if isinstance(answer, Reading) else words.NO_DATA,
            "Kept for": words.age(max(0.0, answer.expires_at - panel.at))
            if isinstance(answer, Reading) and answer.expires_at
            else words.NO_DATA,
            "Why no higher layer": (answer.reason or "") if isinstance(answer, Reading) else str(answer),
        }
        for key, answer in panel.answers.items()
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Layer, age and reason of each figure")


def cards(items: Sequence[Card], *, key: str) -> None:
    """A row of figures that wraps on a narrow screen."""
    with st.grid(max(1, len(items)), min_column_width=145, gap="small", key=f"cards-{key}"):
        for card in items:
            definition = GLOSSARY[card.figure]
            st.metric(
                card.label or definition.label,
                card.value,
                delta=card.note,
                delta_color="off",
                delta_arrow="off",
                help=definition.words,
                border=True,
                chart_data=list(card.trend) if len(card.trend) > 1 else None,
                height="stretch",
            )


def sentences(items: Sequence[Advice]) -> None:
    """What to act on, gravest first, each with a way to its rows."""
    with st.container(border=True, gap="xsmall"):
        for item in items:
            color, icon = GRAVITY[item.gravity]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f":{color}[{icon}] {item.text}", width="content")
                st.page_link(
                    page_path(item.page),
                    label=item.link,
                    icon=":material/arrow_forward:",
                    icon_position="right",
                    query_params=dict(item.query) if item.query else None,
                )


def availability_head(line: AvailabilityLine, stats: LeaveStats) -> None:
    """Above a chart of availability: who, how tight the worst day is, and by when renewals are needed."""
    worst = availability.worst_day(line, line.if_renewed, stats.first_day)
    lapse = availability.first_below(line, line.on_paper, stats.first_day)
    badge = ""
    if worst is not None and worst.margin < 0:
        badge = ":red-badge[:material/error: below minimum]"
    elif lapse is not None:
        badge = f":orange-badge[:material/warning: renewals needed by {words.short_day(lapse)}]"
    st.markdown(f"**{words.group(line.fleet, line.rank)}** {badge}")
    tightest = (
        f" · worst day {words.short_day(worst.day)}: {worst.crew} ({worst.margin:+d})" if worst else ""
    )
    st.caption(f"{line.active} active · minimum {line.minimum}{tightest}")


def page_path(name: str) -> str:
    """The absolute path of a page, as ``st.Page`` got it."""
    return str(PAGES / f"{name}.py")


def section(title: str, *, figure: str | None = None) -> None:
    """A heading, with the definition of what is below it on demand."""
    st.subheader(title, anchor=False, help=GLOSSARY[figure].words if figure else None)


def chart(figure: dict[str, Any], *, key: str, alt: str) -> None:
    """A plotly figure given as a plain dict (building it by express costs eight times as much)."""
    st.plotly_chart(figure, key=key, config=CHART_CONFIG, alt=alt)


def empty(text: str) -> None:
    """There is nothing to show, and why."""
    st.info(text, icon=":material/inbox:")


def unavailable(answer: Reading | Unavailable) -> None:
    """In place of a figure that no layer could give."""
    if isinstance(answer, Unavailable):
        st.error(f"Unavailable: {answer} {answer.hint}", icon=":material/cloud_off:")


def table(
    rows: pd.DataFrame,
    *,
    key: str,
    noun: str,
    columns: Mapping[str, Any] | None = None,
    search: bool = True,
    height: int | Literal["auto", "content"] = "auto",
    most: int = MOST,
    whole: Callable[[], pd.DataFrame] | None = None,
) -> None:
    """Rows with a search over every column and a CSV of exactly what is shown, or of the ``whole``
    where more rows match than a page can show."""
    shown = rows
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if search:
            wanted = st.text_input(
                "Search",
                key=f"{key}-search",
                placeholder=f"Search {noun}",
                icon=":material/search:",
                label_visibility="collapsed",
                width=280,
                bind="query-params",
            )
            if wanted:
                shown = rows[matches(rows, wanted)]
        st.download_button(
            "CSV",
            data=lambda: (whole() if whole else shown).to_csv(index=False).encode("utf-8-sig"),
            file_name=f"{key}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"{key}-csv",
            on_click="ignore",
        )
        count = f"{len(shown):,} of {len(rows):,} {noun}" if len(shown) != len(rows) else f"{len(rows):,} {noun}"
        cut = f"; only the first {most:,} are listed, narrow the filters" if len(rows) >= most else ""
        if cut and whole:
            cut += " (the CSV holds them all)"
        st.caption(count + cut, width="content")
    if shown.empty:
        empty(f"No {noun} here." if rows.empty else f"No {noun} match the search.")
        return
    fits = isinstance(height, int) and ROW_PIXELS * (len(shown) + 1) < height
    st.dataframe(
        shown,
        hide_index=True,
        column_config=columns,
        key=f"{key}-table",
        height="content" if fits else height,
        placeholder=words.NO_DATA,
        alt=noun,
    )


def matches(rows: pd.DataFrame, wanted: str) -> pd.Series[bool]:
    """Which rows hold every word of ``wanted`` in any column, letter case aside."""
    known = rows.astype(object).where(rows.notna(), "")
    text = pd.Series(
        [" ".join(map(str, row)).lower() for row in known.itertuples(index=False)],
        index=rows.index,
        dtype=str,
    )
    hit = pd.Series(True, index=rows.index)
    for word in wanted.lower().split():
        hit &= text.str.contains(word, regex=False)
    return hit


def people(list_name: str, **filters: Any) -> pd.DataFrame | None:
    """Rows with names, or None after saying why there are none."""
    found = listed(list_name, **filters)
    return None if found is None else pd.DataFrame(found)


def listed(list_name: str, **filters: Any) -> list[Row] | None:
    """The same as plain rows, for a panel to shape before they are shown."""
    try:
        # Until there is a sign-in, whoever sits at this machine is the manager.
        return rows(runtime.current().database, list_name, role="manager", **filters)
    except FleetcacheError as error:
        st.error(
            f"**The list is unavailable.** {error} {error.hint}", icon=":material/cloud_off:"
        )
        return None


def choose_fleet(fleets: Sequence[str]) -> str | None:
    """The fleet filter, kept in the URL."""
    return st.pills("Fleet", fleets, key="fleet", bind="query-params")


def choose_rank() -> str | None:
    """The rank filter, kept in the URL, where its code is understood as well as its label."""
    wanted = st.query_params.get("rank")
    if wanted in RANKS:
        st.query_params["rank"] = RANKS[wanted]
        st.rerun()
    return st.pills(
        "Rank", list(RANKS), format_func=RANKS.__getitem__, key="rank", bind="query-params"
    )


def choose_base(bases: Sequence[str]) -> str | None:
    """The base filter, kept in the URL."""
    return st.pills("Base", bases, key="base", bind="query-params")


def figures(
    rows: pd.DataFrame, *, key: str, alt: str, columns: Mapping[str, Any] | None = None
) -> None:
    """A small table of figures, as high as its rows; what is unknown is a dash."""
    st.dataframe(
        rows,
        hide_index=True,
        column_config=columns,
        key=f"{key}-figures",
        height="content",
        placeholder=words.NO_DATA,
        alt=alt,
    )


def count_column(figure: str, *, label: str | None = None, format: str | None = None) -> Any:
    """A column of whole numbers, with its definition on the heading."""
    definition = GLOSSARY[figure]
    return st.column_config.NumberColumn(
        label or definition.label, help=definition.words, format=format or "localized"
    )


def word_column(
    names: Mapping[str, str], *, label: str | None = None, figure: str | None = None
) -> Any:
    """A column of states, each a symbol and a word on its colour."""
    return st.column_config.MultiselectColumn(
        label or (GLOSSARY[figure].label if figure else None),
        help=GLOSSARY[figure].words if figure else None,
        options=list(names.values()),
        color=[STATE_CHIPS.get(code, "gray") for code in names],
    )


def remarks(items: Sequence[tuple[str, str]]) -> None:
    """Sentences about the figures above, each with the symbol of its gravity."""
    for gravity, text in items:
        color, icon = GRAVITY[gravity]
        st.markdown(f":{color}[{icon}] {text}")


def cover(fleet: str, *, ready: int, leaving: int, status: str | None) -> None:
    """Of one fleet, the first officers ready for command beside the captains who leave."""
    color = STATE_CHIPS.get(status or "", "gray")
    word = words.COVER_NAMES[status] if status else "nobody leaves"
    with st.container(border=True):
        st.markdown(f"**{fleet}** :{color}-badge[{word}]")
        st.markdown(f"**{ready:,}** ready for command · **{words.plural(leaving, 'captain')}** leaving")
        st.caption(f"within {NEARING_YEARS} years, those past the limit included")


def outlook_head(line: Outlook) -> None:
    """Above a chart of the years ahead: who, and when they first fall below what is required."""
    below = line.first_below
    badge = ":green-badge[:material/check_circle: enough]"
    if below is not None:
        when = "below now" if below.years == 0 else f"below in {below.day:%Y}"
        badge = f":{'red' if below.years == 0 else 'orange'}-badge[:material/warning: {when}]"
    st.markdown(f"**{words.group(line.fleet, line.rank)}** {badge}")
    last = f"{line.crew[-1]:,} in {line.days[-1]:%Y}"
    st.caption(f"{line.crew[0]:,} of {line.required[0]:,} today, {last}")


def date_columns(*names: str) -> dict[str, Any]:
    """Column settings for dates."""
    return {name: st.column_config.DateColumn(format="D MMM YYYY") for name in names}


def number_columns(*names: str, form: str = "%d", figure: str | None = None) -> dict[str, Any]:
    """Column settings for numbers of one precision, right-aligned, also where some are unknown."""
    words = GLOSSARY[figure].words if figure else None
    return {name: st.column_config.NumberColumn(format=form, help=words) for name in names}


def conflict(one: Conflict) -> None:
    """Days on which not all undecided leave of a group fits: how much does, and who comes first."""
    span = words.short_day(one.first)
    if one.last > one.first:
        span += f" to {words.short_day(one.last)}"
    st.markdown(f"**{words.group(one.fleet, one.rank)}** · {span}")
    st.markdown(
        f":orange[:material/warning: **{len(one.fit)} of {one.undecided} fit** on the worst day, "
        f"{words.short_day(one.worst)}]: {one.crew} if renewed, minimum {one.minimum}."
    )
    for title, members in (("Fit", one.fit), ("No room", one.wait)):
        if members:
            names = "; ".join(f"{row['name']} ({row['seniority']})" for row in members)
            st.caption(f"**{title}** (seniority): {names}")


def frame(found: Sequence[Mapping[str, Any]], *, whole: Sequence[str] = ()) -> pd.DataFrame:
    """Rows as a table whose ``whole`` columns stay whole numbers, also in the CSV, where some are
    unknown."""
    made = pd.DataFrame(found)
    return made.astype(dict.fromkeys(whole, "Int64")) if len(made) else made
