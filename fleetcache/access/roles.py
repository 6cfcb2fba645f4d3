"""The one table of roles and rights. Every change, action, route and page asks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from fleetcache.errors import Forbidden

Role = Literal["viewer", "manager", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most; whoever has one has the rights of those before it."""

Right = Literal[
    "crew.read",
    "figures.read",
    "health.read",
    "view.refresh",
    "pilots.change",
    "pilots.delete",
    "certifications.change",
    "leave.change",
    "leave.override",
    "import",
    "settings.change",
    "cache.read",
    "cache.change",
    "audit.read",
    "tokens.change",
]
RIGHTS: dict[Right, Role] = {
    "crew.read": "viewer",
    "figures.read": "viewer",
    "health.read": "viewer",
    "view.refresh": "manager",
    "pilots.change": "manager",
    "pilots.delete": "admin",
    "certifications.change": "manager",
    "leave.change": "manager",
    "leave.override": "admin",
    "import": "manager",
    "settings.change": "admin",
    "cache.read": "admin",
    "cache.change": "admin",
    "audit.read": "admin",
    "tokens.change": "admin",
}


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, as the audit names them, with their role. ``origin`` says by which door
    and from where: “page, 127.0.0.1”, “API token ci, 10.0.0.7”, “command line”."""

    name: str
    role: Role
    origin: str = ""

    def may(self, right: Right) -> bool:
        """Whether the role has the right."""
        return ROLES.index(self.role) >= ROLES.index(RIGHTS[right])

    def must(self, right: Right) -> None:
        """Raises Forbidden, naming the role that is needed, unless the role has the right."""
        if not self.may(right):
            raise Forbidden(f"This needs the role {RIGHTS[right]}; {self.name} has the role {self.role}.")
