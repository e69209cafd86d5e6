"""A device becomes a till, and people sign in at it, each with their PIN."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from kado.access import pins, terminals, till_sessions
from kado.access.till_store import Place, Terminal
from kado.audit.origin import origin
from kado.doors.pos.respond import (
    PERSON_COOKIE,
    Known,
    Screen,
    forget,
    keep,
    keep_device,
    onward,
    reader_of,
    shown,
)
from kado.doors.pos.rooms import Rooms
from kado.doors.pos.stand import Stand
from kado.errors import Refusal, Unavailable
from kado.programs import find as programs
from kado.web import forms

_ENROL: Final = "/pos/enrol"
_SIGN_IN: Final = "/pos/sign-in"
_PIN: Final = "/pos/pin"


def stale() -> Refusal:
    """The form was made a day ago, or by somebody else."""
    return Refusal("stale", "This page had been open for a long time. Please try once more.")


async def outside(rooms: Rooms, request: Request, terminal: Terminal | None) -> Response:
    """What a device shows where nobody is signed in."""
    asked = request.method == "POST"
    if terminal is None:
        return _enrolment(rooms, request, status=401 if asked else 200, known="signed-out" if asked else None)
    return await _sign_in_page(rooms, request, terminal, known="signed-out" if asked else None)


async def show_enrolment(rooms: Rooms, request: Request, terminal: Terminal | None) -> Response:
    """The page on which a device becomes a till."""
    return onward("/pos") if terminal is not None else _enrolment(rooms, request)


async def enrol(rooms: Rooms, request: Request, terminal: Terminal | None) -> Response:
    """First who one is, or a code; then, where the code does not say it, what this till is called and where it is."""
    if terminal is not None:
        return onward("/pos")
    fields = await forms.fields_of(request)
    try:
        _require_own(rooms, _ENROL, fields)
        code = fields.get("code", "")
        if not code:
            made = await terminals.code_for_person(
                rooms.database,
                rooms.keyring,
                fields.get("email", ""),
                fields.get("password", ""),
                fields.get("second", ""),
                origin().address or "",
            )
            return await _ask_place(rooms, request, made.code, fields)
        place = _place_in(fields)
        if place is None and await terminals.merchant_of_code(rooms.database, code) is not None:
            return await _ask_place(rooms, request, code, fields)
        enrolled = await terminals.enrol(rooms.database, rooms.keyring, code, origin().address or "", place)
    except Unavailable:
        raise
    except Refusal as refusal:
        if fields.get("place") and refusal.loc is not None:
            return await _ask_place(rooms, request, fields.get("code", ""), fields, refusal)
        return _enrolment(rooms, request, refusal, fields)
    response = onward("/pos")
    keep_device(rooms, response, enrolled.token)
    forget(rooms, response, PERSON_COOKIE)
    return response


async def sign_in(rooms: Rooms, request: Request, terminal: Terminal | None) -> Response:
    """A name and its PIN."""
    if terminal is None:
        return await outside(rooms, request, None)
    fields = await forms.fields_of(request)
    try:
        _require_own(rooms, _SIGN_IN, fields)
        pin = fields.get("pin", "")
        opened = await pins.sign_in(rooms.database, rooms.keyring, terminal, fields.get("who", ""), pin)
    except Unavailable:
        raise
    except Refusal as refusal:
        return await _sign_in_page(rooms, request, terminal, refusal, fields.get("who", ""))
    response = onward("/pos")
    keep(rooms, response, PERSON_COOKIE, opened.token, None)
    return response


async def lock(stand: Stand) -> Response:
    """Nobody is signed in any more."""
    await forms.fields_of(stand.request)
    await till_sessions.lock(stand.rooms.database, stand.standing)
    response = onward("/pos")
    forget(stand.rooms, response, PERSON_COOKIE)
    return response


async def show_pin_form(rooms: Rooms, request: Request, terminal: Terminal | None) -> Response:
    """Where somebody gives themself a PIN."""
    return _pin_page(rooms, request) if terminal is not None else await outside(rooms, request, None)


async def set_pin(rooms: Rooms, request: Request, terminal: Terminal | None) -> Response:
    """A PIN of one's own, for who has shown email, password and second factor."""
    if terminal is None:
        return await outside(rooms, request, None)
    fields = await forms.fields_of(request)
    try:
        _require_own(rooms, _PIN, fields)
        person = await terminals.prove_person(
            rooms.database,
            rooms.keyring,
            fields.get("email", ""),
            fields.get("password", ""),
            fields.get("second", ""),
            origin().address or "",
        )
        pin, database = fields.get("pin", ""), rooms.database
        # Somebody of another shop proves nothing here: the person is not one of this device's merchant.
        await pins.set_pin(database, rooms.keyring, terminal.merchant_id, person.id, pin, f"staff:{person.id}")
    except Unavailable:
        raise
    except Refusal as refusal:
        return _pin_page(rooms, request, refusal, fields.get("email", ""))
    return onward("/pos")


