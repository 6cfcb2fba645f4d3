"""Deciding a leave request: what it would do to the crew, day by day, and then the buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from fleetcache import runtime
from fleetcache.changes import leave
from fleetcache.changes.door import Door, Made
from fleetcache.changes.leave_effect import Effect
from fleetcache.errors import FleetcacheError
from fleetcache.ui import charts, edits, kit, words
from fleetcache.ui.session import person

CHOSEN = "request"
"""The query parameter that names the request which is looked at."""
_OFFER, _LAST = "leave-offer", "leave-last"

Step = Callable[[Door, int, str], Made[leave.Stepped]]


def choose(number: int) -> None:
    """Look at a request."""
    st.query_params[CHOSEN] = str(number)


def undo() -> None:
    """Offer to take the last decision back, as it was made: not what somebody else has made of it since."""
    last = st.session_state.get(_OFFER)
    if last is None:
        return
    number, version, done = last
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":green[:material/check_circle:] {words.plain(done)}", width="content")
        st.button(
            "Take it back",
            icon=":material/undo:",
            type="tertiary",
            on_click=_step,
            args=(leave.reopen, number, version, "The request is in review again."),
        )


def panel() -> None:
    """The request that the URL names, if any."""
    wanted = st.query_params.get(CHOSEN, "")
    if not (wanted.isdecimal() and len(wanted) < 19):
        return
    with st.container(border=True):
        try:
            found = leave.preview(runtime.current().database, int(wanted), role=person().role)
        except FleetcacheError as error:
            st.error(f"**The request cannot be shown.** {error} {error.hint}", icon=":material/error:")
            st.button("Close", on_click=_close)
            return
        _facts(found)
        _effect(found)
        if found.request["status"] not in leave.UNDECIDED:
            st.markdown(f"This request is **{words.STATUS_NAMES[found.request['status']].lower()}**.")
        if not person().may("leave.change"):
            st.caption("Leave is decided by crew managers.")
        elif found.request["status"] in leave.UNDECIDED:
            _decide(found)
        else:
            _buttons(found, ())


def _facts(found: Effect) -> None:
    request = found.request
    days = (request["last_day"] - request["first_day"]).days + 1
    span = words.day(request["first_day"]) + (f" to {words.day(request['last_day'])}" if days > 1 else "")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{words.plain(request['name'])} · {words.LEAVE_NAMES[request['leave_type']]}", anchor=False)
        st.button("Close", icon=":material/close:", type="tertiary", on_click=_close)
    st.markdown(
        f"**{span}**, {words.plural(days, 'day')} · "
        f"{words.group(request['fleet'], request['rank'])}, seniority {request['seniority']} · "
        f"{request['period']}, published {words.day(request['publication_day'])} · "
        + ("not submitted" if request["in_time"] is None else f"submitted {'in time' if request['in_time'] else '**late**'}")
    )
    year = ", ".join(f"{n} {words.LEAVE_NAMES[kind].lower()}" for kind, n in found.year.items())
    st.caption(f"Approved in {request['first_day'].year} so far: {year or 'no days'}.")


def _effect(found: Effect) -> None:
    worst = found.worst
    sentence = found.sentence()
    below = worst is not None and worst.margin < 0
    margin = "" if worst is None else f" Worst-day margin: **{worst.margin:+d}**."
    kit.remarks([("act" if below else "fine", f"{sentence[0].upper()}{sentence[1:]}.{margin}")])
    kit.remarks([("plan", warning) for warning in found.warnings()])
    if found.before and not found.notified:
        names = "; ".join(
            f"{words.plain(row['name'])} (seniority {row['seniority']}, {words.short_day(row['first_day'])} to "
            f"{words.short_day(row['last_day'])})"
            for row in found.before
        )
        kit.remarks([("act", f"More senior, undecided, for the same days: {names}.")])
    if len(found.days) > 1 and worst is not None:
        kit.chart(
            charts.availability(
                [one.day for one in found.days],
                [one.if_renewed_after for one in found.days],
                [one.on_paper_after for one in found.days],
                worst.minimum,
                worst=(worst.day, worst.if_renewed_after),
                height=200,
            ),
            key="effect",
            alt=f"{found.crew} on each day of the request once it is approved, against the minimum",
        )


def _decide(found: Effect) -> None:
    """What stands against approving, the reason where one is needed, and the buttons."""
    objections = found.objections()
    overrides = bool(objections) and person().may("leave.override")
    if objections:
        st.warning(
            f"A rule stands against approving: {'; '.join(objections)}. "
            + ("With a reason you may override it." if overrides else "Only an administrator may override it."),
            icon=":material/gavel:",
        )
    if not found.notified or overrides:
        asks = "Reason, for an override or a denial" if overrides else "Reason, for a denial"
        st.text_input(asks, key=_reason_key(found), live=True, max_chars=500, help="It is kept, and audited: name nobody in it.")
        edits.fault("reason")
    _buttons(found, ("approve", *(() if found.notified else ("deny",))))


def _buttons(found: Effect, decisions: Sequence[str]) -> None:
    """The steps that may be taken from the state the request is in."""
    request, status = found.request, found.request["status"]
    name = request["name"]
    objections = bool(found.objections())
    overrides = objections and person().may("leave.override")
    reason = str(st.session_state.get(_reason_key(found), "")).strip()
    approve = "Record" if found.notified else "Override and approve" if overrides else "Approve"
    shut = objections and not (overrides and reason)
    with st.container(horizontal=True):
        if "approve" in decisions:
            st.button(approve, icon=":material/check:", type="primary", disabled=shut, on_click=_approve, args=(found,))
        if "deny" in decisions:
            st.button("Deny", icon=":material/block:", disabled=not reason, help="Needs a reason.", on_click=_deny, args=(found,))
        for step, label, icon, done in (
            (leave.send, "Submit", "send", f"Submitted: {name}."),
            (leave.review, "Take up for review", "rate_review", f"In review: {name}."),
            (leave.withdraw, "Withdraw", "remove_circle", f"Withdrawn: {name}."),
            (leave.reopen, "Reopen", "undo", f"In review again: {name}."),
        ):
            if status in leave.STEPS[{"send": "submit"}.get(step.__name__, step.__name__)]:
                st.button(
                    label,
                    icon=f":material/{icon}:",
                    help=HELP.get(label),
                    on_click=_step,
                    args=(step, request["request_id"], request["version"], done),
                    kwargs={"offer": step is leave.withdraw},
                )


HELP = {
    "Withdraw": "The pilot takes the request back; you can take that back.",
    "Reopen": "It is to be decided again.",
}


def _reason_key(found: Effect) -> str:
    # One for each request: what was written about one must not stand in another's.
    return f"leave-reason-{found.request['request_id']}"


def _approve(seen: Effect) -> None:
    # The reason as it is now, which may have been changed since the button was drawn.
    reason = str(st.session_state.get(_reason_key(seen), "")) if seen.objections() else ""
    request = seen.request

    def approved(door: Door, number: int, version: str) -> Made[leave.Stepped]:
        return leave.approve(door, number, version, override=reason, seen=seen)

    _step(approved, request["request_id"], request["version"], f"Approved: {request['name']}.", offer=True)


def _deny(seen: Effect) -> None:
    reason, request = str(st.session_state.get(_reason_key(seen), "")), seen.request

    def denied(door: Door, number: int, version: str) -> Made[leave.Stepped]:
        return leave.deny(door, number, version, reason=reason)

    _step(denied, request["request_id"], request["version"], f"Denied: {request['name']}.", offer=True)


def _step(step: Step, number: int, version: str, done: str, *, offer: bool = False) -> None:
    """Take a step on the request as it was shown when it was clicked, before anything is read anew."""
    if st.session_state.get(_LAST) == (number, version):
        return  # clicked twice
    made = edits.change(lambda door: step(door, number, version), words.plain(done))
    if made is not None:
        st.session_state[_LAST] = (number, version)
        st.session_state.pop(_OFFER, None)
        if offer:
            st.session_state[_OFFER] = (number, made.value.version, done)
        st.query_params.pop(CHOSEN, None)


def _close() -> None:
    st.query_params.pop(CHOSEN, None)
