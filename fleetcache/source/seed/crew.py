"""The pilots: ages, hiring waves, seniority, ranks and qualifications."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .days import (
    NO_DAY,
    Column,
    Days,
    Flags,
    Floats,
    Ints,
    add_days,
    add_months,
    birthday,
    days_between,
)
from .draws import Draws
from .profiles import (
    BASE_SHARES,
    CAPTAIN,
    CONTRACT_SHARES,
    FIRST_OFFICER,
    INACTIVE_SHARE,
    RETIREMENT_AGE,
    Profile,
)

YEAR = 365.25
YOUNGEST = {CAPTAIN: 30.0, FIRST_OFFICER: 21.0}
OLDEST = 64.95
WAVES = (24.0, 12.5, 3.0)  # years before as_of around which most were hired
EXPATRIATE_SHARE = {CAPTAIN: 0.35, FIRST_OFFICER: 0.155}
ATPL_SHARE_OF_FIRST_OFFICERS = 0.55
EXAMINERS_WHO_ALSO_TRAIN = 0.4


@dataclass(frozen=True, eq=False)
class Crew:
    """All pilots, one array element each, in order of seniority (element 0 is the most senior).

    ``special`` names a boundary pilot ('' for everybody else). ``born`` and ``left`` may be NaT.
    """

    fleets: tuple[str, ...]
    fleet: Ints
    rank: Ints
    born: Days
    commenced: Days
    active: Flags
    left: Days
    special: Column
    age: Floats
    base: Column
    contract: Column
    licence: Column
    expatriate: Flags
    training_captain: Flags
    examiner: Flags

    def __len__(self) -> int:
        return len(self.fleet)

    @property
    def limit(self) -> Days:
        """The birthday on which the retirement age bites; NaT where it is unknown."""
        return birthday(self.born, RETIREMENT_AGE)

    def qualified(self, qualification: str) -> Flags:
        """Whether each pilot is a training_captain, examiner or expatriate."""
        flags: Flags = getattr(self, qualification)
        return flags

    def group(self, fleet: int, rank: int) -> Flags:
        """The active pilots of a fleet and rank."""
        return np.asarray(self.active & (self.fleet == fleet) & (self.rank == rank))


def crew(profile: Profile, as_of: np.datetime64, seed: int) -> Crew:
    """The airline's pilots as they stand on ``as_of``."""
    fleet, rank, active, age = _positions(profile, seed)
    born = add_days(np.full(len(age), as_of), -np.round(age * YEAR).astype(np.int64))
    special = np.full(len(age), "", dtype=object)
    _place_boundary_pilots(special, fleet, rank, active, age)
    for name, day in _boundary_births(as_of).items():
        born[special == name] = day
    known = np.where(np.isnat(born), as_of, born)
    age = np.where(np.isnat(born), age, days_between(known, np.full(len(age), as_of)) / YEAR)

    draws = Draws(seed, "hire")
    commenced = add_days(
        np.full(len(age), as_of), -np.ceil(_tenure(age, draws) * YEAR).astype(np.int64)
    )
    left = _leaving(profile, as_of, seed, active, commenced, special, born)
    order = np.lexsort((draws.uniform(len(age)), commenced))
    return _with_qualifications(
        profile,
        seed,
        Crew(
            fleets=tuple(f.code for f in profile.fleets),
            fleet=fleet[order],
            rank=rank[order],
            born=born[order],
            commenced=commenced[order],
            active=active[order],
            left=left[order],
            special=special[order],
            age=age[order],
            base=np.empty(0, dtype=object),
            contract=np.empty(0, dtype=object),
            licence=np.empty(0, dtype=object),
            expatriate=np.empty(0, dtype=np.bool_),
            training_captain=np.empty(0, dtype=np.bool_),
            examiner=np.empty(0, dtype=np.bool_),
        ),
    )


def _positions(profile: Profile, seed: int) -> tuple[Ints, Ints, Flags, Floats]:
    """Fleet, rank, active flag and age of every pilot, group after group."""
    groups = [(f, r) for f in range(len(profile.fleets)) for r in (CAPTAIN, FIRST_OFFICER)]
    inactive_total = max(1, round(INACTIVE_SHARE * profile.active))
    inactive = dict.fromkeys(groups, 0)
    for i in range(inactive_total):
        # The last fleet's captains come first: they are the ones who retire.
        inactive[groups[-2 + (i % len(groups))]] += 1
    parts: list[tuple[Ints, Ints, Flags, Floats]] = []
    for f, r in groups:
        plan = profile.fleets[f]
        count = plan.active[r] + inactive[f, r]
        ages = Draws(seed, f"age {plan.code} {r}").truncated_normal(
            count,
            mean=plan.ages[r].mean,
            deviation=plan.ages[r].deviation,
            low=YOUNGEST[r],
            high=OLDEST,
        )
        parts.append(
            (
                np.full(count, f, dtype=np.int64),
                np.full(count, r, dtype=np.int64),
                np.arange(count) < plan.active[r],
                ages,
            )
        )
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        np.concatenate([part[3] for part in parts]),
    )