def _require_own(rooms: Rooms, address: str, fields: Mapping[str, str]) -> None:
    if not forms.is_own(rooms.keyring, address, fields.get("form", "")):
        raise stale()


def _place_in(fields: Mapping[str, str]) -> Place | None:
    if not fields.get("place"):
        return None
    return Place(fields.get("program", ""), fields.get("name", ""), fields.get("location", ""), terminals.IDLE_MINUTES)


def _enrolment(
    rooms: Rooms,
    request: Request,
    problem: Refusal | None = None,
    fields: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    known: Known | None = None,
) -> Response:
    facts = {
        "token": forms.token_for(rooms.keyring, _ENROL),
        "problem": problem,
        "email": (fields or {}).get("email", ""),
        "needs_second": problem is not None and problem.code in ("second_factor_needed", "wrong_code"),
    }
    screen = Screen("enrol", facts, problem.status if problem else status, known, problem.headers if problem else {})
    return shown(rooms, screen, reader_of(request))


async def _ask_place(
    rooms: Rooms, request: Request, code: str, fields: Mapping[str, str], problem: Refusal | None = None
) -> Response:
    merchant_id = await terminals.merchant_of_code(rooms.database, code)
    reachable = [] if merchant_id is None else await programs.list_reachable(rooms.database, merchant_id)
    facts = {
        "token": forms.token_for(rooms.keyring, _ENROL),
        "problem": problem,
        "field": problem.loc[-1] if problem is not None and problem.loc else "",
        "code": code,
        "programs": reachable,
        "typed": {name: fields.get(name, "") for name in ("name", "location", "program")},
    }
    status = 200 if problem is None else problem.status
    return shown(rooms, Screen("place", facts, status), reader_of(request))


async def _sign_in_page(
    rooms: Rooms,
    request: Request,
    terminal: Terminal,
    problem: Refusal | None = None,
    who: str = "",
    known: Known | None = None,
) -> Response:
    program = await programs.get(rooms.database, terminal.program_id)
    visitor = reader_of(request) if program is None else reader_of(request, program.language)
    facts = {
        "token": forms.token_for(rooms.keyring, _SIGN_IN),
        "terminal": terminal,
        "program": program,
        "people": await pins.colleagues(rooms.database, terminal.merchant_id),
        "problem": problem,
        "who": who,
    }
    status = problem.status if problem is not None else 401 if known else 200
    headers = {name: value for name, value in (problem.headers if problem else {}).items() if name == "Retry-After"}
    return shown(rooms, Screen("sign_in", facts, status, known, headers), visitor)


def _pin_page(rooms: Rooms, request: Request, problem: Refusal | None = None, email: str = "") -> Response:
    facts = {
        "token": forms.token_for(rooms.keyring, _PIN),
        "problem": problem,
        "email": email,
        "needs_second": problem is not None and problem.code in ("second_factor_needed", "wrong_code"),
    }
    return shown(rooms, Screen("pin", facts, problem.status if problem else 200), reader_of(request))
