"""One check of a pilot: what is on file, and renewing, correcting and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import streamlit as st

from fleetcache.changes import certifications
from fleetcache.changes.certifications import Recorded
from fleetcache.changes.door import Door, Made
from fleetcache.changes.validity import expiry, explained, opens
from fleetcache.figures.reference import CheckType
from fleetcache.panels.pilots import Check, Row, held, history, standing
from fleetcache.ui import edits, tables, words
from fleetcache.ui.pilot_edits import CHECK, Wish, carry_out, offer
from fleetcache.ui.session import person

EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)
_LATER = "check-later"
"""Of which pilot and check later rows are to be looked at since the last change, and what is said of them."""


def listed(found: Sequence[Check], *, day: date | None) -> None:
    """The checks of a pilot; one is selected to look at it."""
    tables.table(
        [{**row, "State": words.CHECK_NAMES.get(row["State"] or "", "")} for row in held(found, day=day)],
        key="checks",
        noun="checks",
        search=False,
        height="content",
        columns={
            "Check": st.column_config.TextColumn(pinned=True),
            "State": tables.word_column(words.CHECK_NAMES, label="State"),
            **tables.date_columns("Expires", "Completed"),
            **tables.number_columns("Days left"),
        },
        ids=list(range(len(found))),
        pick=lambda place: st.query_params.__setitem__(CHECK, found[place].kind.code),
    )


def more(kinds: Sequence[CheckType], pilot_id: int) -> None:
    """Choose a check of which nothing is on file yet."""
    names, key = {kind.code: kind.name for kind in kinds}, f"check-{pilot_id}-more"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Another check", list(names), index=None, format_func=names.__getitem__, placeholder="Choose", key=key, width=320
        )
        st.button("Add", icon=":material/add:", on_click=_add, args=(key,))


def _add(key: str) -> None:
    if wanted := st.session_state[key]:
        st.query_params[CHECK] = wanted


def panel(check: Check, pilot: Row, day: date | None) -> None:
    """What is on file about one check, as it stood on a past ``day`` if one is given, and what may be done
    with it."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(check.kind.name, anchor=False, width="content")
            st.button("Close", icon=":material/close:", type="tertiary", on_click=_close)
        st.markdown(_now(check, day))
        of, said = st.session_state.get(_LATER, (None, ""))
        if of == _key(pilot["pilot_id"], check):
            st.warning(said, icon=":material/event_repeat:")
        if person().may("certifications.change"):
            if day is None:
                _actions(check, pilot)
            else:
                st.caption("A change acts on today: choose today as the day to make one.")
        on_file = history(check)
        with st.expander(f"On file: {words.plural(len(on_file), 'row')}", icon=":material/history:"):
            if not on_file:
                st.caption("Nothing yet.")
            else:
                tables.figures(
                    on_file, key="history", alt="Everything on file about the check",
                    columns=tables.date_columns("Completed", "Expires", "Recorded"),
                )  # fmt: skip


def _now(check: Check, day: date | None) -> str:
    row = standing(check, day)
    state = words.CHECK_NAMES.get(check.state or "", "Nothing counts")
    if row is None:
        return f"**{state}.** No row of this check counts."
    if row["expires_on"] is None:
        return f"**{state}.** Completed {words.day(row['completed_on'])}, without a day on which it expires."
    opened = opens(check.kind, row["expires_on"])
    window = f" The renewal window opens on {words.day(opened)}." if opened else ""
    return f"**{state}.** Valid through {words.day(row['expires_on'])}, completed {words.day(row['completed_on'])}.{window}"


def _actions(check: Check, pilot: Row) -> None:
    current = check.current
    steps = ["Renew" if current else "Add"] + ["Correct", "Take back"] * bool(check.rows)
    steps += ["Put back"] * bool(check.taken_back)
    of = _key(pilot["pilot_id"], check)
    step = st.segmented_control("What to do", steps, key=f"{of}-step", label_visibility="collapsed")
    key = f"{of}-{step}"
    if step in ("Renew", "Add"):
        _renewal(check, pilot, key)
    elif step == "Correct":
        _correction(check, pilot, key)
    elif step == "Take back":
        _removal(check, pilot["pilot_id"], key)
    elif step == "Put back":
        row = _which(check.taken_back, key)
        st.caption(f"It was taken back for this reason: {words.plain(row['void_reason'])}.")
        st.button("Put it back", icon=":material/undo:", type="primary", on_click=carry_out, args=(_put_back(check, pilot["pilot_id"], row, key),))


