"""One card on paper, while somebody waits for it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Final

from kado.cards import refusals
from kado.cards.card import Card, CardStatus
from kado.cards.numbers import show_number
from kado.crypto import Keyring
from kado.errors import TooMany
from kado.languages import tell
from kado.languages.choose import Language
from kado.paper.card import Brand, PaperCard, Sheet
from kado.paper.drawn import design_of, paper_card, style_of
from kado.programs.program import Program
from kado.storage.database import Database

_WAITING_MAX: Final = 16
# A page takes some thirty milliseconds of Python: one at a time, so that tills are not kept waiting by several.
_room: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="paper")
_ordered: Final[set[object]] = set()


async def paper_of(
    database: Database,
    keyring: Keyring,
    public_url: str,
    program: Program,
    card: Card,
    now: datetime,
    sheet: Sheet,
    language: Language | None = None,
) -> bytes:
    """The card as PDF, with its number and without its code, which nobody knows.

    Raises `Refusal` for a card that cannot be used any more, `TooMany` while too many are at it.
    """
    number = show_number(keyring, program.id, card.id, card.number_sealed)
    return await _paper(database, public_url, program, card, number, now, sheet, language)


async def paper_for_holder(
    database: Database,
    public_url: str,
    program: Program,
    card: Card,
    now: datetime,
    sheet: Sheet,
    language: Language,
) -> bytes:
    """The same for whoever has the address of the card's page: what that page shows, and of the number its end.

    Raises as `paper_of`.
    """
    return await _paper(database, public_url, program, card, None, now, sheet, language)


async def sample_of(
    database: Database,
    public_url: str,
    program: Program,
    design_template: str | None,
    sheet: Sheet,
    language: Language | None = None,
) -> bytes:
    """How the program's cards look on paper, with a number that no card has."""
    style = await style_of(database, program)
    slug, art = await design_of(database, program.id, style.look, design_template)
    spoken = language or program.language
    return await _made(
        PaperCard(
            language=spoken.value,
            value=tell.money(program.currency.minor(Decimal(50)), program.currency, spoken),
            is_balance=False,
            expires=None,
            number="0000000000000000",
            last_four="0000",
            url=public_url,
            to="Ada Lovelace",
            giver="Charles Babbage",
            design=slug,
            art=art,
            is_sample=True,
        ),
        style.brand,
        sheet,
    )


async def _paper(
    database: Database,
    public_url: str,
    program: Program,
    card: Card,
    number: str | None,
    now: datetime,
    sheet: Sheet,
    language: Language | None,
) -> bytes:
    status = card.status_at(now)
    if status is CardStatus.EXPIRED:
        raise refusals.card_expired(card)
    if status is CardStatus.VOIDED:
        raise refusals.card_not_active(status, "printed")
    style = await style_of(database, program)
    design = await design_of(database, program.id, style.look, card.design_template)
    return await _made(paper_card(card, program, public_url, number, "", design, now, language), style.brand, sheet)


async def _made(card: PaperCard, brand: Brand, sheet: Sheet) -> bytes:
    if len(_ordered) > _WAITING_MAX:
        raise TooMany("papers_under_way", "Many papers are being made right now; ask again.", 1)
    place = object()
    _ordered.add(place)
    try:
        return await asyncio.get_running_loop().run_in_executor(_room, _pdf, card, brand, sheet)
    finally:
        _ordered.discard(place)


def _pdf(card: PaperCard, brand: Brand, sheet: Sheet) -> bytes:
    from kado.paper.document import pdf  # noqa: PLC0415 - a server starts without it, and most never need it

    return pdf([card], brand, sheet)
