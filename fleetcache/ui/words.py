"""Numbers, days and ages as people write them. What is unknown is a dash, never a zero."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from fleetcache.definitions import RANKS

NO_DATA = "–"
_MARKDOWN = re.compile(r"([\\`*_\[\]<>$:~|])")
LAYER_NAMES = {
    "memory": "Memory",
    "redis": "Redis",
    "materialized_view": "Materialized view",
    "database": "Raw queries",
    "none": "No layer",
}
MISS_NAMES = {
    "absent": "not held",
    "expired": "its time to live was over",
    "changed": "it had changed since",
    "unproven": "not known to be current, for the database had not been asked, or did not answer",
    "lags": "it answered from a database that lagged behind",
    "ahead": "it had changes that the database had lost since",
    "elsewhere": "another database answered than the one that is checked",
    "down": "did not answer",
    "timeout": "took too long to answer",
    "open": "not asked, for it had just failed to answer",
    "loading": "still loading its data after a start",
    "readonly": "a read-only copy, takes no values",
    "full": "out of memory, takes no values",
    "auth": "our user or password is not accepted, or may not do this",
    "moved": "a cluster that was changing, or is not addressed as one",
    "garbled": "gave an answer that is not one of Redis",
    "refused": "refused the command",
    "crowded": "all our connections to it were in use",
    "unreadable": "what it held could not be read",
    "foreign": "what it held was of another key or another version of fleetcache",
    "epoch": "what it held was of another database, or of another life of it",
    "day": "what it held was of another day",
    "NotMigrated": "it is missing: run python -m fleetcache migrate",
    "ViewUnusable": "it is not the one of this program",
    "SourceDown": "PostgreSQL did not answer",
    "BadPayload": "what it gave could not be read",
}
CONDITION_NAMES = {
    "running": "✓ Running",
    "silent": "✕ Silent",
    "open": "✕ Breaker open",
    "untrusted": "▲ Cannot prove its numbers",
}
LEAVE_NAMES = {
    "ANNUAL": "Annual",
    "SICK": "Sick",
    "RDO": "Rostered day off",
    "LSL": "Long service",
    "SDO": "Special day off",
    "COMPASSIONATE": "Compassionate",
    "LWOP": "Without pay",
    "MATERNITY": "Maternity",
}
STATUS_NAMES = {
    "DRAFT": "Draft",
    "SUBMITTED": "Submitted",
    "IN_REVIEW": "In review",
    "APPROVED": "Approved",
    "DENIED": "Denied",
    "WITHDRAWN": "Withdrawn",
}


def plain(text: str) -> str:
    """What people typed, as it is, in a place that reads Markdown."""
    return _MARKDOWN.sub(r"\\\1", text)


def number(value: int | None) -> str:
    """12,345, or a dash."""
    return NO_DATA if value is None else f"{value:,}"


def percent(value: float | None) -> str:
    """94.5 %, or a dash where there is nothing to divide by."""
    return NO_DATA if value is None else f"{value:.1f} %"


def plural(n: int, one: str, many: str | None = None) -> str:
    """“1 pilot”, “3 pilots”."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def day(value: date | None) -> str:
    """23 Nov 2026, or a dash."""
    return NO_DATA if value is None else f"{value.day} {value:%b %Y}"


def short_day(value: date) -> str:
    """Mon 23 Nov."""
    return f"{value:%a} {value.day} {value:%b}"


def age(seconds: float | None) -> str:
    """“just now”, “14 s”, “3 min”, “2 h”, “5 d”, or a dash."""
    if seconds is None:
        return NO_DATA
    if seconds < 2:
        return "just now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def ago(seconds: float | None) -> str:
    """“just now”, “14 s ago”."""
    text = age(seconds)
    return text if text in ("just now", NO_DATA) else f"{text} ago"


def milliseconds(seconds: float | None) -> str:
    """0.42 ms, 12 ms, below a tenth of one 84 µs, or a dash."""
    if seconds is None:
        return NO_DATA
    value = seconds * 1000
    if value < 0.1:
        return f"{value * 1000:.0f} µs" if value >= 0.001 else "under 1 µs"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.2f} ms"


def miss(reason: str) -> str:
    """Why a layer could not give or keep a value."""
    word = reason.removeprefix("not stored: ")
    name = MISS_NAMES.get(word, word)
    return name if word == reason else f"what was loaded could not be kept there: {name}"


def behind(as_of: date | None, seconds: float | None, *, current: bool) -> str:
    """Whether the view has every change, or for how long it has been without one."""
    if as_of is None:
        return NO_DATA
    if not current and seconds is None:
        return "not current"
    return "unchanged since" if seconds is None else f"{age(max(seconds, 2.0))} behind"


def size(value: int | None) -> str:
    """512 B, 1.2 MB, or a dash."""
    if value is None:
        return NO_DATA
    amount = float(value)
    for unit in ("B", "KB", "MB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GB"


def group(fleet: str, rank: str) -> str:
    """A330-200 captains."""
    return f"{fleet} {RANKS[rank].lower()}s"


STRENGTH_NAMES = {"ok": "✓ ok", "watch": "▲ watch", "short": "✕ short"}
COVER_NAMES = {"ok": "✓ covered", "watch": "▲ nearly covered", "short": "✕ not covered"}
COMPLIANCE_NAMES = {
    "compliant": "✓ Compliant",
    "unproven": "? Unproven",
    "non_compliant": "✕ Not compliant",
    "inactive": "○ Inactive",
}
CHECK_NAMES = {
    "expired": "✕ Expired",
    "missing": "○ Missing",
    "undated": "? Undated",
    "expiring": "▲ Expiring",
    "current": "✓ Current",
}
LIMIT_NAMES = {"overdue": "✕ Past the limit", "ahead": "○ Ahead"}
READINESS_NAMES = {
    "ready": "✓ Ready",
    "potential": "▲ Potential",
    "developing": "○ Developing",
    "notYet": "– Not yet",
}


def lapsing(day: date, count: int, categories: Sequence[tuple[str, int]]) -> str:
    """One day of the expiry calendar, in lines for a tooltip."""
    head = f"<b>{short_day(day)}</b>: {plural(count, 'expires', 'expire') if count else 'nothing expires'}"
    return "<br>".join([head, *(f"{name}: {n:,}" for name, n in categories)])
