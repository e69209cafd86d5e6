"""Signing in and out: a password, then a second factor where the person has one."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from kado.access import first_setup, sessions, sign_in
from kado.access.sign_in import Pending, SignedIn
from kado.audit.origin import origin
from kado.doors.console import cookie
from kado.doors.console.page import ROOT
from kado.doors.console.respond import in_words, plain, to
from kado.doors.console.rooms import Rooms
from kado.doors.console.visit import SIGN_IN, STALE, Visit, language_of
from kado.errors import Forbidden, Refusal
from kado.web import forms

_NEXT_MAX: Final = 500


async def show(rooms: Rooms, request: Request) -> Response:
    """The form; whoever is signed in already is shown on."""
    token = cookie.token_in(request)
    if token is not None:
        try:
            await rooms.access.authenticate(f"Bearer {token}")
            return to(_further(request.query_params.get("next", "")))
        except Refusal:
            pass
    if await first_setup.is_open(rooms.database):
        return to(f"{ROOT}/setup")
    return _form(rooms, request, {"next": request.query_params.get("next", "")})


async def enter(rooms: Rooms, request: Request) -> Response:
    """The first half or the second, whichever the form is."""
    fields = await forms.fields_of(request)
    if not forms.is_own(rooms.keyring, SIGN_IN, fields.get("form", "")):
        return _form(rooms, request, fields, _stale())
    address = origin().address or ""
    pending = fields.get("pending", "")
    try:
        if pending:
            opened: SignedIn | Pending = await sign_in.with_code(
                rooms.database, rooms.keyring, pending, fields.get("code", "").strip(), address
            )
        else:
            opened = await sign_in.with_password(
                rooms.database, rooms.keyring, fields.get("email", ""), fields.get("password", ""), address
            )
    except Refusal as refusal:
        is_over = refusal.code == "invalid_pending_token"
        return _form(rooms, request, {**fields, "pending": "" if is_over else pending}, refusal)
    if isinstance(opened, Pending):
        return _form(rooms, request, {**fields, "pending": opened.token})
    response = to(_further(fields.get("next", "")))
    cookie.keep_token(response, rooms.settings, opened.token)
    return response


async def leave(visit: Visit) -> Response:
    """End this sign-in, here and for every other server."""
    rooms, caller = visit.rooms, visit.caller
    assert caller.sign_in_id is not None, "whoever has a page signed in"
    await sessions.end(rooms.database, caller.merchant_id, caller.sign_in_id, caller.subject, "staff", caller.person_id)
    rooms.access.forget_person(visit.person.id)
    response = to(SIGN_IN)
    cookie.forget_token(response, rooms.settings)
    return response


def _form(rooms: Rooms, request: Request, fields: Any, refusal: Refusal | None = None) -> Response:  # noqa: ANN401
    facts = {
        "email": fields.get("email", ""),
        "next": fields.get("next", "")[:_NEXT_MAX],
        "pending": fields.get("pending", ""),
        "token": forms.token_for(rooms.keyring, SIGN_IN),
        "problem": None if refusal is None else in_words(refusal, language_of(request)),
    }
    status, more = (200, {}) if refusal is None else (refusal.status, refusal.headers)
    kept = {name: value for name, value in more.items() if name == "Retry-After"}
    return plain(request, "sign_in.html", facts, status=status, more=kept)


def _further(wanted: str) -> str:
    """Where to go then: a page of the console, and no other address that somebody put into a link."""
    is_ours = wanted.startswith(f"{ROOT}/") and wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if is_ours and len(wanted) <= _NEXT_MAX else ROOT


def _stale() -> Forbidden:
    return Forbidden(STALE, "This form was open for too long; nothing was done.")
