"""What must I do today?"""

from __future__ import annotations

from datetime import UTC, date, datetime

from fleetcache.figures.compliance import CertificationsExpired
from fleetcache.figures.dashboard import DashboardMetrics
from fleetcache.figures.fleet import FleetStats
from fleetcache.figures.leave import LeavePending, LeaveStats
from fleetcache.figures.retirement import RetirementWithin
from fleetcache.panels.advice import Advice, gravest_first
from fleetcache.panels.availability import Shortfall, shortfalls
from fleetcache.panels.behind import Behind, behind
from fleetcache.panels.panel import Panel

KEYS = (
    "dashboard:metrics",
    "fleet:stats",
    "fleet:certifications:expired",
    "fleet:leave:stats",
    "fleet:leave:pending",
    "fleet:retirement:due_soon",
)


def advice(panel: Panel) -> list[Advice]:
    """Sentences to act on, gravest first. A figure that is unavailable gives no sentence: that it
    is missing is said elsewhere, and silence about it would read as “nothing to do”."""
    found: list[Advice] = []
    dashboard = panel.value("dashboard:metrics", DashboardMetrics)
    expired = panel.value("fleet:certifications:expired", CertificationsExpired)
    leave = panel.value("fleet:leave:stats", LeaveStats)
    pending = panel.value("fleet:leave:pending", LeavePending)
    retiring = panel.value("fleet:retirement:due_soon", RetirementWithin)
    if expired is not None:
        found += _not_qualified(expired)
    if dashboard is not None:
        found += _lapsing(dashboard)
        found += _past_limit(dashboard)
    if leave is not None:
        found += _below_minimum(shortfalls(leave))
    if leave is not None and pending is not None:
        found += _decisions(leave, pending, datetime.fromtimestamp(panel.at, UTC))
    if retiring is not None:
        found += _retiring(retiring)
    return gravest_first(found)


def _not_qualified(expired: CertificationsExpired) -> list[Advice]:
    if not any(cell.active for cell in expired.pilots):
        return []
    grounded = sum(cell.non_compliant for cell in expired.pilots)
    away = sum(cell.non_compliant_on_leave for cell in expired.pilots)
    if not grounded:
        return [Advice("fine", "**Every active pilot is qualified on paper.**", "compliance", "Matrix")]
    to_act = grounded - away
    verb = "is" if grounded == 1 else "are"
    return [
        Advice(
            "act" if to_act else "plan",
            f"**{_count(grounded, 'pilot')} {verb} not qualified on paper**, "
            f"{away} of them on leave: **{to_act} to act on**.",
            "compliance",
            "Who and why",
            behind=behind("certifications.nonCompliantPilots"),
            count=grounded,
        )
    ]


def _lapsing(dashboard: DashboardMetrics) -> list[Advice]:
    n = dashboard.alerts.expiring_this_week
    if not n:
        return []
    verb = "lapses" if n == 1 else "lapse"
    return [
        Advice(
            "plan",
            f"**{_count(n, 'check')} {verb} within 7 days** unless renewed.",
            "compliance",
            "Which",
            behind=behind("alerts.expiringThisWeek"),
            count=n,
        )
    ]


def _past_limit(dashboard: DashboardMetrics) -> list[Advice]:
    n = dashboard.retirement.overdue
    if not n:
        return []
    verb = "is" if n == 1 else "are"
    return [
        Advice(
            "act",
            f"**{_count(n, 'active pilot')} {verb} at or past the age limit** and may not fly.",
            "retirement",
            "Who",
            behind=behind("retirement.overdue"),
            count=n,
        )
    ]


