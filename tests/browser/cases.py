"""Which page is looked at by whom, in which look and in which state of the servers."""

from __future__ import annotations

from typing import NamedTuple

from fleetcache.access.roles import RIGHTS, ROLES, Role
from fleetcache.glossary import GLOSSARY
from fleetcache.ui.pages import SECTIONS, Place
from tests.browser.window import LOOKS

STATES = ("healthy", "empty", "stale", "no redis", "down")
"""All is well; nobody on file; the database away, with figures held; Redis away; nothing there at all."""
FORBIDDEN = "forbidden"
PLACES = {page.name: page for pages in SECTIONS.values() for page in pages}
# They show no figure that could be held, so that to them a database that is away is one state and not two.
UNHELD = {"imports", "audit"}
QUERIES = {"figure": "?of=pilots.active"}
HEADINGS = {"figure": GLOSSARY["pilots.active"].label}


class Case(NamedTuple):
    """One page as one person sees it."""

    page: str
    role: Role
    look: str
    state: str

    @property
    def name(self) -> str:
        """What its picture is called."""
        return "-".join((self.page, self.state.replace(" ", "_"), self.role, self.look))

    @property
    def address(self) -> str:
        """The path of the page, with what it has to be asked."""
        return f"/{self.page}{QUERIES.get(self.page, '')}"

    @property
    def heading(self) -> str:
        """What stands above it."""
        return HEADINGS.get(self.page, PLACES[self.page].title)


def may(role: Role, place: Place) -> bool:
    """Whether somebody with this role is let in."""
    return ROLES.index(role) >= ROLES.index(RIGHTS[place.right])


def pairwise() -> list[Case]:
    """Every pair of page, role, look and state that there can be, in at least one case. Each page is in each state
    once; roles and looks go round with it, the look by role and state alone, so that few windows do for all."""
    found = []
    for at, place in enumerate(PLACES.values()):
        let_in = [role for role in ROLES if may(role, place)]
        states = [state for state in STATES if state != "stale" or place.name not in UNHELD]
        for state in states:
            turn = STATES.index(state)
            role = let_in[(at + turn) % len(let_in)]
            found.append(Case(place.name, role, LOOKS[(ROLES.index(role) + turn) % len(LOOKS)], state))
        for turn, role in enumerate(ROLES[: -len(let_in)]):
            had = {case.look for case in found if case.page == place.name}
            new = [look for look in LOOKS if look not in had]
            found.append(Case(place.name, role, (new or LOOKS)[(at + turn) % len(new or LOOKS)], FORBIDDEN))
    return sorted(found, key=lambda case: (order(case.state), case.role, case.look))


def every() -> list[Case]:
    """All there are."""
    found = [
        Case(place.name, role, look, state if may(role, place) else FORBIDDEN)
        for place in PLACES.values()
        for state in STATES
        for role in ROLES
        for look in LOOKS
        if may(role, place) or state == STATES[0]
    ]
    return sorted(found, key=lambda case: (order(case.state), case.role, case.look))


def order(state: str) -> int:
    """Forbidden is seen where all is well."""
    return 0 if state == FORBIDDEN else STATES.index(state)
