"""What routes say they may answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from fleetcache.web.shapes import Refusal

MEANINGS = {
    400: "The request cannot be used; nothing was done.",
    401: "Nobody is signed in, or the token is not good.",
    403: "The role does not allow it, or another site asks with the cookie of the pages.",
    404: "There is no such thing.",
    405: "Not this method; Allow names those there are.",
    408: "The body did not come within 10 s.",
    409: "It has changed since it was shown, or another instance is at it; nothing was done.",
    413: "The body is larger than 64 KiB.",
    429: "Too often; Retry-After says when to ask again.",
    503: "It could not be done now.",
}


BY = {
    "X-Fleetcache-Instance": {
        "description": "The instance that answered.", "required": True, "schema": {"type": "string"}
    }
}  # fmt: skip
"""The header of every answer."""


def answers(model: Any, *statuses: int, **more: Any) -> dict[int | str, dict[str, Any]]:
    """The answers of a route: its 200, and errors beside those that every route has."""
    errors: dict[int | str, dict[str, Any]] = {
        status: {"model": Refusal, "description": MEANINGS[status], "headers": {**BY}}
        for status in sorted({400, 401, 403, 404, 405, 408, 413, 503, *statuses})
    }
    errors[405]["headers"] |= {"Allow": {"description": "Methods.", "schema": {"type": "string"}}}
    if 429 in errors:
        errors[429]["headers"] |= {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return {200: {"model": model, "description": "Done.", "headers": BY, **more}, **errors}


def body(model: type[BaseModel]) -> dict[str, Any]:
    """The body of a route that reads it by itself, after it knows who asks."""
    content = {"application/json": {"schema": model.model_json_schema(by_alias=True)}}
    return {"requestBody": {"required": True, "content": content}}
