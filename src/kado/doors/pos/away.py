"""What a till does about takes without a line: it is given an allowance while it has one, and settles when it is back.

The script keeps both. Settling needs the device alone, and nobody signed in at it: sign-ins end while the line is away.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kado.access import terminals
from kado.audit.origin import origin
from kado.cards.offline import allowance
from kado.cards.offline.settle import CLAIMS_MAX, Claim, Settled, Settling, claims_of, settle
from kado.clock import EPOCH
from kado.doors.pos.respond import DEVICE_COOKIE, Screen, reader_of, shown, sorry, why
from kado.doors.pos.rooms import Rooms
from kado.doors.pos.stand import Stand
from kado.errors import Forbidden, Invalid, Refusal, Unauthenticated
from kado.languages import tell
from kado.languages.choose import Language
from kado.languages.say import words
from kado.programs import find as programs
from kado.programs.program import Program
from kado.web import forms
from kado.web.security import STANDARD

_TAKES_MAX: Final = 2048 * CLAIMS_MAX
_TOKEN_MAX: Final = 2048
_NOT_OURS: Final = "kept"
"""Of a take that cannot be settled here, and that the device keeps until somebody says otherwise."""


async def grant(stand: Stand) -> Response:
    """An allowance, where the program has any to give; and our clock, by which the device's is put right."""
    await forms.fields_of(stand.request)
    rooms = stand.rooms
    await rooms.blocks.require_free(stand.program.id, origin().address or "")
    made = await allowance.grant(rooms.database, rooms.keyring, stand.standing, stand.caller, stand.reach)
    now = (datetime.now(UTC) - EPOCH) // (EPOCH.resolution * 1000)
    return JSONResponse({"allowance": made.token if made else None, "now": now}, headers=dict(STANDARD))


def settling(rooms: Rooms) -> Callable[[Request], Awaitable[Response]]:
    """Settles what a device brings, which may be a till no more."""

    async def answer(request: Request) -> Response:
        try:
            return await _settle(rooms, request)
        except Refusal as refusal:
            return sorry(rooms, request, refusal)

    return answer


async def _settle(rooms: Rooms, request: Request) -> Response:
    terminal = await terminals.find_even_revoked(rooms.database, request.cookies.get(DEVICE_COOKIE, ""))
    if terminal is None:
        raise Unauthenticated("invalid_terminal", "This device is no till.")
    fields = await forms.fields_of(request, _TAKES_MAX)
    await rooms.blocks.require_free(terminal.program_id, origin().address or "")
    claims = claims_of(_takes_in(fields.get("takes", "")))
    on = Settling(rooms.database, rooms.keyring, rooms.ledger, rooms.reaches)
    try:
        done = await settle(on, terminal, fields.get("allowance", "")[:_TOKEN_MAX], claims)
    except Forbidden as refusal:
        done = [Settled(one.seq, one.amount, _NOT_OURS, refusal.code) for one in claims]
    program = await programs.get(rooms.database, terminal.program_id)
    assert program is not None, "a terminal has one, and programs are never deleted"
    return _told(rooms, request, program, claims, done)


def _told(
    rooms: Rooms, request: Request, program: Program, claims: Sequence[Claim], done: Sequence[Settled]
) -> Response:
    visitor = reader_of(request, program.language)
    # What somebody has to do something about comes first.
    pairs = sorted(zip(claims, done, strict=True), key=lambda pair: pair[1].state == "settled")
    rows: list[dict[str, Any]] = [
        {
            "seq": one.seq,
            "state": one.state,
            "why": _why(one.code, visitor.language) if one.code else "",
            "amount": tell.money(one.amount, program.currency, visitor.language),
            "when": tell.time_of(claim.taken_at, visitor.language, program.zone),
        }
        for claim, one in pairs
    ]
    facts = {"rows": rows, "settled": sum(one.state == "settled" for one in done), "all": len(done)}
    is_known = all(one.state != "open" for one in done)
    screen = Screen("settled", facts, 200 if is_known else 503, "settled" if is_known else "unknown")
    return shown(rooms, screen, visitor)


def _why(code: str, language: Language) -> str:
    """As the shop reads it, where nobody can do anything about it at the till any more."""
    return words("refusals", language).get(f"{code}_offline") or why(code, code, language)


def _takes_in(text: str) -> object:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        raise Invalid(("body", "takes"), "This is no list of takes.") from None
