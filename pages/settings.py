"""Settings: what the house has decided; each change is looked at before it is made."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from fleetcache import runtime
from fleetcache.changes import settings
from fleetcache.errors import FleetcacheError
from fleetcache.glossary import GLOSSARY
from fleetcache.ui import edits, kit, states, tables, words
from fleetcache.ui.session import must, person
from fleetcache.ui.setting_inputs import NAMES, ask, shown

PREVIEW, UNDO = "settings-offer", "settings-back-offer"
NEEDS = {
    "hulls": "Hulls",
    "captains_per_hull": "Captains per hull",
    "first_officers_per_hull": "First officers per hull",
    "minimum_captains": "Least captains on any day",
    "minimum_first_officers": "Least first officers on any day",
}

kit.head("Settings", icon=":material/tune:")
must("settings.change")
parts = runtime.current()

edits.say()


def apply(seen: settings.Preview) -> None:
    """Make the edit that was looked at."""
    edit = seen.edit
    if edits.change(lambda door: settings.put(door, seen), f"Changed: {NAMES.get(edit.name, edit.name)}.") is not None:
        st.session_state[UNDO] = settings.Edit(edit.table, edit.key, edit.name, dict(seen.before))
        for key in [key for key in st.session_state if str(key).startswith(("setting-", "fleet-"))]:
            del st.session_state[key]
    st.session_state.pop(PREVIEW, None)


def look(make: Callable[[], settings.Edit]) -> None:
    """Work out what an edit would do and keep it to be shown."""
    st.session_state.pop(PREVIEW, None)
    try:
        st.session_state[PREVIEW] = settings.preview(parts.door(person()), make())
    except FleetcacheError as error:
        st.error(f"{error} {error.hint}", icon=":material/error:")


def figure(value: float | int | None) -> str:
    return words.NO_DATA if value is None else f"{value:,}"


def show(seen: settings.Preview) -> None:
    """What would move, and the button."""
    with st.container(border=True):
        name = NAMES.get(seen.edit.name, seen.edit.name)
        changed = [
            f"{NEEDS.get(field, 'now')}: {shown(seen.before[field])} → **{shown(value)}**"
            for field, value in seen.edit.values.items()
            if seen.before[field] != value
        ]
        if not changed:
            st.info(f"{name} is that already: there is nothing to change.", icon=":material/inbox:")
            return
        st.markdown(f"**{seen.edit.name if seen.edit.table == 'fleets' else name}** · " + " · ".join(changed))
        if seen.moved:
            tables.figures(
                [
                    {
                        "Figure": GLOSSARY[one.figure].label,
                        "Now": figure(one.before),
                        "After": figure(one.after),
                        "Meaning": GLOSSARY[one.figure].words,
                    }
                    for one in seen.moved
                ],
                key="moved",
                alt="The figures of the headline that would change",
            )
        else:
            st.caption("None of the figures of the headline changes by it.")
        with st.container(horizontal=True):
            st.button(
                "Apply",
                icon=":material/check:",
                type="primary",
                on_click=apply,
                args=(seen,),
            )
            st.button("Leave it", on_click=st.session_state.pop, args=(PREVIEW, None))


try:
    house, fleets = settings.current(parts.database)
    house.sort(key=lambda row: [*NAMES, row["name"]].index(row["name"]))
except FleetcacheError as error:
    st.error(f"**The settings are unavailable.** {error} {error.hint} {states.RECOVERS}", icon=":material/cloud_off:")
    st.stop()

back: settings.Edit | None = st.session_state.get(UNDO)
if back is not None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":green[:material/check_circle:] {NAMES.get(back.name, back.name)} was changed.", width="content")
        if st.button("Look at putting it back", icon=":material/undo:", type="tertiary"):
            st.session_state.pop(UNDO)
            look(partial(settings.Edit, back.table, back.key, back.name, back.values))

values = {row["name"]: row["value"] for row in house}
by_house, by_fleet = st.columns(2)
with by_house, st.container(border=True, height="stretch"):
    kit.section("The house")
    name = st.selectbox(
        "Setting", [one for one in values if one in settings.RULES], format_func=lambda one: NAMES.get(one, one), key="name"
    )
    st.caption(next(row["description"] for row in house if row["name"] == name))
    new = ask(name, values[name])
    edits.fault(name)
    if st.button("Look at what it does", icon=":material/visibility:", key="look-setting"):
        look(lambda: settings.setting(name, new))
with by_fleet, st.container(border=True, height="stretch"):
    kit.section("What a fleet needs")
    if not fleets:
        kit.empty("There is no fleet on file.")
    else:
        codes = {row["code"]: row for row in fleets}
        code = st.selectbox("Fleet", list(codes), format_func=lambda one: f"{one} ({codes[one]['name']})", key="of-fleet")
        needs = {
            field: int(st.number_input(label, 0, max(9999, codes[code][field]), codes[code][field], key=f"fleet-{code}-{field}"))
            for field, label in NEEDS.items()
        }
        if st.button("Look at what it does", icon=":material/visibility:", key="look-fleet"):
            look(lambda: settings.fleet(code, needs))

if PREVIEW in st.session_state:
    show(st.session_state[PREVIEW])

kit.section("All settings")
tables.figures(
    [
        {"Setting": NAMES.get(row["name"], row["name"]), "Value": shown(row["value"]), "Meaning": row["description"]}
        for row in house
    ],
    key="settings",
    alt="All settings",
)
