"""The list of cards, which is searched while somebody types. A page costs the same over a million cards as over ten."""

from typing import Final, NamedTuple

from starlette.responses import Response

from kado import clock, contacts
from kado.cards.card import Card, CardStatus
from kado.cards.find import Found, card_by_number
from kado.cards.lists import Wanted, list_cards
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import NotFound
from kado.web import typed

TOGETHER: Final = 25
_TEXT_MAX: Final = 255
_START_MAX: Final = 100_000
"""Nobody turns so many pages; who looks for something types it in."""


class Row(NamedTuple):
    """A card in a list. Amounts are minor units; `expires` is None for one that never does."""

    id: str
    last_four: str
    status: str
    name: str | None
    contact: str | None
    balance: int
    initial: int
    is_waiting: bool
    expires: object
    created: object


async def show(visit: Visit) -> Response:
    """The newest cards, or those that fit what was typed."""
    rooms, program = visit.rooms, visit.program
    asked_for, status = visit.asked("q").strip()[:_TEXT_MAX], visit.asked("status")
    # What cannot be printed stands on no card.
    text = asked_for if contacts.is_one_line(asked_for) else ""
    known = status if status in set(CardStatus) else ""
    start = min(int(asked), _START_MAX) if (asked := visit.asked("start")).isdecimal() and len(asked) < 9 else 0
    wanted = Wanted(
        is_test=False,
        limit=TOGETHER,
        start=start,
        text=text,
        status=CardStatus(known) if known else None,
    )
    part = await list_cards(rooms.reader, rooms.keyring, [program.id], wanted)
    facts = {
        "rows": [row_of(one) for one in part.found],
        "total": part.total,
        "is_minimum": part.is_minimum,
        "text": text,
        "status": known,
        "statuses": list(CardStatus),
        "start": start,
        "newer": max(0, start - TOGETHER),
        "older": start + TOGETHER if part.total > start + TOGETHER else 0,
        "last": start + len(part.found),
    }
    return shown(visit, "cards.html", facts, here="cards", areas=("console_cards",))


async def show_find(visit: Visit) -> Response:
    """The form for a card's number: for whoever may look at a card and not at all of them."""
    return _find(visit, {})


async def find(visit: Visit) -> Response:
    """To the card with this number."""
    rooms = visit.rooms
    try:
        number = typed.needed(typed.line(visit.fields, "cardNumber", typed.NUMBER_MAX), "cardNumber")
        found = await card_by_number(rooms.database, rooms.keyring, visit.program.id, number, is_test=False)
    except NotFound as refusal:
        return _find(visit, {"cardNumber": problem_of(refusal, visit.language, {})[""]}, refusal.status)
    return to(f"{visit.home}/cards/{found.card.id}")


def row_of(found: Found) -> Row:
    """What a list says of a card."""
    card, status = found.card, found.card.status_at(found.now)
    return Row(
        id=card.id,
        last_four=card.last_four,
        status=status.value,
        name=card.customer_name,
        contact=card.customer_email or card.customer_phone,
        balance=card.balance,
        initial=card.initial_value,
        is_waiting=status is CardStatus.PENDING,
        expires=expiry_of(card),
        created=card.created_at,
    )


def expiry_of(card: Card) -> object:
    """When the card's time is over; None where it never is."""
    return None if card.expires_at >= clock.NEVER else card.expires_at


def _find(visit: Visit, problems: dict[str, str], status: int = 200) -> Response:
    return shown(visit, "find.html", {"problems": problems}, here="find", areas=("console_cards",), status=status)
