"""The airline's size: fleets, bases and contracts of each profile (spec section 4)."""

from __future__ import annotations

from dataclasses import dataclass

SEED = 20_260_417
RETIREMENT_AGE = 65
INACTIVE_SHARE = 0.04
PILOTS_PER_TRAINING_CAPTAIN = 11
PILOTS_PER_EXAMINER = 11
DEMO_ACTIVE = 362

CAPTAIN, FIRST_OFFICER = 0, 1
RANKS = ("captain", "first_officer")

BASES = {"POM": "Port Moresby", "LAE": "Lae", "RAB": "Rabaul", "CNS": "Cairns"}
BASE_SHARES = {"POM": 55.0, "LAE": 15.0, "RAB": 8.0, "CNS": 22.0}

# code: (name, days on, days off)
CONTRACTS: dict[str, tuple[str, int | None, int | None]] = {
    "FULL_TIME": ("Full-time", None, None),
    "TOURS_21_21": ("Tours 21/21", 21, 21),
    "COMMUTING_18_10": ("Commuting 18/10", 18, 10),
}
CONTRACT_SHARES = {"FULL_TIME": 78.0, "TOURS_21_21": 12.0, "COMMUTING_18_10": 10.0}


@dataclass(frozen=True)
class Ages:
    """A truncated normal of ages, years."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Fleet:
    """One aircraft type: hulls, crews per hull, active pilots and their ages by rank."""

    code: str
    name: str
    hulls: int
    per_hull: tuple[int, int]
    active: tuple[int, int]
    ages: tuple[Ages, Ages]
    examiners_short: int = 0

    def minimum(self, rank: int) -> int:
        """Pilots of a rank that must not be on leave: floor(0.75 x establishment)."""
        return self.per_hull[rank] * self.hulls * 3 // 4

    def training_captains(self) -> int:
        """One for every 11 pilots, rounded up."""
        return -(-sum(self.active) // PILOTS_PER_TRAINING_CAPTAIN)

    def examiners(self) -> int:
        """One for every 11 pilots, rounded up, less those the fleet is short of."""
        return -(-sum(self.active) // PILOTS_PER_EXAMINER) - self.examiners_short


@dataclass(frozen=True)
class Profile:
    """A named size of the airline."""

    name: str
    fleets: tuple[Fleet, ...]

    @property
    def active(self) -> int:
        """Active pilots, boundary pilots included."""
        return sum(sum(fleet.active) for fleet in self.fleets)

    def scaled(self, demo_count: float) -> int:
        """A number meant for the demo, at this profile's size; at least one."""
        return max(1, round(demo_count * self.active / DEMO_ACTIVE))


_DASH8_AGES = (Ages(43, 8), Ages(30, 5))
_B737_AGES = (Ages(50, 7), Ages(36, 6))
_A330_AGES = (Ages(56, 5), Ages(42, 6))

PROFILES = {
    # 7 + 7 per hull: 14 + 14 required, one first officer short.
    "tiny": Profile(
        "tiny", (Fleet("B737-800", "Boeing 737-800", 2, (7, 7), (14, 13), _B737_AGES),)
    ),
    "demo": Profile(
        "demo",
        (
            Fleet("DHC-8-400", "De Havilland Dash 8-400", 8, (5, 5), (40, 40), _DASH8_AGES),
            Fleet("B737-800", "Boeing 737-800", 14, (6, 6), (84, 84), _B737_AGES),
            Fleet("A330-200", "Airbus A330-200", 6, (9, 10), (54, 60), _A330_AGES, 1),
        ),
    ),
    # The demo's fleets x 12,000 / 362, hulls rounded; one first officer above establishment.
    "load": Profile(
        "load",
        (
            Fleet("DHC-8-400", "De Havilland Dash 8-400", 265, (5, 5), (1325, 1326), _DASH8_AGES),
            Fleet("B737-800", "Boeing 737-800", 464, (6, 6), (2784, 2784), _B737_AGES),
            Fleet("A330-200", "Airbus A330-200", 199, (9, 10), (1791, 1990), _A330_AGES, 1),
        ),
    ),
}
