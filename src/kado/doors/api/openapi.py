"""The OpenAPI document that Kado serves: FastAPI's, with security said once for all operations."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

# For operations that need no token: `@router.post(..., openapi_extra=PUBLIC)`.
PUBLIC: Final[dict[str, Any]] = {"security": []}

_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token from `POST /v2/token`, or an API key (`kado_live_…`, `kado_test_…`).",
}


def document(app: FastAPI) -> dict[str, Any]:
    """The document of the app's routes, made once. Every operation needs the bearer unless it is marked `PUBLIC`."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="Kado",
            version=app.version,
            openapi_version=app.openapi_version,
            description="A self-hosted gift card server.",
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            servers=[{"url": "/", "description": "This server"}],
            routes=app.routes,
        )
        made["security"] = [{"bearerAuth": []}]
        made.setdefault("components", {}).setdefault("securitySchemes", {})["bearerAuth"] = _BEARER
        app.openapi_schema = made
    return app.openapi_schema


def install(app: FastAPI) -> None:
    """Let the app serve this document."""
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
