"""A pilot's details: entered, changed, and what somebody else has made of them meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from fleetcache import runtime
from fleetcache.changes import pilots
from fleetcache.definitions import RANKS
from fleetcache.errors import FleetcacheError
from fleetcache.figures.fleet import FleetStats
from fleetcache.panels.pilots import FIELDS
from fleetcache.ui import edits, tables, words
from fleetcache.ui.pilot_edits import NEW, Wish, carry_out, choose
from fleetcache.ui.session import person
from fleetcache.ui.shown import Shown

Row = dict[str, Any]

HELP = {
    "employee_number": "Two capital letters, a dash and six digits, as in CM-004217.",
    "seniority": "1 is the most senior. Each number belongs to one pilot.",
    "licence": "A captain needs an ATPL.",
    "commenced_on": "The day of joining; service and seniority count from it.",
    "date_of_birth": "The age limit and the validity of medicals depend on it. Empty: not known.",
    "training_captain": "Captains only.",
    "examiner": "Captains only.",
    "expatriate": "Needs a work permit and a visa.",
}
FLAGS = ("training_captain", "examiner", "expatriate")
_BASE, _MOVED = "pilot-base", "pilot-moved"


@dataclass(frozen=True)
class Choices:
    """What there is to choose from: code -> name."""

    fleets: Mapping[str, str]
    bases: Mapping[str, str]
    contracts: Mapping[str, str]

    @classmethod
    def of(cls, stats: FleetStats) -> Choices:
        """Those on file."""
        return cls(
            {one.fleet: one.fleet for one in stats.fleets},
            {one.code: f"{one.code} {one.name}" for one in stats.bases},
            {one.code: one.name for one in stats.contracts},
        )

    def field(self, name: str) -> Mapping[str, str] | None:
        """The choices of one field, None where there are none."""
        licences = {"ATPL": "ATPL", "CPL": "CPL"}
        return {
            "fleet": self.fleets, "base": self.bases, "contract": self.contracts, "rank": RANKS, "licence": licences,
        }.get(name)  # fmt: skip


def fresh(today: date, seniority: int) -> Row:
    """An empty pilot, the most junior one."""
    empty: Row = dict.fromkeys(pilots.FIELDS)
    return {
        **empty, **dict.fromkeys(FLAGS, False), "commenced_on": today, "seniority": seniority, "pilot_id": NEW, "version": "",
    }  # fmt: skip


def form(now: Row, choices: Choices) -> None:
    """The details of a pilot, ready to be changed. What was typed stays until it is saved."""
    key, base = f"pilot-{now['pilot_id']}", _base(now)
    moved = st.session_state.get(_MOVED) or (pilots.differences(base, now) if now["pilot_id"] != NEW else {})
    with st.container():  # in its place also while it is empty: a form that moves loses the cursor of whoever types
        if moved:
            st.warning(
                "**Somebody else has changed this pilot** since you opened it. What you typed is still here: look at both, "
                "then save again.",
                icon=":material/group:",
            )
            tables.figures(_differences(moved), key="moved", alt="What somebody else has changed")
    with st.form(key, border=True, enter_to_submit=False):
        for names in ([name for name in pilots.FIELDS if name not in FLAGS], FLAGS):
            with st.grid(3, min_column_width=220, gap="small"):
                for name in names:
                    with st.container(gap="xxsmall"):
                        _field(name, f"{key}-{name}", choices)
                        edits.fault(name, key=key)
        label = "Enter the pilot" if now["pilot_id"] == NEW else "Save"
        st.form_submit_button(label, icon=":material/save:", type="primary", on_click=_save, args=(base,))


def read_only(pilot: Row, choices: Choices) -> None:
    """The details of a pilot for somebody who may not change them."""
    with st.container(border=True), st.grid(3, min_column_width=220, gap="small"):
        for name in pilots.FIELDS:
            value = pilot[name]
            said = (choices.field(name) or {}).get(value, value) if isinstance(value, str) else _said(value)
            st.markdown(f":gray[{FIELDS[name]}]  \n{words.plain(str(said or words.NO_DATA))}")


def forget() -> None:
    """Begin anew with what is on file."""
    for name in [name for name in st.session_state if str(name).startswith("pilot-")]:
        del st.session_state[name]


def _base(now: Row) -> Row:
    """The pilot as first shown; what is in the fields is a change of that."""
    base: Row | None = st.session_state.get(_BASE)
    keys = {name: f"pilot-{now['pilot_id']}-{name}" for name in pilots.FIELDS}
    if base is None or base["pilot_id"] != now["pilot_id"] or any(key not in st.session_state for key in keys.values()):
        base = st.session_state[_BASE] = now
        st.session_state.pop(_MOVED, None)
        for name, key in keys.items():
            st.session_state[key] = now[name]
    return base


def _field(name: str, key: str, choices: Choices) -> None:
    label, help_text = FIELDS[name], HELP.get(name)
    if (options := choices.field(name)) is not None:
        now = st.session_state[key]
        known = [*options] if now in options or now is None else [*options, now]
        st.selectbox(
            label, known, index=None, placeholder="Choose", format_func=lambda code: options.get(code, code), key=key, help=help_text
        )
    elif name in ("date_of_birth", "commenced_on"):
        st.date_input(label, key=key, format="YYYY-MM-DD", min_value=date(1900, 1, 1), max_value=date(2200, 12, 31), help=help_text)
    elif name == "seniority":
        st.number_input(label, key=key, step=1, format="%d", help=help_text)
    elif name in FLAGS:
        st.checkbox(label, key=key, help=help_text)
    else:
        st.text_input(label, key=key, help=help_text)


def _typed(base: Row) -> Row:
    """What was changed of the pilot first shown."""
    now = {name: st.session_state[f"pilot-{base['pilot_id']}-{name}"] for name in pilots.FIELDS}
    return {name: value for name, value in now.items() if (value or None) != (base[name] or None)}


def _save(base: Row) -> None:
    number, key, typed = base["pilot_id"], f"pilot-{base['pilot_id']}", _typed(base)
    if number == NEW:
        whole = {name: value for name, value in {**base, **typed}.items() if name in pilots.FIELDS and value is not None}
        carry_out(Wish(lambda door: pilots.create(door, **whole), "Entered.", key, then=_entered))
    elif typed:
        saved = f"Saved: {', '.join(FIELDS[name].lower() for name in typed)}."
        carry_out(
            Wish(
                lambda door: pilots.update(door, number, base["version"], **typed),
                saved,
                key,
                then=lambda _changed: forget(),
                refused=lambda: _rebase(base, typed),
            )
        )
    else:
        st.toast("Nothing was changed.", icon=":material/info:")


def _entered(number: int) -> None:
    forget()
    choose(number)


def _rebase(base: Row, typed: Row) -> None:
    """Where somebody else was quicker: go on from what they made of it, with what was typed."""
    try:
        now = pilots.look(runtime.current().database, base["pilot_id"], role=person().role)
    except FleetcacheError:
        return  # that it could not be done was said
    if now["version"] == base["version"]:
        return
    st.session_state[_MOVED] = pilots.differences(base, now)
    st.session_state[_BASE] = now
    for name in set(pilots.FIELDS) - set(typed):
        st.session_state[f"pilot-{base['pilot_id']}-{name}"] = now[name]


def _differences(moved: Mapping[str, Sequence[Any]]) -> list[Shown]:
    return [{"Field": FIELDS[name], "When you opened it": _said(was), "Now": _said(now)} for name, (was, now) in moved.items()]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words.day(value) if isinstance(value, date) else words.NO_DATA if value is None else str(value)
