"""The OpenAPI document that Kado serves: FastAPI's, with security and refusals said once for all operations."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from kado.doors.api.visit import SessionTokens

# For operations that need no token: `@router.post(..., openapi_extra=PUBLIC)`.
PUBLIC: Final[dict[str, Any]] = {"security": []}

_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token from `POST /v2/token`, or an API key (`kado_live_…`, `kado_test_…`).",
}

# What `answers.render` writes. Further members are facts about the refusal, such as `availableBalance`.
_REFUSAL: Final = {
    "type": "object",
    "title": "Refusal",
    "description": "Why not: a sentence for people, a code for programs, and facts beside them.",
    "properties": {
        "detail": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/components/schemas/ValidationError"}}],
            "title": "Detail",
        },
        "code": {"type": "string", "title": "Code"},
    },
    "required": ["detail", "code"],
    "additionalProperties": True,
}

_REFUSALS: Final = {
    400: "What the card or the program says forbids it.",
    401: "No proof of who is asking, or one that is not valid.",
    403: "The caller may not do this.",
    404: "There is nothing here that you may see.",
    408: "The body was not complete in time.",
    409: "It conflicts with something that happens at the same time or has happened already.",
    413: "The body is too large.",
    415: "The body is not of a type that is read here.",
    422: "The body is not JSON, or a field is wrong.",
    429: "Too many requests or failed tries; `Retry-After` says when to come back.",
    431: "The headers are too large.",
    503: "Try again with the same idempotency key; `Retry-After` says when.",
}


# As FastAPI describes it at every operation with parameters.
_INVALID: Final = {
    "description": "Validation Error",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/HTTPValidationError"}}},
}


def _refusals() -> dict[str, Any]:
    """The refusals as components, by name."""
    plain = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    invalid = {"application/json": {"schema": {"$ref": "#/components/schemas/HTTPValidationError"}}}
    return {
        f"Refused{status}": {"description": text, "content": invalid if status == 422 else plain}
        for status, text in _REFUSALS.items()
    }


def _with_refusals(responses: dict[str, Any]) -> dict[str, Any]:
    """An operation's responses with every refusal that it does not describe itself."""
    more = {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in _REFUSALS}
    return {**responses, **{status: refusal for status, refusal in more.items() if status not in responses}}


def _add_session_tokens(paths: dict[str, Any], routes: Sequence[BaseRoute]) -> None:
    """The headers with the tokens of sessions, at the operations that look at them."""
    for route in routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        asked = [one.dependency.headers for one in route.dependencies if isinstance(one.dependency, SessionTokens)]
        for method in (route.methods or ()) if asked else ():
            operation = paths[route.path_format][method.lower()]
            operation.setdefault("parameters", []).extend(_token(name) for headers in asked for name in headers)
            operation["responses"].setdefault("422", _INVALID)


def _token(name: str) -> dict[str, Any]:
    schema = {"anyOf": [{"type": "string"}, {"type": "null"}], "title": name}
    return {"name": name, "in": "header", "required": False, "schema": schema}


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
        _add_session_tokens(made["paths"], app.routes)
        made["security"] = [{"bearerAuth": []}]
        components = made.setdefault("components", {})
        components.setdefault("securitySchemes", {})["bearerAuth"] = _BEARER
        components["responses"] = _refusals()
        components["schemas"]["Refusal"] = _REFUSAL
        for operation in (one for methods in made["paths"].values() for one in methods.values()):
            operation["responses"] = _with_refusals(operation["responses"])
        app.openapi_schema = made
    return app.openapi_schema


def install(app: FastAPI) -> None:
    """Let the app serve this document."""
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
