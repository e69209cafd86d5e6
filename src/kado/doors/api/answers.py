"""How a "no" looks on the wire: one shape for refusals, one for fields that are wrong, and never a word too much."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from kado.errors import Refusal
from kado.observability.meters import REFUSALS

Rendered = tuple[int, bytes, dict[str, str]]

# Decimals are written digit for digit: 9500.00 stays 9500.00 and is still a JSON number.
encode: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode

# Members whose value is never sent back: who can read an error (a log, a proxy, a screenshot) may not spend a card.
SECRET: Final = frozenset(
    {
        "appToken",
        "authorization",
        "captchaToken",
        "cardNumber",
        "cardNumbers",
        "client_secret",
        "code",
        "customerEmail",
        "customerName",
        "customerPhone",
        "destinationCardNumber",
        "email",
        "newOwnerEmail",
        "newOwnerName",
        "passSid",
        "password",
        "pendingToken",
        "phone",
        "q",
        "secret",
        "securityCode",
        "sessionToken",
        "sharedSecret",
        "target",
        "token",
        "url",
        "username",
    }
)
STANDARD: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    # Should a browser ever take an answer for a page: it loads and runs nothing, and no other site frames or reads it.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer, unless it has its own."""

_SHOWN_MAX: Final = 64
_ERRORS_MAX: Final = 50

_CODES: Final = {
    400: ("bad_request", "The request could not be read."),
    401: ("unauthenticated", "A valid bearer token is required."),
    403: ("forbidden", "You may not do this."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not answer to this method."),
    413: ("body_too_large", "The body is too large."),
    415: ("unsupported_media_type", "The body is not of a type that is read here."),
    500: ("internal_error", "Something went wrong on our side; it has been logged under the request id."),
}


def render(refusal: Refusal) -> Rendered:
    """Status, body and headers of a refusal. One that names a field (`loc`) has the shape of a validation error too.

    Its code stands beside the list of errors as well, so that a program finds it where it finds every other code.
    """
    REFUSALS.add((refusal.code,))
    headers = {"Content-Type": "application/json", **refusal.headers}
    if refusal.status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if refusal.loc is not None:
        error = {"loc": refusal.loc, "msg": refusal.detail, "type": refusal.code, "ctx": refusal.members}
        return refusal.status, encode({"detail": [_field_error(error)], "code": refusal.code}), headers
    body = encode({"detail": refusal.detail, "code": refusal.code, **refusal.members})
    return refusal.status, body, headers


def plain(status: int, headers: Mapping[str, str] | None = None) -> Rendered:
    """An answer that a status says enough for: nothing here, wrong method, our own fault."""
    code, detail = _CODES.get(status, ("http_error", "The request cannot be answered."))
    REFUSALS.add((code,))
    body = encode({"detail": detail, "code": code})
    return status, body, {"Content-Type": "application/json", **(headers or {})}


# ── fields that are wrong ──────────────────────────────────────────────────────────────────────────────────────────


def validation_body(errors: Iterable[Mapping[str, Any]]) -> bytes:
    """`{"detail": [...]}` of the first fifty errors; what was sent is shown only where short, plain and no secret."""
    REFUSALS.add(("validation_error",))
    return encode({"detail": [_field_error(error) for error in islice(errors, _ERRORS_MAX)]})


def _field_error(error: Mapping[str, Any]) -> dict[str, Any]:
    loc = list(error["loc"])
    shown: dict[str, Any] = {"loc": loc, "msg": error["msg"], "type": error["type"]}
    if "input" in error and _may_show(loc, error["input"]):
        shown["input"] = error["input"]
    if error.get("ctx"):
        shown["ctx"] = {name: value if _is_plain(value) else str(value) for name, value in error["ctx"].items()}
    return shown


def _may_show(loc: list[str | int], value: object) -> bool:
    """Headers are never shown, they carry tokens; neither is anything at or below a secret member."""
    return loc[:1] != ["header"] and SECRET.isdisjoint(loc) and _is_plain(value)


def _is_plain(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return value.bit_length() <= 64
    if isinstance(value, Decimal):
        return value.is_finite() and len(str(value)) <= _SHOWN_MAX
    return isinstance(value, str) and len(value) <= _SHOWN_MAX


# ── FastAPI ────────────────────────────────────────────────────────────────────────────────────────────────────────


def install(app: FastAPI) -> None:
    """Let the app answer every "no" in these shapes, unknown addresses and its own faults included."""
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(Exception, _on_fault)


def _response(rendered: Rendered) -> Response:
    status, body, headers = rendered
    return Response(body, status, headers)


async def _on_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return Response(validation_body(error.errors()), 422, media_type="application/json")


async def _on_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _response(render(error))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Raised by the framework: no route, no such method, a form that cannot be read."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return _response(plain(error.status_code, headers))


def _methods(request: Request) -> list[str]:
    """Every method the address answers to; the framework names only those of the first route."""

    def answers_to(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") if answers_to(method)]


async def _on_fault(_: Request, __: Exception) -> Response:
    """The exception itself goes on to the gate, which logs it."""
    return _response(plain(500))
