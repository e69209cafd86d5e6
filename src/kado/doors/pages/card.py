"""The holder's page of a card. Its address is the secret; number and Code 128 are shown only after the card's code.

Whoever merely loads the page (a person, a preview of a link, a scanner of mails) sets nothing off: what the code is
needed for are forms, and they go to addresses of their own.
"""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kado.audit.origin import origin
from kado.barcodes import code128_svg
from kado.cards.activate import Activate
from kado.cards.card import CardStatus
from kado.cards.holder import holder, uses_of
from kado.cards.numbers import show_number as number_of
from kado.cards.posting import Answer, Outcome
from kado.designs import pictures
from kado.designs.look import chosen_art, look_of
from kado.doors.pages.card_shown import TAKES_CODE, Art, Facts, Number, facts_of
from kado.doors.pages.opened import Opened, opened_card
from kado.doors.pages.respond import Page, Problem, nothing_here, shown
from kado.doors.pages.rooms import Rooms
from kado.errors import NotFound, Refusal, TooMany
from kado.web import forms
from kado.web.visitor import visitor_of

_PAGE: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)

# What the page itself shows better than a sentence could.
_SEEN_ON_THE_PAGE: Final = frozenset({b"card_not_pending", b"card_expired"})


async def show_card(rooms: Rooms, request: Request) -> Response:
    """The page as the card's state wants it. 404 for an address that leads to no card, and for who is blocked."""
    opened = await opened_card(rooms, request)
    return nothing_here(request) if opened is None else await _card_page(rooms, request, opened)


async def back_to_the_card(rooms: Rooms, request: Request) -> Response:
    """From an address that forms are sent to, to the card's own."""
    opened = await opened_card(rooms, request)
    return nothing_here(request) if opened is None else _to_the_card(request, opened)


async def activate(rooms: Rooms, request: Request) -> Response:
    """Put the card's value on it, against its code. Sent twice, the form does it once."""
    opened = await opened_card(rooms, request)
    if opened is None:
        return nothing_here(request)
    fields, card = await forms.fields_of(request), opened.found.card
    if card.status_at(opened.found.now) is not CardStatus.PENDING:
        return _to_the_card(request, opened)
    token = fields.get("form", "")
    problem = await _problem(rooms, opened, "activate", token, fields.get("code", ""))
    if problem is not None:
        return await _card_page(rooms, request, opened, problem)
    answer = await rooms.ledger.post(
        Activate(
            program_id=card.program_id,
            card_id=card.id,
            caller=holder(card),
            key=f"page:{token}",
            render=_answer,
            showed_code=True,
        )
    )
    if answer.status == 200 or answer.body in _SEEN_ON_THE_PAGE:
        return _to_the_card(request, opened)
    return await _card_page(rooms, request, opened, Problem("refused", answer.status))


async def show_number(rooms: Rooms, request: Request) -> Response:
    """The page with the full number and its barcode, against the code. It stands in no address and is kept nowhere."""
    opened = await opened_card(rooms, request)
    if opened is None:
        return nothing_here(request)
    fields, card = await forms.fields_of(request), opened.found.card
    if card.status_at(opened.found.now) not in TAKES_CODE:
        return _to_the_card(request, opened)
    problem = await _problem(rooms, opened, "number", fields.get("form", ""), fields.get("code", ""))
    if problem is not None:
        return await _card_page(rooms, request, opened, problem)
    number = number_of(rooms.keyring, card.program_id, card.id, card.number_sealed)
    rooms.looks.note(holder(card).subject, card.merchant_id, [(card.program_id, card.id)])
    return await _card_page(rooms, request, opened, number=Number(number, code128_svg(number)))


async def _problem(rooms: Rooms, opened: Opened, form: str, token: str, code: str) -> Problem | None:
    """What is wrong with the form or its code. Every wrong code counts, and gets the same answer."""
    if not forms.is_own(rooms.keyring, f"{opened.address}/{form}", token):
        return Problem("stale", 403)
    try:
        await rooms.checks.prove(opened.found, code, address=origin().address or "")
    except NotFound:
        return Problem("wrong_code", 403)
    except TooMany as refusal:
        return Problem("too_many", refusal.status, refusal.headers)
    return None


async def _card_page(
    rooms: Rooms, request: Request, opened: Opened, problem: Problem | None = None, number: Number | None = None
) -> Response:
    program, card = opened.program, opened.found.card
    visitor = visitor_of(request, program.language)
    look = await look_of(rooms.database, program)
    wanted = _PAGE.fullmatch(request.query_params.get("page", ""))
    at = int(wanted[0]) if wanted else 1
    uses, has_older = await uses_of(rooms.database, card, at)
    art = await chosen_art(rooms.database, program.id, look, card.design_template)
    facts: Facts = facts_of(opened.found, program, visitor.language, uses)
    takes_code = (facts.is_pending or facts.takes_code) and number is None
    tokens = {name: forms.token_for(rooms.keyring, f"{opened.address}/{name}") for name in ("activate", "number")}
    page = Page(
        "card_page",
        opened.address,
        visitor,
        look,
        program,
        {
            "card": facts,
            "art": None if art is None else Art(pictures.address(program.id, art), art.width, art.height),
            "problem": problem,
            "number": number,
            "tokens": tokens,
            "offers": await rooms.offers(program) if facts.is_active else frozenset(),
            "newer": at - 1,
            "older": at + 1 if has_older else 0,
        },
        takes_form=takes_code,
    )
    return shown(page) if problem is None else shown(page, problem.status, problem.headers)


def _to_the_card(request: Request, opened: Opened) -> Response:
    """By 303, so that whoever loads what comes then anew sends no form again."""
    query = visitor_of(request).query
    return RedirectResponse(opened.address + query, 303, {"Cache-Control": "no-store"})


def _answer(outcome: Outcome | Refusal) -> Answer:
    """What is kept of an activation: enough to tell how it went."""
    if isinstance(outcome, Refusal):
        return Answer(outcome.status, outcome.code.encode())
    return Answer(200, b"activated")
