"""What people and files send, checked field by field before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from fleetcache.errors import Invalid

M = TypeVar("M", bound=BaseModel)

# In the words of people, not of the library.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this",
    "string_too_short": "is empty",
    "string_type": "is not a text",
    "date_from_datetime_parsing": "is not a day; write it as 2026-12-24",
    "date_parsing": "is not a day; write it as 2026-12-24",
    "date_type": "is not a day; write it as 2026-12-24",
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "bool_parsing": "is neither yes nor no",
    "bool_type": "is neither yes nor no",
}


def checked(form: type[M], given: Mapping[str, Any], *, context: Any = None) -> M:
    """``given`` as a form, judged in a ``context`` that its rules know. Raises Invalid with the fault of every
    field, none of them of the first only."""
    try:
        return form.model_validate(given, context=context)
    except ValidationError as error:
        raise Invalid(faults=dict(map(_fault, error.errors()))) from error


def words(fault: Any) -> str:
    """What is wrong with one value, in words."""
    if fault["type"] == "literal_error":
        return f"is none of {fault['ctx']['expected']}"
    if fault["type"] == "string_too_long":
        return f"has more than {fault['ctx']['max_length']} characters"
    return _WORDS.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")


def _fault(fault: Any) -> tuple[str, str]:
    """The field and what is wrong with it; a rule over several fields names its field itself."""
    said = words(fault)
    if fault["loc"]:
        return ".".join(map(str, fault["loc"])), said
    field, _, rest = said.partition(": ")
    return (field, rest) if rest else ("", said)