def _renewal(check: Check, pilot: Row, key: str) -> None:
    current = check.current
    before = {"completed_on": pilot["today"], "issuer": "", "never_expires": False}
    if current:
        before |= {"issuer": current["issuer"], "never_expires": current["never_expires"]}
    _document(check, pilot, before, key, check.rows)
    label = "Record the renewal" if current else "Add the document"
    st.button(label, icon=":material/task_alt:", type="primary", on_click=_record, args=(check, pilot["pilot_id"], key))


def _record(check: Check, pilot_id: int, key: str) -> None:
    current, given = check.current, _typed(key)

    def work(door: Door) -> Made[Recorded]:
        if current is None:
            return certifications.add(door, pilot_id=pilot_id, check_type=check.kind.code, **given)
        return certifications.renew(door, current["id"], current["version"], **given)

    carry_out(Wish(work, f"Recorded: {check.kind.name}.", key, then=lambda made: _recorded(check, pilot_id, made)))


def _correction(check: Check, pilot: Row, step: str) -> None:
    row = _which(check.rows, step)
    key = f"{step}-{row['id']}"
    _document(check, pilot, row, key, [one for one in check.rows if one["id"] != row["id"]])
    st.text_input("What was wrong", key=f"{key}-reason", placeholder="Expiry date typed wrongly")
    edits.fault("reason", key=key)
    st.caption("The row stays on file with this reason; the corrected one takes its place.")
    st.button("Correct it", icon=":material/edit:", type="primary", on_click=_correct, args=(check, pilot["pilot_id"], row, key))


def _correct(check: Check, pilot_id: int, row: Row, key: str) -> None:
    given = {**_typed(key), "reason": st.session_state[f"{key}-reason"]}
    carry_out(
        Wish(
            lambda door: certifications.correct(door, row["id"], row["version"], **given),
            f"Corrected: {check.kind.name}.",
            key,
            then=lambda made: _recorded(check, pilot_id, made),
        )
    )


def _removal(check: Check, pilot_id: int, step: str) -> None:
    row = _which(check.rows, step)
    key = f"{step}-{row['id']}"
    older = [one for one in check.rows if (one["completed_on"], one["id"]) < (row["completed_on"], row["id"])]
    if row["superseded_by"] is not None:
        st.caption("It is history: what counts now stays as it is.")
    elif older:
        st.warning(f"Then the row before it counts again: {words.plain(_named(older[0]))}.", icon=":material/history:")
    else:
        st.warning("Then nothing of this check counts: where it is required, it is missing.", icon=":material/warning:")
    st.text_input("Why", key=f"{key}-reason", placeholder="Recorded for another pilot")
    edits.fault("reason", key=key)
    st.button("Take it back", icon=":material/block:", type="primary", on_click=_remove, args=(check, pilot_id, row, key))


def _remove(check: Check, pilot_id: int, row: Row, key: str) -> None:
    reason, done = st.session_state[f"{key}-reason"], f"Taken back: {check.kind.name}."

    def then(made: Recorded) -> None:
        _forget(check, pilot_id, made)
        offer(done, "Put it back", _put_back(check, pilot_id, made.row, key))

    carry_out(Wish(lambda door: certifications.remove(door, row["id"], row["version"], reason=reason), done, key, then=then))