def _below_minimum(short: list[Shortfall]) -> list[Advice]:
    """Days below minimum that renewals cannot mend, then the ones they can, in one sentence."""
    found = []
    for one in (each for each in short if not each.only_on_paper):
        days = f"on {_day(one.first)}" if one.days == 1 else f"on {one.days} days from {_day(one.first)}"
        found.append(
            Advice(
                "act",
                f"**{one.fleet} {one.rank_words} fall below minimum {days}**, even if every check is "
                f"renewed: worst {_day(one.worst)} with {one.crew} of {one.minimum}.",
                "leave",
                "Availability",
                {"fleet": one.fleet, "rank": one.rank},
            )
        )
    mendable = [one for one in short if one.only_on_paper]
    if mendable:
        first = mendable[0]
        found.append(
            Advice(
                "plan",
                f"**Without renewals {_count(len(mendable), 'group')} would fall below minimum**, first "
                f"{first.fleet} {first.rank_words} on {_day(first.first)}.",
                "compliance",
                "Renewals open",
                {"fleet": first.fleet, "rank": first.rank},
            )
        )
    return found


def _decisions(leave: LeaveStats, pending: LeavePending, now: datetime) -> list[Advice]:
    found = []
    if pending.undecided_started:
        n = pending.undecided_started
        found.append(
            Advice(
                "act",
                f"**{_count(n, 'leave request')} already begun or past** and still undecided.",
                "leave",
                "Which",
                behind=behind("leave.undecidedStarted"),
                count=n,
            )
        )
    overdue: dict[tuple[date, str], int] = {}
    due: dict[tuple[date, str], int] = {}
    for cell in pending.cells:
        counted = overdue if cell.publication_day < leave.first_day else due
        counted.setdefault((cell.publication_day, cell.period), 0)
        counted[cell.publication_day, cell.period] += cell.submitted + cell.in_review
    if overdue:
        found.append(_overdue(overdue, begun=bool(pending.undecided_started)))
    if due:
        (publication, period), n = min(due.items())
        left = (publication - leave.first_day).days
        when = "today" if left == 0 else f"in {_count(left, 'day')}"
        verb = "is" if n == 1 else "are"
        found.append(
            Advice(
                "act" if left <= 3 else "plan",
                f"**{_count(n, 'leave decision')} {verb} due {when}**: {period} is published on {_day(publication)}.",
                "leave",
                "Which",
                behind=behind("leave.due", period=period),
                count=n,
            )
        )
    closing = next((p for p in leave.periods if p.deadline_at > now), None)
    if closing is not None:
        hours = (closing.deadline_at - now).total_seconds() / 3600
        left_words = f"{hours:.0f} h" if hours < 48 else _count(int(hours // 24), "day")
        found.append(
            Advice("know", f"Requests for {closing.name} close in {left_words}.", "leave", "Roster periods")
        )
    return found


def _overdue(overdue: dict[tuple[date, str], int], *, begun: bool) -> Advice:
    """Leave undecided although its roster is out. Running leave is among it, and also among what has
    ``begun``: where both are said, this one says so."""
    n = sum(overdue.values())
    verb = "is" if n == 1 else "are"
    included = ", leave already begun included" if begun else ""
    (first, period), *others = sorted(overdue)
    published = [f"{period} was published on {_day(first)}"]
    published += [f"{period} on {_day(day)}" for day, period in others]
    return Advice(
        "act",
        f"**{_count(n, 'leave decision')} {verb} overdue**{included}: {', '.join(published)}.",
        "leave",
        "Which",
        behind=behind("leave.overdue"),
        count=n,
    )


def _retiring(retiring: RetirementWithin) -> list[Advice]:
    if not retiring.total:
        return []
    verb = "reaches" if retiring.total == 1 else "reach"
    return [
        Advice(
            "know",
            f"{_count(retiring.total, 'pilot')} {verb} the age limit within {retiring.years} years.",
            "retirement",
            "Who retires next",
            behind=behind("retirement.years0to2"),
            count=retiring.total,
        )
    ]


def moved(stats: FleetStats) -> list[tuple[str, Behind]]:
    """What changed since yesterday, each in words and with what stands behind it."""
    since = stats.since_yesterday
    return [
        (f"{since.lapsed:,} lapsed", behind("since.lapsed")),
        (f"{since.renewed:,} renewed", behind("since.renewed")),
        (_count(since.requests, "leave request"), behind("since.requests")),
    ]


def _count(n: int, one: str) -> str:
    return f"{n:,} {one}" if n == 1 else f"{n:,} {one}s"


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
