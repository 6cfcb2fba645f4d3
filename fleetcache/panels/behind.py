"""What stands behind a number: the list that holds its rows, and the filters that leave just those."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from fleetcache.definitions import RANKS
from fleetcache.errors import Invalid
from fleetcache.glossary import GLOSSARY

PEOPLE, GROUNDED, CHECKS, RENEWED, REQUESTS, DAYS, FOLLOWERS = (
    "pilots", "non_compliant", "certifications", "renewed", "leave_requests", "leave_days", "successors",
)  # fmt: skip
GROUP = ("fleet", "rank")
BY = "by-"
"""How filters begin in an address. Without it they would be the ones that the widgets of another page are bound to,
which Streamlit lets nobody set."""
NAMED_DAYS = frozenset({"month", "day", "first", "last", "expires_on"})
"""The filters that are days; all others are words."""
LONGEST = 200
"""Characters of a filter in an address."""
QUALIFIED, UNDECIDED, VALID = "compliant,unproven", "SUBMITTED,IN_REVIEW", "current,expiring"


@dataclass(frozen=True)
class Rows:
    """Where the rows of a figure are: the ``page`` it stands on, the ``key`` it is counted in, the list of
    ``sql/people``, the ``fixed`` filters that make it this figure, ``by`` which others it is narrowed, and which
    filters of the list ``also`` are the day that it is narrowed to."""

    page: str
    key: str
    list: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    by: tuple[str, ...] = GROUP
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Behind:
    """A number on a page: of which figure, and by what it was narrowed."""

    figure: str
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def query(self) -> dict[str, str]:
        """What follows the ? in the address of its rows."""
        return {"of": self.figure, **{f"{BY}{name}": text for name, text in self.filters}}

    @property
    def rows(self) -> Rows:
        """Where they are."""
        return FIGURES[self.figure]

    @property
    def arguments(self) -> dict[str, Any]:
        """The filters as the list takes them. Raises Invalid for a day that is none."""
        given = {name: _value(name, text) for name, text in self.filters}
        return {**self.rows.fixed, **given, **dict.fromkeys(self.rows.also, given.get("day"))}


Opens = Mapping[str, Callable[[int], Behind | None]]
"""Name of a column or of a line of a chart -> the place in it -> what stands behind the number there."""


def behind(figure: str, **filters: date | str | None) -> Behind:
    """What stands behind a figure as narrowed; a filter that is None is none."""
    assert filters.keys() <= set(FIGURES[figure].by), (figure, filters)
    given = ((name, value) for name, value in filters.items() if value is not None)
    return Behind(figure, tuple((n, v.isoformat() if isinstance(v, date) else v) for n, v in given))


def asked(query: Mapping[str, str]) -> Behind:
    """What an address asks for. Raises Invalid, with what is wrong with it."""
    figure = query.get("of", "")
    if figure not in FIGURES:
        raise Invalid(f"There is no figure “{figure}”." if figure else "The address names no figure.")
    filters = {name.removeprefix(BY): text for name, text in query.items() if name.startswith(BY) and text}
    if any(len(text) > LONGEST or "\0" in text for text in filters.values()):
        raise Invalid(f"A filter of it is longer than {LONGEST} characters, or no text.")
    if strange := sorted(filters.keys() - set(FIGURES[figure].by)):
        raise Invalid(f"“{GLOSSARY[figure].label}” cannot be narrowed by {', '.join(strange)}.")
    if filters.get("rank", "captain") not in RANKS:
        raise Invalid(f"“{filters['rank']}” is not a rank: there are {' and '.join(RANKS)}.")
    found = Behind(figure, tuple(filters.items()))
    if missing := sorted(NAMED_DAYS.intersection(FIGURES[figure].by) - filters.keys()):
        raise Invalid(f"“{GLOSSARY[figure].label}” is of a day: the address does not say which ({', '.join(missing)}).")
    found.arguments  # noqa: B018 - a day that is none is to be found now
    return found


def ahead(asked: Behind, today: date | None) -> bool:
    """Whether a figure of the crew to come is asked for a day that is still to come; True for all other figures."""
    day = dict(asked.filters).get("day")
    return day is None or today is None or date.fromisoformat(day) >= today


def _value(name: str, text: str) -> Any:
    if name not in NAMED_DAYS:
        return text
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"“{text}” is not a day: write it like 2026-06-14.") from error


def _pilots(page: str, key: str, **fixed: Any) -> Rows:
    of = (*GROUP, "base", "contract") if key == "fleet:stats" else GROUP
    return Rows(page, key, PEOPLE, {"active": True, **fixed}, tuple(name for name in of if name not in fixed))


def _checks(key: str, **fixed: Any) -> Rows:
    return Rows("compliance", key, CHECKS, fixed, (*GROUP, "category"))


def _leave(key: str, *by: str, **fixed: Any) -> Rows:
    return Rows("leave", key, REQUESTS, fixed, (*GROUP, *by))


_STATS, _BOARD, _EXPIRED, _FORECAST, _LEAVE, _PENDING = (
    "fleet:stats", "dashboard:metrics", "fleet:certifications:expired", "fleet:retirement:forecast",
    "fleet:leave:stats", "fleet:leave:pending",
)  # fmt: skip
_CHECKS = "fleet:certifications:stats"

FIGURES: dict[str, Rows] = {
    "pilots.total": Rows("fleet", _STATS, PEOPLE),
    "pilots.active": _pilots("fleet", _STATS),
    "pilots.captains": _pilots("fleet", _STATS, rank="captain"),
    "pilots.firstOfficers": _pilots("fleet", _STATS, rank="first_officer"),
    "pilots.trainingCaptains": _pilots("fleet", _STATS, instructor="training_captain"),
    "pilots.examiners": _pilots("fleet", _STATS, instructor="examiner"),
    "strength.qualified": _pilots("fleet", _STATS, compliance=QUALIFIED),
    "strength.onLeave": _pilots("fleet", _STATS, on_leave=True),
    "strength.available": _pilots("fleet", _STATS, compliance=QUALIFIED, on_leave=False),
    "certifications.compliantPilots": _pilots("compliance", _EXPIRED, compliance="compliant"),
    "certifications.nonCompliantPilots": Rows("compliance", _EXPIRED, GROUNDED),
    "certifications.unprovenPilots": _pilots("compliance", _EXPIRED, compliance="unproven"),
    "certifications.toActOn": Rows("compliance", _EXPIRED, GROUNDED, {"on_leave": False}),
    "alerts.criticalExpired": _pilots("compliance", _EXPIRED, expired=True),
    "certifications.total": _checks(_CHECKS),
    "certifications.valid": _checks(_CHECKS, state=VALID),
    "certifications.judged": _checks(_CHECKS, state=f"{VALID},expired,missing"),
    "certifications.dated": _checks(_CHECKS, state=f"{VALID},expired"),
    "certifications.current": _checks(_CHECKS, state="current"),
    "certifications.expiring": _checks(_CHECKS, state="expiring"),
    "certifications.expired": _checks(_CHECKS, state="expired"),
    "certifications.missing": _checks(_CHECKS, state="missing"),
    "certifications.undated": _checks(_CHECKS, state="undated"),
    "alerts.expiringThisWeek": _checks(_CHECKS, band="days0to7"),
    **{f"bands.{band}": _checks(_CHECKS, band=band) for band in
       ("days0to7", "days8to30", "days31to60", "days61to90", "later")},
    "certifications.expiringOn": Rows(
        "compliance", "fleet:certifications:expiring", CHECKS, {}, (*GROUP, "category", "expires_on")
    ),
    "since.lapsed": Rows("compliance", _STATS, CHECKS, {"lapsed_yesterday": True}, ()),
    "since.renewed": Rows("compliance", _STATS, RENEWED, {}, ()),
    "since.requests": Rows(
        "leave", _STATS, REQUESTS, {"status": f"{UNDECIDED},APPROVED,DENIED,WITHDRAWN", "since_yesterday": True}, ()
    ),
    "retirement.overdue": _pilots("retirement", _FORECAST, retirement="overdue"),
    "retirement.years0to2": _pilots("retirement", _FORECAST, retirement="years0to2"),
    "retirement.years2to5": _pilots("retirement", _FORECAST, retirement="years2to5"),
    "retirement.years5to10": _pilots("retirement", _FORECAST, retirement="years5to10"),
    "retirement.later": _pilots("retirement", _FORECAST, retirement="later"),
    "retirement.unknown": _pilots("retirement", _FORECAST, retirement="unknown"),
    "retirement.timeline": Rows("retirement", _FORECAST, PEOPLE, {"active": True}, (*GROUP, "month")),
    "retirement.outlook": Rows("retirement", _FORECAST, PEOPLE, {"active": True}, (*GROUP, "day"), ("below_limit_on",)),
    "succession.captainsLeaving": Rows(
        "retirement", _FORECAST, PEOPLE,
        {"active": True, "rank": "captain", "retirement": "overdue,years0to2,years2to5"}, ("fleet",),
    ),
    **{f"succession.{readiness}": Rows("retirement", _FORECAST, FOLLOWERS, {"readiness": readiness}, ("fleet",))
       for readiness in ("ready", "potential", "developing", "notYet")},
    "leave.onLeaveToday": _pilots("leave", _LEAVE, on_leave=True),
    "leave.pending": _leave(_PENDING, status=UNDECIDED, ahead=True),
    "leave.undecidedStarted": _leave(_PENDING, status=UNDECIDED, begun=True),
    "leave.due": _leave(_PENDING, "period", status=UNDECIDED, ahead=True),
    "leave.overdue": _leave(_PENDING, status=UNDECIDED, ahead=True, overdue=True),
    "leave.approved": _leave("fleet:leave:approved", status="APPROVED", ahead=True),
    "leave.denied": _leave(_LEAVE, status="DENIED", ahead=True),
    **{f"leave.period.{status.lower()}": Rows("leave", _LEAVE, REQUESTS, {"status": status}, ("first", "last"))
       for status in ("SUBMITTED", "IN_REVIEW", "APPROVED", "DENIED")},
    "leave.daysThisMonth": Rows("leave", _LEAVE, DAYS, {}, ("first", "last")),
    "leave.daysByMonth": Rows("leave", _LEAVE, DAYS, {}, ("first", "last", "leave_type")),
    "leave.daysAway": Rows("leave", _LEAVE, DAYS, {}, ("first", "last")),
    "availability.onLeave": Rows("leave", _LEAVE, PEOPLE, {"active": True, "on_leave": True}, (*GROUP, "day")),
    "availability.ifRenewed": Rows(
        "leave", _LEAVE, PEOPLE, {"active": True, "on_leave": False}, (*GROUP, "day"), ("below_limit_on",)
    ),
    "availability.onPaper": Rows(
        "leave", _LEAVE, PEOPLE, {"active": True, "on_leave": False}, (*GROUP, "day"), ("below_limit_on", "valid_on")
    ),
}  # fmt: skip
"""Every figure that counts rows; rates and margins open what they are made of."""


def beside(asked: Behind) -> list[Behind]:
    """The other figures of the same crew on the same day; empty for a figure that is of no day's crew."""
    lines = ("availability.ifRenewed", "availability.onPaper", "availability.onLeave")
    if asked.figure not in lines:
        return []
    given = dict(asked.filters)
    day = date.fromisoformat(given["day"])
    group = {"fleet": given.get("fleet"), "rank": given.get("rank")}
    return [behind(figure, day=day, **group) for figure in lines if figure != asked.figure]


def month_days(first: date) -> dict[str, date]:
    """The first and the last day of a month, given its first."""
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return {"first": first, "last": after - timedelta(days=1)}