def _place_boundary_pilots(
    special: Column, fleet: Ints, rank: Ints, active: Flags, age: Floats
) -> None:
    """Name the pilots who stand on a boundary, in groups where their age is plausible."""
    last = int(fleet.max())
    old = np.flatnonzero((fleet == last) & (rank == CAPTAIN) & active)
    old = old[np.argsort(-age[old], kind="stable")]
    # Not all in the places of the oldest, so that the next retirements stay those of the section.
    for place, name in ((0, "month_short"), (1, "today"), (12, "overdue")):
        special[old[min(place, len(old) - 1)]] = name
    middle = np.flatnonzero((fleet == min(1, last)) & (rank == CAPTAIN) & active & (special == ""))
    special[middle[np.argsort(np.abs(age[middle] - 48), kind="stable")[0]]] = "leap_day"
    first = np.flatnonzero((fleet == 0) & (rank == FIRST_OFFICER) & active)
    special[first[np.argsort(-age[first], kind="stable")[len(first) // 2]]] = "no_birthday"
    retired = np.flatnonzero((fleet == last) & (rank == CAPTAIN) & ~active)
    special[retired[0]] = "retired"


def _boundary_births(as_of: np.datetime64) -> dict[str, np.datetime64]:
    one = np.array([as_of])
    year = int(as_of.astype("datetime64[Y]").astype(np.int64)) + 1970
    leap = (year - 47) // 4 * 4
    return {
        "month_short": add_months(one, -(12 * RETIREMENT_AGE - 1))[0],
        "today": add_months(one, -12 * RETIREMENT_AGE)[0],
        "overdue": add_days(add_months(one, -12 * 66), -20)[0],
        "retired": add_days(add_months(one, -12 * 66), -40)[0],
        "leap_day": np.datetime64(f"{leap:04d}-02-29", "D"),
        "no_birthday": NO_DAY,
    }


def _tenure(age: Floats, draws: Draws) -> Floats:
    """Years of service: hired at U(21, min(29, age - 0.5)), mostly in one of three waves."""
    youngest = np.minimum(21.0, age - 0.55)
    oldest = np.minimum(29.0, age - 0.5)
    drawn = age - (youngest + draws.uniform(len(age)) * (oldest - youngest))
    waves = np.array(WAVES)
    nearest = waves[np.argmin(np.abs(drawn[:, None] - waves[None, :]), axis=1)]
    in_wave = nearest + (draws.uniform(len(age)) - 0.5) * 2.4
    possible = (in_wave >= age - oldest) & (in_wave <= age - youngest)
    return np.asarray(np.where(possible & (draws.uniform(len(age)) < 0.8), in_wave, drawn))


def _leaving(
    profile: Profile,
    as_of: np.datetime64,
    seed: int,
    active: Flags,
    commenced: Days,
    special: Column,
    born: Days,
) -> Days:
    """The day each inactive pilot left, within two years; one of several is not recorded."""
    draws = Draws(seed, "leaving")
    left = np.full(len(active), NO_DAY)
    gone = np.flatnonzero(~active)
    day = add_days(np.full(len(gone), as_of), -draws.between(20, 720, len(gone)))
    yesterday = as_of - np.timedelta64(1, "D")
    left[gone] = np.minimum(np.maximum(day, add_days(commenced[gone], 30)), yesterday)
    retired = special == "retired"
    left[retired] = birthday(born[retired], RETIREMENT_AGE)
    if len(gone) > 2:
        left[gone[special[gone] == ""][-1]] = NO_DAY
    return left


def _with_qualifications(profile: Profile, seed: int, crew: Crew) -> Crew:
    """Bases, contracts, licences, expatriates, training captains and examiners, by exact shares."""
    count = len(crew)
    draws = Draws(seed, "qualifications")
    base = np.array(draws.shared_out(BASE_SHARES, count), dtype=object)
    contract = np.array(draws.shared_out(CONTRACT_SHARES, count), dtype=object)
    licence = np.full(count, "ATPL", dtype=object)
    expatriate = np.zeros(count, dtype=np.bool_)
    training = np.zeros(count, dtype=np.bool_)
    examiner = np.zeros(count, dtype=np.bool_)
    for number, fleet in enumerate(profile.fleets):
        for rank in (CAPTAIN, FIRST_OFFICER):
            members = np.flatnonzero((crew.fleet == number) & (crew.rank == rank))
            share = round(EXPATRIATE_SHARE[rank] * len(members))
            expatriate[members] = draws.some(len(members), share)
            if rank == FIRST_OFFICER:
                # Older first officers hold the ATPL more often.
                keys = crew.age[members] + (draws.uniform(len(members)) - 0.5) * 10
                junior = round((1 - ATPL_SHARE_OF_FIRST_OFFICERS) * len(members))
                licence[members[np.argsort(keys, kind="stable")[:junior]]] = "CPL"
        seasoned = np.flatnonzero(crew.group(number, CAPTAIN) & (crew.special == ""))
        seasoned = seasoned[draws.order(len(seasoned))]
        trainers, examiners = fleet.training_captains(), fleet.examiners()
        both = round(EXAMINERS_WHO_ALSO_TRAIN * examiners)
        training[seasoned[:trainers]] = True
        examiner[seasoned[trainers - both : trainers - both + examiners]] = True
    return replace(
        crew,
        base=base,
        contract=contract,
        licence=licence,
        expatriate=expatriate,
        training_captain=training,
        examiner=examiner,
    )
