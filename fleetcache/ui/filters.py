"""Filters that live in the URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fleetcache.definitions import RANKS
from fleetcache.ui import words

ALONG = ("fleet", "rank", "base")
"""The filters that go along from page to page."""
NAMES = (*ALONG, "asof")
EARLIEST = date(1970, 1, 1)
_SESSION = "filters"
Chosen = dict[str, str]


@dataclass
class _Filters:
    """What is ``chosen`` in this browser tab. ``behind`` is what the browser may still say of this ``page``, because it
    has not heard of a choice when it sends the next word; ``written`` that no word has come since the last choice."""

    chosen: Chosen
    page: str = ""
    behind: list[Chosen] = field(default_factory=list)
    written: bool = False


def arrive() -> None:
    """Find out what is chosen, and put it into the address where it lacks it.

    The address says it: of a link, a bookmark, a reload, a step back; of a link that asks for other things it is
    left as it is. From the menu people come with an empty one, and what they have chosen goes along. To be called
    before the navigation is drawn: so it comes into the address of the browser together with the page, as one step
    in its history.
    """
    given, found, context = _given(), _filters(), get_script_run_ctx()
    assert context is not None
    if "of" in st.query_params and not (st.context.url or "/figure").endswith("/figure"):
        # Streamlit writes where a click leads into the address of the page that it leaves, and back leads there.
        found.page, found.behind, found.written = context.page_script_hash, [], False
        st.query_params.from_dict(found.chosen)
        return
    if context.page_script_hash != found.page or (given == found.chosen and not found.written):
        found.page, found.behind = context.page_script_hash, []
    if context.is_history_navigation or (given and given not in found.behind):
        found.chosen, found.behind = given, []
    found.written = False
    if given in found.behind:
        _write(found.chosen)
    elif not st.query_params:
        found.chosen = {name: value for name, value in found.chosen.items() if name in ALONG}
        _write(found.chosen)


def choose_fleet(fleets: Sequence[str]) -> str | None:
    """The fleet filter, kept in the URL."""
    return _choose("fleet", "Fleet", {fleet: fleet for fleet in fleets})


def choose_rank() -> str | None:
    """The rank filter, kept in the URL."""
    return _choose("rank", "Rank", RANKS)


def choose_base(bases: Sequence[str]) -> str | None:
    """The base filter, kept in the URL."""
    return _choose("base", "Base", {base: base for base in bases})


def choose_day(today: date | None) -> date | None:
    """The day as of which lists are asked, kept in the URL; None for today."""
    text = st.query_params.get("asof")
    given = _day(text)
    fits = given is not None and EARLIEST <= given <= (today or date.max)
    st.session_state["asof"] = given if fits else today
    chosen = st.date_input(
        "As of",
        min_value=EARLIEST,
        max_value=today,
        format="YYYY-MM-DD",
        key="asof",
        on_change=_put,
        args=("asof", today),
        width=150,
    )
    if text and not fits:
        _unfit("As of", text, f"is no day from {EARLIEST.year} to today")
    return chosen if chosen != today else None


def as_of(day: date | None) -> None:
    """The mark of lists that speak of a past day."""
    if day is not None:
        st.info(
            f"**As of {words.day(day)}, from the records as they are known today**: fleets, ranks, bases and checks of "
            "that day, with every later correction. Names and rules are today's. A required check with no row on file "
            "of that time counts as missing, also where its history was never entered.",
            icon=":material/history:",
        )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _choose(name: str, label: str, options: Mapping[str, str]) -> str | None:
    given = st.query_params.get(name)
    if not options:
        if given:
            _unfit(label, given, "cannot be judged now, as what there is to choose is unavailable")
        return None
    st.session_state[name] = given if given in options else None
    chosen = st.pills(label, list(options), format_func=options.__getitem__, key=name, on_change=_put, args=(name,))
    if given and given not in options:
        _unfit(label, given, "is not among those to choose from here")
    return chosen


def _unfit(label: str, given: str, why: str) -> None:
    """Say that a filter of the address is not obeyed, so that nobody takes all for what was asked for."""
    text = " ".join(given.replace("`", "'").split())[:40]
    st.caption(f":material/filter_alt_off: {label} `{text}` {why}: it is not obeyed.")


def _put(name: str, usual: date | None = None) -> None:
    """Take note of a choice; the ``usual`` one is not in the address."""
    given, found = _given(), _filters()
    now = found.chosen if given in found.behind else given
    found.behind += [given, now]
    found.chosen = {other: value for other, value in now.items() if other != name}
    if st.session_state[name] not in (None, usual):
        found.chosen[name] = str(st.session_state[name])
    found.written = True
    _write(found.chosen)


def _write(chosen: Chosen) -> None:
    given = _given()
    for name in given.keys() - chosen.keys():
        del st.query_params[name]
    if any(given.get(name) != value for name, value in chosen.items()):
        st.query_params.update(chosen)


def _given() -> Chosen:
    return {name: st.query_params[name] for name in NAMES if name in st.query_params}


def _filters() -> _Filters:
    found: _Filters = st.session_state.setdefault(_SESSION, _Filters(_given()))
    return found
