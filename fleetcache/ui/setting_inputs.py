"""One input for each kind of setting."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import available_timezones

import pyarrow as pa
import streamlit as st

from fleetcache.catalogue import CATALOGUE

NAMES = {
    "retirement_age": "Retirement age",
    "fleet_time_zone": "Fleet time zone",
    "roster_anchor": "Roster anchor: first day",
    "roster_anchor_period": "Roster anchor: number of the period",
    "roster_anchor_year": "Roster anchor: year of the period",
    "roster_days": "Days in a roster period",
    "roster_periods_per_year": "Roster periods in a year",
    "request_deadline_days": "Leave requests close, days before the period",
    "publication_days": "Roster published, days before the period",
    "pilots_per_training_captain": "Pilots per training captain",
    "pilots_per_examiner": "Pilots per examiner",
    "succession_ready_service": "Ready for command: years of service",
    "succession_ready_age": "Ready for command: age",
    "succession_potential_service": "Potential: years of service",
    "succession_potential_age": "Potential: age",
    "succession_developing_service": "Developing: years of service",
    "reminder_thresholds": "Reminders, days before expiry",
    "ttl_overrides": "Times to live of cached values",
}


def shown(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {seconds} s" for name, seconds in value.items()) or "none"
    return str(value)


def ask(name: str, value: Any) -> Any:
    """The input for a setting, filled with what it is; the new value."""
    label, key = NAMES.get(name, name), f"setting-{name}"
    if name == "fleet_time_zone":
        zones = sorted({*available_timezones(), value})
        return st.selectbox(label, zones, index=zones.index(value), key=key)
    if name == "roster_anchor" and (day := _day(value)) is not None:
        chosen = st.date_input(label, day, key=key, format="YYYY-MM-DD")
        return chosen.isoformat() if isinstance(chosen, date) else value
    if name == "reminder_thresholds":
        typed = st.text_input(label, shown(value), key=key, help="Whole numbers that rise, with commas between.")
        return [int(part) if part.strip().isdigit() else part.strip() for part in typed.split(",")]
    if name == "ttl_overrides":
        st.caption(f"{label}, in seconds; the built-in ones stand for keys without a row here.")
        columns = pa.schema({"Key": pa.string(), "Seconds": pa.float64()})
        rows = pa.Table.from_pylist([{"Key": one, "Seconds": seconds} for one, seconds in value.items()], columns)
        edited = st.data_editor(
            rows,
            key=key,
            num_rows="dynamic",
            hide_index=True,
            column_config={
                "Key": st.column_config.SelectboxColumn(options=list(CATALOGUE), required=True),
                "Seconds": st.column_config.NumberColumn(required=True, min_value=1, max_value=86400),
            },
        )
        return {row["Key"]: row["Seconds"] for row in edited.to_pylist()}
    if isinstance(value, int):
        return int(st.number_input(label, value=value, step=1, key=key))
    return st.text_input(label, str(value), key=key)


def _day(value: Any) -> date | None:
    """A day as PostgreSQL took it, which takes more than one way of writing one."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None
