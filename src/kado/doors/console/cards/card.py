"""One card: how it stands, its story, and what can be done with it now."""

from typing import Any, Final

from starlette.responses import Response

from kado.access.permissions import Permission
from kado.cards.card import CardStatus
from kado.cards.codes import page_url
from kado.cards.holds import available, holds_of
from kado.cards.lineage import lineage
from kado.cards.numbers import show_number
from kado.designs.look import art_of, look_of
from kado.designs.pictures import address as picture_address
from kado.doors.console.cards.action import offered
from kado.doors.console.cards.actions import ACTIONS
from kado.doors.console.cards.found import found_in
from kado.doors.console.cards.list import expiry_of
from kado.doors.console.cards.story import TOGETHER, story_of
from kado.doors.console.respond import shown
from kado.doors.console.visit import Visit
from kado.paper.card import Sheet
from kado.paper.drawn import usual_size
from kado.paper.single import paper_of

_GROUP: Final = 4
_DONE: Final = frozenset({"issue", "issue_waits", *(action.key for action in ACTIONS)})
_CAN_RECEIVE: Final = frozenset({CardStatus.ACTIVE, CardStatus.DEPLETED, CardStatus.SUSPENDED})


async def show(visit: Visit) -> Response:
    """The card, without its number."""
    return await card_page(visit)


async def reveal(visit: Visit) -> Response:
    """The card with its number. That somebody looked at it is written into the audit log."""
    return await card_page(visit, with_number=True)


async def paper(visit: Visit) -> Response:
    """The card as PDF, with its number. That somebody looked at it is written into the audit log."""
    rooms, program, found = visit.rooms, visit.program, await found_in(visit)
    usual = usual_size(program)
    made = await paper_of(
        rooms.database,
        rooms.keyring,
        rooms.settings.public_url,
        program,
        found.card,
        found.now,
        Sheet(usual, usual),
        visit.language,
    )
    rooms.looks.note(visit.caller.subject, visit.caller.merchant_id, [(program.id, found.card.id)])
    name = {"Content-Disposition": f'inline; filename="gift-card-{found.card.last_four}.pdf"'}
    return Response(made, 200, {**name, "Cache-Control": "no-store"}, "application/pdf")


async def card_page(visit: Visit, *, with_number: bool = False) -> Response:
    """The card's page; with its number for who asked for it."""
    rooms, program = visit.rooms, visit.program
    found = await found_in(visit)
    card, status = found.card, found.card.status_at(found.now)
    asked = visit.asked("start")
    start = int(asked) if asked.isdecimal() and len(asked) < 7 else 0
    events, total = await story_of(visit, card, start)
    before, after = await lineage(rooms.database, card)
    look = await look_of(rooms.database, program)
    art = await art_of(rooms.database, program.id, look, card.design_template)
    holds, _ = await holds_of(rooms.database, found)
    number = ""
    if with_number:
        rooms.looks.note(visit.caller.subject, visit.caller.merchant_id, [(program.id, card.id)])
        text = show_number(rooms.keyring, program.id, card.id, card.number_sealed)
        number = " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))
    facts: dict[str, Any] = {
        "card": card,
        "status": status.value,
        "now": found.now,
        "expires": expiry_of(card),
        "available": await available(rooms.database, found),
        "holds": [hold for hold in holds if hold.rest],
        "events": events,
        "total": total,
        "start": start,
        "newer": max(0, start - TOGETHER) if start else None,
        "older": start + TOGETHER if total > start + TOGETHER else None,
        "before": before,
        "after": after,
        "number": number,
        "art": picture_address(program.id, art),
        "link": page_url(rooms.settings.public_url, card.pass_sid),
        "refundable": visit.may(Permission.CARDS_REFUND) and status in _CAN_RECEIVE,
        "base": f"{visit.home}/cards/{card.id}",
        "actions": offered(visit, found, ACTIONS),
        "done": visit.asked_among("done", _DONE),
        "newest": visit.asked("entry"),
    }
    return shown(visit, "card.html", facts, here="cards", areas=("console_cards", "console_actions"))
