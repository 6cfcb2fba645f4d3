"""Calendar arithmetic on whole arrays of days (numpy datetime64[D]; NaT stands for "no day")."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.datetime64]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Column = NDArray[Any]

NO_DAY = np.datetime64("NaT", "D")


def add_days(days: Days, count: Ints | int) -> Days:
    """The days moved by a number of days (forward when positive)."""
    return np.asarray(days + np.asarray(count).astype("timedelta64[D]"))


def days_between(first: Days | np.datetime64, second: Days | np.datetime64) -> Ints:
    """Days from ``first`` to ``second``; the arguments must not hold NaT."""
    return np.asarray((second - first) / np.timedelta64(1, "D")).astype(np.int64)


def month_start(days: Days) -> Days:
    """The first day of each day's month."""
    return days.astype("datetime64[M]").astype("datetime64[D]")


def month_end(days: Days) -> Days:
    """The last day of each day's month."""
    following = days.astype("datetime64[M]") + np.timedelta64(1, "M")
    return np.asarray(following.astype("datetime64[D]") - np.timedelta64(1, "D"))


def add_months(days: Days, months: Ints | int) -> Days:
    """The same day some calendar months later; a day the month lacks becomes its last day."""
    moved = days.astype("datetime64[M]") + np.asarray(months).astype("timedelta64[M]")
    day_of_month = days - month_start(days)
    first = moved.astype("datetime64[D]")
    last = (moved + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    return np.asarray(np.minimum(first + day_of_month, last))


def birthday(born: Days, age: int) -> Days:
    """The day each person turns ``age``; 29 February becomes 1 March in a common year."""
    month = born.astype("datetime64[M]") + np.timedelta64(12 * age, "M")
    return np.asarray(month.astype("datetime64[D]") + (born - month_start(born)))
