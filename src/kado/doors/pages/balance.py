"""The balance page of a program: what is left on a card, for who has its number and code. No address holds either.

The page's script makes a proof of work by itself. Without it there are fewer tries, where the program allows any.
"""

import re
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kado.audit.origin import origin
from kado.cards.guesses import Proved
from kado.cards.refusals import CAPTCHA_REQUIRED
from kado.designs.look import look_of
from kado.doors.pages.card_shown import facts_of
from kado.doors.pages.proof_script import PROOF
from kado.doors.pages.respond import Page, Problem, nothing_here, shown
from kado.doors.pages.rooms import Rooms
from kado.errors import NotFound, Refusal, TooMany
from kado.programs import find as programs
from kado.programs.program import Program
from kado.web import forms
from kado.web.visitor import visitor_of

_ID: Final = re.compile(r"[0-9a-f]{24}", re.ASCII)


async def show_form(rooms: Rooms, request: Request) -> Response:
    """The empty form. 404 for an address that leads to no program, and for who is blocked there."""
    program = await _program(rooms, request)
    return nothing_here(request) if program is None else await _balance_page(rooms, request, program)


async def check_balance(rooms: Rooms, request: Request) -> Response:
    """The balance. One answer for every number and code that do not belong together."""
    program = await _program(rooms, request)
    if program is None:
        return nothing_here(request)
    fields = await forms.fields_of(request)
    if not forms.is_own(rooms.keyring, _address(program), fields.get("form", "")):
        return await _balance_page(rooms, request, program, problem=Problem("stale", 403))
    proof = fields.get("proof") or None
    try:
        proved = await rooms.page_checks.check(
            program, fields.get("number", ""), fields.get("code", ""), address=origin().address or "", proof=proof
        )
    except NotFound:
        problem = Problem("not_found", 404)
    except TooMany as refusal:
        problem = Problem("too_many", refusal.status, refusal.headers)
    except Refusal as refusal:
        if refusal.code != CAPTCHA_REQUIRED:
            raise
        problem = Problem("closed" if proof else "proof_needed", 403)
    else:
        return await _balance_page(rooms, request, program, proved=proved)
    return await _balance_page(rooms, request, program, problem=problem)


async def challenge(rooms: Rooms, request: Request) -> Response:
    """Something for the page's script to solve."""
    program = await _program(rooms, request)
    if program is None:
        return nothing_here(request)
    return JSONResponse(rooms.page_checks.challenge(), headers={"Cache-Control": "no-store"})


async def _program(rooms: Rooms, request: Request) -> Program | None:
    """The program in the address, if there is one and who asks is not blocked in it."""
    program_id = request.path_params["program_id"]
    program = await programs.get(rooms.database, program_id) if _ID.fullmatch(program_id) else None
    if program is None or await rooms.blocks.covers(program.id, origin().address or ""):
        return None
    return program


async def _balance_page(
    rooms: Rooms, request: Request, program: Program, *, problem: Problem | None = None, proved: Proved | None = None
) -> Response:
    visitor = visitor_of(request, program.language)
    address = _address(program)
    facts: dict[str, Any] = {
        "problem": problem,
        "card": None if proved is None else facts_of(proved, program, visitor.language, []),
        "token": forms.token_for(rooms.keyring, address),
        "script": PROOF.path,
    }
    look = await look_of(rooms.database, program)
    page = Page(
        "balance_page", address, visitor, look, program, facts, takes_form=proved is None, runs_script=proved is None
    )
    return shown(page) if problem is None else shown(page, problem.status, problem.headers)


def _address(program: Program) -> str:
    return f"/balance/{program.id}"
