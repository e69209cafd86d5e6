"""The card on paper, for who has its page: as PDF, with what the page shows and no more."""

from starlette.requests import Request
from starlette.responses import Response

from kado.doors.pages.card_shown import PRINTED
from kado.doors.pages.opened import opened_card
from kado.doors.pages.respond import nothing_here
from kado.doors.pages.rooms import Rooms
from kado.paper.card import Sheet
from kado.paper.drawn import usual_size
from kado.paper.single import paper_for_holder
from kado.web.security import STANDARD
from kado.web.visitor import visitor_of


async def print_page(rooms: Rooms, request: Request) -> Response:
    """A page of the size that is usual where the program is used. 404 as for the card's page, and for what is over."""
    return await _paper(rooms, request, is_folded=False)


async def print_folded(rooms: Rooms, request: Request) -> Response:
    """A card to fold."""
    return await _paper(rooms, request, is_folded=True)


async def _paper(rooms: Rooms, request: Request, *, is_folded: bool) -> Response:
    opened = await opened_card(rooms, request)
    if opened is None or opened.found.card.status_at(opened.found.now) not in PRINTED:
        return nothing_here(request)
    program, found = opened.program, opened.found
    size = usual_size(program)
    made = await paper_for_holder(
        rooms.database,
        rooms.public_url,
        program,
        found.card,
        found.now,
        Sheet("folded" if is_folded else size, size),
        visitor_of(request, program.language).language,
    )
    named = f'inline; filename="gift-card-{found.card.last_four}.pdf"'
    return Response(made, 200, {**STANDARD, "Content-Disposition": named}, "application/pdf")
