"""Certification rows: the current ones and the three years of history behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bands import Holdings
from .checks import (
    CHECKS,
    EPOCH,
    FROM_MONTH_END,
    NEEDS_JOINING,
    WINDOW_DAYS,
    ends,
    validity_before,
)
from .crew import Crew
from .days import (
    NO_DAY,
    Column,
    Days,
    Flags,
    Ints,
    add_days,
    add_months,
    days_between,
    month_end,
    month_start,
)
from .draws import Draws

HISTORY_DAYS = 3 * 365 + 1
LATE_SHARE = 0.035  # renewals of the past that came after the old one had run out
VOIDED_SHARE = 0.002
VOID_REASONS = (
    "Expiry date typed wrongly",
    "Recorded against the wrong check",
    "Entered twice",
    "Completion date misread on the certificate",
)
ISSUERS = {
    "Flight crew licence": ("Coral Civil Aviation Office", "Meridian Examiner Panel"),
    "Medical": ("Harbour Aviation Medical, Port Moresby", "Reef Aeromedical, Cairns"),
    "Simulator": ("Meridian Simulator Centre, Cairns", "Southern Arc Simulators, Brisbane"),
    "Flight checks": ("Coral Meridian Check and Training",),
    "Ground courses": ("Coral Meridian Ground School", "Reef Safety Training, Lae"),
    "Identity": ("Coral Meridian Security Office", "Jackson Field Pass Office"),
    "Work permits": ("Immigration and Labour Registry",),
}
RECORDERS = ("records.1", "records.2", "records.3", "import")


@dataclass(frozen=True, eq=False)
class Certifications:
    """Rows in order of recording; element i has id i + 1.

    ``next`` is the element that supersedes a row (-1: none); a row is current when it has none
    and is not ``voided``. ``expires`` is NaT for never-expiring and undated rows alike;
    ``never`` tells rows that never expire although their type does.
    ``recorded`` and ``voided_at`` are minutes, UTC.
    """

    pilot: Ints
    check: Ints
    completed: Days
    expires: Days
    never: Flags
    next: Ints
    issuer: Column
    document: Column
    recorder: Column
    recorded: Days
    voided_at: Days
    reason: Column

    def __len__(self) -> int:
        return len(self.pilot)

    @property
    def voided(self) -> Flags:
        """Rows taken back by a correction."""
        return ~np.isnat(self.voided_at)

    @property
    def current(self) -> Flags:
        """Rows that count today."""
        return (self.next < 0) & ~self.voided


def certifications(crew: Crew, held: Holdings, as_of: np.datetime64, seed: int) -> Certifications:
    """Every certification row that the airline has recorded by ``as_of``."""
    draws = Draws(seed, "certifications")
    newest = _current(crew, held, as_of, draws)
    layers = [newest]
    links = [np.full(len(newest.pilot), -1, dtype=np.int64)]
    start = 0
    while True:
        older, of = _before(crew, layers[-1], as_of, draws)
        if len(of) == 0:
            break
        links.append(of + start)
        start += len(layers[-1].pilot)
        layers.append(older)
    return _recorded(layers, links, as_of, draws)


@dataclass(frozen=True, eq=False)
class _Layer:
    """One row per chain: the newest, the one before it, and so on backwards."""

    pilot: Ints
    check: Ints
    months: Ints
    completed: Days
    expires: Days
    never: Flags
    late: Flags

    def take(self, rows: Ints) -> _Layer:
        return _Layer(
            self.pilot[rows],
            self.check[rows],
            self.months[rows],
            self.completed[rows],
            self.expires[rows],
            self.never[rows],
            self.late[rows],
        )


def _snapped(day: Days, low: Days, high: Days, check: Ints) -> Days:
    """A month end within the band, if the type counts to month ends and the band has one."""
    after, before = month_end(day), add_days(month_start(day), -1)
    snapped = np.where(after <= high, after, np.where(before >= low, before, day))
    return np.where(FROM_MONTH_END[check], snapped, day)


def _current(crew: Crew, held: Holdings, as_of: np.datetime64, draws: Draws) -> _Layer:
    """The current rows: expiry drawn within the band, completion from the expiry."""
    count = len(held.pilot)
    pilot, check = held.pilot, held.check
    left = crew.left[pilot]
    gone_since = np.where(np.isnat(left), as_of - np.timedelta64(400, "D"), left)
    today = np.where(crew.active[pilot], as_of, gone_since)
    today = np.maximum(today, add_days(crew.commenced[pilot], 1))
    yesterday = add_days(today, -1)
    low, high = add_days(today, held.low), add_days(today, held.high)
    drawn = add_days(today, draws.between(held.low, held.high, count))
    expires = _snapped(drawn, low, high, check)
    months = validity_before(expires, check, held.months, crew.born[pilot])
    base = add_months(expires, -months)
    completed, late = _completions(base, yesterday, check, draws)

    # The company's own checks cannot be older than the pilot's service.
    joined = crew.commenced[pilot]
    early = NEEDS_JOINING[check] & (completed < joined) & (held.months > 0)
    fresh = np.minimum(add_days(joined, draws.between(0, 20, count)), yesterday)
    anew = ends(fresh, check, np.maximum(months, 1))
    renewed = early & (anew >= low) & (held.low == 91)
    expires = np.where(renewed, anew, expires)
    completed = np.where(renewed, fresh, np.where(early, joined, completed))
    completed = np.minimum(completed, yesterday)

    never = held.months == 0
    since = np.minimum(joined, add_days(as_of + np.zeros(count, "timedelta64[D]"), -1200))
    completed = np.where(never, add_days(since, -draws.between(0, 900, count)), completed)
    expires = np.where(never | held.undated, NO_DAY, expires)
    by_row = never & (np.array([c.validity or 0 for c in CHECKS])[check] > 0)
    return _Layer(pilot, check, np.where(never, 0, months), completed, expires, by_row, late)


def _completions(base: Days, latest: Days, check: Ints, draws: Draws) -> tuple[Days, Flags]:
    """When a check due again by ``base`` was done: early in the window, or late; by ``latest``."""
    count = len(base)
    least = np.maximum(0, days_between(latest, base))
    most = np.maximum(least, np.floor(0.75 * WINDOW_DAYS[check]))
    early = least + np.floor(draws.uniform(count) ** 1.5 * (most - least)).astype(np.int64)
    late = (draws.uniform(count) < LATE_SHARE) & (base <= latest)
    first = month_start(base)
    span = days_between(first, base) + 1
    in_month = add_days(first, np.floor(draws.uniform(count) * span).astype(np.int64))
    overdue = np.where(FROM_MONTH_END[check], in_month, base)
    return np.where(late, overdue, add_days(base, -early)), late


def _before(crew: Crew, layer: _Layer, as_of: np.datetime64, draws: Draws) -> tuple[_Layer, Ints]:
    """The row each of these superseded, as far as history reaches; and of which it is that."""
    joined = crew.commenced[layer.pilot]
    own = NEEDS_JOINING[layer.check]
    limit = np.where(crew.active[layer.pilot], as_of, joined)
    stop = np.full(len(joined), as_of - np.timedelta64(HISTORY_DAYS, "D"))
    stop = np.where(own, np.maximum(stop, add_days(joined, 45)), stop)
    of = np.flatnonzero((layer.months > 0) & (layer.completed > stop))
    now = layer.take(of)
    count = len(of)
    joined, own = joined[of], own[of]

    anew = ends(now.completed, now.check, now.months)
    base = add_months(np.where(np.isnat(now.expires), anew, now.expires), -now.months)
    kept = np.where(FROM_MONTH_END[now.check], month_end(base), base)
    windowless = add_days(now.completed, draws.between(0, 25, count))
    in_time = np.where(WINDOW_DAYS[now.check] > 0, kept, windowless)
    gap = draws.between(1, 58, count)
    month_before = add_days(month_start(add_days(now.completed, -gap // 2)), -1)
    lapsed = np.where(FROM_MONTH_END[now.check], month_before, add_days(now.completed, -gap))
    expires = np.where(now.late, lapsed, np.maximum(in_time, now.completed))
    months = validity_before(expires, now.check, now.months, crew.born[now.pilot])
    due = add_months(expires, -months)
    completed, late = _completions(due, due, now.check, draws)
    first = own & (completed < joined)
    fresh = add_days(joined, draws.between(0, 20, count))
    completed = np.where(first, fresh, completed)
    expires = np.where(first, ends(fresh, now.check, months), expires)
    # The first renewal after joining kept no anniversary: it counted anew, from its own month.
    moved = first & FROM_MONTH_END[now.check] & (base < limit[of])
    layer.completed[of[moved]] = add_days(base[moved], -draws.below(28, count)[moved])
    never = np.zeros(count, dtype=np.bool_)
    return _Layer(now.pilot, now.check, months, completed, expires, never, late), of


def _recorded(
    layers: list[_Layer], links: list[Ints], as_of: np.datetime64, draws: Draws
) -> Certifications:
    """All layers and a few voided rows as one table in order of recording."""
    pilot = np.concatenate([layer.pilot for layer in layers])
    check = np.concatenate([layer.check for layer in layers])
    completed = np.concatenate([layer.completed for layer in layers])
    expires = np.concatenate([layer.expires for layer in layers])
    never = np.concatenate([layer.never for layer in layers])
    following = np.concatenate(links)
    count = len(pilot)

    wrong = draws.order(count)[: max(2, round(VOIDED_SHARE * count))]
    wrong = wrong[~np.isnat(expires[wrong])]
    voided = np.concatenate([np.zeros(count, np.bool_), np.ones(len(wrong), np.bool_)])
    wrong_expiry = add_days(expires[wrong], 30 + draws.below(300, len(wrong)))
    pilot, check = np.concatenate([pilot, pilot[wrong]]), np.concatenate([check, check[wrong]])
    completed = np.concatenate([completed, completed[wrong]])
    expires = np.concatenate([expires, wrong_expiry])
    never = np.concatenate([never, never[wrong]])
    following = np.concatenate([following, np.full(len(wrong), -1, dtype=np.int64)])
    count = len(pilot)

    # Recorded in office hours of the same day, fleet time (UTC+10): 08:00 .. 16:59.
    minute = draws.between(8 * 60, 17 * 60 - 1, count) - 600
    minute[voided] = 7 * 60 - 600
    recorded = completed.astype("datetime64[m]") + minute.astype("timedelta64[m]")
    voided_at = np.where(voided, recorded + np.timedelta64(45, "m"), np.datetime64("NaT", "m"))
    reasons = np.array([None, *VOID_REASONS], dtype=object)
    reason = reasons[np.where(voided, 1 + draws.below(len(VOID_REASONS), count), 0)]

    order = np.lexsort((check, pilot, recorded))
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    following = np.where(following < 0, -1, place[following])
    pilot, check, recorded = pilot[order], check[order], recorded[order]
    return Certifications(
        pilot=pilot,
        check=check,
        completed=completed[order],
        expires=expires[order],
        never=never[order],
        next=following[order],
        issuer=_issuers(check, draws),
        document=_documents(check, recorded, draws),
        recorder=np.array(RECORDERS, dtype=object)[draws.below(len(RECORDERS), count)],
        recorded=recorded,
        voided_at=voided_at[order],
        reason=reason[order],
    )


def _issuers(check: Ints, draws: Draws) -> Column:
    chosen = draws.uniform(len(check))
    issuer = np.empty(len(check), dtype=object)
    for number, rule in enumerate(CHECKS):
        rows = np.flatnonzero(check == number)
        names = np.array(ISSUERS[rule.category], dtype=object)
        issuer[rows] = names[(chosen[rows] * len(names)).astype(np.int64)]
    return issuer


def _documents(check: Ints, recorded: Days, draws: Draws) -> Column:
    """Document numbers such as OPC-26-483920."""
    year = days_between(EPOCH, recorded.astype("datetime64[Y]").astype("datetime64[D]")) // 365
    numbers = draws.below(900_000, len(check)) + 100_000
    codes = [check.code[:3] for check in CHECKS]
    return np.array(
        [
            f"{codes[c]}-{(y + 1970) % 100:02d}-{n}"
            for c, y, n in zip(check.tolist(), year.tolist(), numbers.tolist(), strict=True)
        ],
        dtype=object,
    )
