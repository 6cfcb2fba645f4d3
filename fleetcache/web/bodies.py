"""The JSON that is sent, checked."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from fleetcache.errors import Invalid

M = TypeVar("M", bound=BaseModel)


def parsed(request: Request, model: type[M]) -> M:
    """The body of a request, which ``identity.needs`` has read. Raises Invalid."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Invalid("The body has to be JSON, and said to be: Content-Type: application/json.")
    try:
        json.loads(request.state.body, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is not JSON.") from error
    try:
        return model.model_validate_json(request.state.body)
    except ValidationError as error:
        fault = error.errors()[0]
        if fault["type"] == "json_invalid":
            raise Invalid("The body is not JSON.") from error
        field = ".".join(map(str, fault["loc"])) or "The body"
        words = "is not a field of this" if fault["type"] == "extra_forbidden" else fault["msg"]
        raise Invalid(f"{field[:100]}: {words}.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose fields are each there once: of two, readers would take a different one each."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("The body has the same field more than once.")
    return found
