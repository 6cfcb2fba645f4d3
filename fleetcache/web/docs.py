"""The OpenAPI document, and a page to read it on; nothing of it comes from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from fleetcache.access import demo
from fleetcache.web.said import BY, MEANINGS
from fleetcache.web.shapes import Alive, Ready, Refusal

ASSETS = Path(fastapi_offline.__file__).parent / "static"
COOKIE = "_streamlit_user"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fleetcache API</title>
<link rel="stylesheet" href="/api/docs/assets/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/api/docs/assets/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""
_START = (
    'SwaggerUIBundle({url: "/api/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null});\n'
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def _says(schema: dict[str, Any], meaning: str, kind: str = "application/json") -> dict[str, Any]:
    return {"description": meaning, "headers": BY, "content": {kind: {"schema": schema}}}


_READY, _REFUSAL = Ready.model_json_schema(), Refusal.model_json_schema()
_STRANGER = _says(_REFUSAL, "The demo is for its own machine only.")
_BESIDE: dict[str, dict[str, Any]] = {
    "/healthz": {
        "summary": "Alive",
        "tags": ["probes"],
        "responses": {"200": _says(Alive.model_json_schema(), "Alive."), "403": _STRANGER},
    },
    "/readyz": {
        "summary": "Whether any answer can be given",
        "tags": ["probes"],
        "responses": {"200": _says(_READY, "Yes."), "403": _STRANGER, "503": _says(_READY, "No.")},
    },
    "/metrics": {
        "summary": "The figures of this instance, for Prometheus",
        "description": "For any token; without one, for this machine itself.",
        "tags": ["probes"],
        "security": [{"token": []}, {}],
        "responses": {
            "200": _says({"type": "string"}, "Done.", "text/plain"),
            "401": _says(_REFUSAL, MEANINGS[401]),
            "403": _STRANGER,
            "503": _says(_REFUSAL, MEANINGS[503]),
        },
    },
}
"""What stands beside the API, on the same port."""


def add(api: FastAPI) -> None:
    """Give the API its document under ``/openapi.json`` and its page under ``/docs``."""

    @api.get("/docs", include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    @api.get("/docs/start.js", include_in_schema=False)
    def start() -> Response:
        return Response(_START, media_type="text/javascript")

    api.mount("/docs/assets", StaticFiles(directory=ASSETS))

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _document(api)
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]  # as FastAPI's documentation has it


def _document(api: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=api.title,
        version=api.version,
        description=api.description,
        routes=api.routes,
        servers=api.servers,
        separate_input_output_schemas=False,
    )
    parts = found["components"]
    parts["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "Made with `python -m fleetcache token create`.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "Of whoever is signed in with the provider.",
        },
        "demo": {
            "type": "apiKey",
            "in": "cookie",
            "name": demo.COOKIE,
            "description": "Of whoever is signed in to the demo.",
        },
    }
    schemes: list[dict[str, list[str]]] = [{name: []} for name in parts["securitySchemes"]]
    for path in found["paths"].values():
        for operation in path.values():
            operation["summary"] = operation["description"].partition(". ")[0].rstrip(".").replace("\n", " ")
            operation["security"] = schemes
            # FastAPI's own word for what is refused; ours is 400.
            operation["responses"].pop("422", None)
    for unused in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(unused, None)
    found["paths"] |= {path: {"servers": [{"url": "/"}], "get": operation} for path, operation in _BESIDE.items()}
    return found
