"""Reference data: the kinds of checks and contracts, and the house's settings."""

from __future__ import annotations

from typing import Any

from fleetcache.figures.shape import Shape


class CheckType(Shape, frozen=True):
    """One kind of check and the rule by which it lapses; validity and windows in their units."""

    code: str
    name: str
    category: str
    position: int
    never_expires: bool
    validity: int | None
    validity_unit: str
    counted_from: str
    renewal_window: int | None
    window_unit: str
    age_limit: int | None
    validity_from_age: int | None


class CheckTypes(Shape, frozen=True):
    """``ref:check_types``, in the order of the matrix."""

    check_types: tuple[CheckType, ...]


class ContractType(Shape, frozen=True):
    """One kind of contract; ``days_on`` and ``days_off`` for those that rotate."""

    code: str
    name: str
    days_on: int | None
    days_off: int | None


class ContractTypes(Shape, frozen=True):
    """``ref:contract_types``."""

    contract_types: tuple[ContractType, ...]


class Setting(Shape, frozen=True):
    """One editable setting; ``value`` is a JSON number, string, array or object."""

    name: str
    value: Any
    description: str


class Settings(Shape, frozen=True):
    """``ref:settings``."""

    settings: tuple[Setting, ...]
