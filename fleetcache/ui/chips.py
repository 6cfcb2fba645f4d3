"""Which colour a state has; a word or a shape says it too."""

from __future__ import annotations

from typing import Literal

Color = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "grey", "primary"]

STATE_CHIPS: dict[str, Color] = {
    "ok": "green",
    "watch": "orange",
    "short": "red",
    "compliant": "green",
    "unproven": "orange",
    "non_compliant": "red",
    "overdue": "red",
    "expired": "red",
    "missing": "red",
    "undated": "orange",
    "expiring": "orange",
    "current": "green",
    "ready": "green",
    "potential": "blue",
    "running": "green",
    "silent": "red",
    "open": "red",
    "untrusted": "orange",
}