def _document(check: Check, pilot: Row, before: Row, key: str, others: Sequence[Row]) -> None:
    """The fields of a document, and when it will expire beside ``others``, and why."""
    with st.grid(3, min_column_width=200, gap="small"):
        with st.container(gap="xxsmall"):
            done = st.date_input(
                "Completed on", value=before["completed_on"], format="YYYY-MM-DD", key=f"{key}-done", min_value=EARLIEST, max_value=LATEST
            )
            edits.fault("completed_on", key=key)
        with st.container(gap="xxsmall"):
            st.text_input("Issued by", value=before["issuer"], key=f"{key}-issuer")
            edits.fault("issuer", key=key)
        with st.container(gap="xxsmall"):
            st.text_input("Document number", value=before.get("document_number", ""), key=f"{key}-document")
            edits.fault("document_number", key=key)
    if done is None:
        return
    earlier = [row for row in others if row["completed_on"] <= done]
    renews = earlier[0]["expires_on"] if earlier else None
    found = expiry(check.kind, done, born=pilot["date_of_birth"], renews=renews)
    if len(earlier) < len(others):
        st.info("It was completed before a later row: it goes into the history.", icon=":material/history:")
    ends = "it never expires" if found.on is None else f"it expires **{words.day(found.on)}**"
    st.markdown(f":material/event: By the rules {ends}. {explained(found, check.kind, done, renews=renews)}")
    printed = before.get("expires_on")
    # Of a row without any day nobody knows what is printed: it takes the day by the rules.
    never_printed = printed is None and bool(before["never_expires"])
    differs = printed != found.on and (printed is not None or never_printed)
    if st.checkbox("The document says otherwise: take it as printed", value=differs, key=f"{key}-printed"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            never = st.checkbox("It never expires", value=never_printed, key=f"{key}-never")
            st.date_input(
                "Expires on, as printed", value=printed, format="YYYY-MM-DD", key=f"{key}-ends",
                disabled=never, min_value=EARLIEST, max_value=LATEST, width=220,
            )  # fmt: skip
        edits.fault("expires_on", key=key)


def _typed(key: str) -> dict[str, Any]:
    """What the fields of a document hold at the click."""
    typed = st.session_state
    given = {"completed_on": typed[f"{key}-done"], "issuer": typed[f"{key}-issuer"], "document_number": typed[f"{key}-document"]}
    if not typed.get(f"{key}-printed"):
        return given
    never = bool(typed.get(f"{key}-never"))
    return {**given, "as_printed": True, "never_expires": never, "expires_on": None if never else typed.get(f"{key}-ends")}


def _which(rows: Sequence[Row], step: str) -> Row:
    """The row of several that is meant; the latest unless another is chosen."""
    of = {row["id"]: row for row in rows}
    if len(rows) == 1:
        return rows[0]
    return of[st.selectbox("Which row", list(of), format_func=lambda number: _named(of[number]), key=f"{step}-row")]


def _named(row: Row) -> str:
    ends = "never expires" if row["expires_on"] is None else f"expires {words.day(row['expires_on'])}"
    return f"completed {words.day(row['completed_on'])}, {ends}, {row['document_number']}"


def _put_back(check: Check, pilot_id: int, row: Row, key: str) -> Wish:
    def then(made: Recorded) -> None:
        _forget(check, pilot_id, made)

    return Wish(lambda door: certifications.restore(door, row["id"], row["version"]), "It counts again.", key, then=then)


def _recorded(check: Check, pilot_id: int, made: Recorded) -> None:
    _forget(check, pilot_id, made)
    if not made.counts:
        st.toast("It went into the history: a later row counts.", icon=":material/history:")


def _key(pilot_id: int, check: Check) -> str:
    return f"check-{pilot_id}-{check.kind.code}"


def _forget(check: Check, pilot_id: int, made: Recorded) -> None:
    """What was typed is on file now; what it did to later rows is said until the next change."""
    of = _key(pilot_id, check)
    step = f"{of}-step"
    for name in [name for name in st.session_state if str(name).startswith(f"{of}-") and name != step]:
        del st.session_state[name]
    if made.later:
        st.session_state[_LATER] = of, _later(made)
    else:
        st.session_state.pop(_LATER, None)
    # Set, for what is only deleted here stays as it is in the browser.
    st.session_state[step] = None


def _later(made: Recorded) -> str:
    return " ".join(
        f"The later row ({words.plain(_named(one.row))}) would now"
        f" {'never run out' if one.by_rules is None else f'run out on {words.day(one.by_rules)}'} by the rules: look at it, and"
        " correct it if it was not printed so."
        for one in made.later
    )


def _close() -> None:
    st.query_params.pop(CHECK, None)
