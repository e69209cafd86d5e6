"""Lists of cards and searches for cards, in one program or in all that the merchant owns."""

# ruff: noqa: N803 - parameter names are the names on the wire

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from kado.access.caller import Caller
from kado.cards.card import CardStatus
from kado.cards.lists import Wanted, list_cards
from kado.doors.api import shown
from kado.doors.api.paging import Part, Text, WantedPart
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.cards import GiftCardStatus
from kado.doors.api.services import Services
from kado.doors.api.types import PydanticObjectId
from kado.doors.api.visit import (
    SESSION_HEADERS,
    Listing,
    ListingAll,
    NarrowingProgramId,
    ProgramId,
    StrayCardId,
)
from kado.programs.program import Program

router = APIRouter(
    prefix="/v2/giftcards/programs", tags=["Gift Cards"], route_class=StrictRoute, dependencies=SESSION_HEADERS
)

Merchant = Annotated[PydanticObjectId | None, Query()]
Status = Annotated[GiftCardStatus | None, Query()]
PositiveBalance = Annotated[bool, Query()]


@router.get("/cards", name="getGiftCards", response_model=None)
async def list_all(
    owned: ListingAll,
    part: WantedPart,
    merchant_id: Merchant = None,
    status: Status = None,
    positive_balance: PositiveBalance = False,
    cardId: StrayCardId = None,
    programId: NarrowingProgramId = None,
    q: Text = None,
) -> Response:
    """The cards of all programs that the merchant owns, newest first; `X-Total-Count` says how many there are."""
    wanted = _wanted(owned.caller, part, q, merchant_id, status, has_balance=positive_balance)
    return await _answer(owned.services, owned.caller, owned.programs, wanted)


@router.get("/search", name="searchGiftCards", response_model=None)
async def search_all(
    owned: ListingAll,
    part: WantedPart,
    merchant_id: Merchant = None,
    cardId: StrayCardId = None,
    programId: NarrowingProgramId = None,
    q: Text = None,
) -> Response:
    """Cards found by number, last four digits, name or email, in all programs that the merchant owns."""
    wanted = _wanted(owned.caller, part, q, merchant_id)
    return await _answer(owned.services, owned.caller, owned.programs, wanted)


@router.get("/{programId}/cards", name="getGiftCards", response_model=None)
async def list_of_program(
    visit: Listing,
    programId: ProgramId,
    part: WantedPart,
    merchant_id: Merchant = None,
    status: Status = None,
    positive_balance: PositiveBalance = False,
    cardId: StrayCardId = None,
    q: Text = None,
) -> Response:
    """The cards of the program, newest first; `X-Total-Count` says how many there are."""
    wanted = _wanted(visit.caller, part, q, merchant_id, status, has_balance=positive_balance)
    return await _answer(visit.services, visit.caller, [visit.program], wanted)


@router.get("/{programId}/search", name="searchGiftCards", response_model=None)
async def search_program(
    visit: Listing,
    programId: ProgramId,
    part: WantedPart,
    merchant_id: Merchant = None,
    cardId: StrayCardId = None,
    q: Text = None,
) -> Response:
    """Cards of the program found by number, last four digits, name or email."""
    wanted = _wanted(visit.caller, part, q, merchant_id)
    return await _answer(visit.services, visit.caller, [visit.program], wanted)


def _wanted(
    caller: Caller,
    part: Part,
    text: str | None,
    merchant_id: str | None,
    status: GiftCardStatus | None = None,
    *,
    has_balance: bool = False,
) -> Wanted:
    return Wanted(
        is_test=caller.is_test,
        limit=part.limit,
        start=part.start,
        text=text or "",
        status=None if status is None else CardStatus(status.value),
        merchant_id=merchant_id,
        has_balance=has_balance,
        customer=caller.customer,
    )


async def _answer(services: Services, caller: Caller, programs: Sequence[Program], wanted: Wanted) -> Response:
    by_id = {program.id: program for program in programs}
    page = await list_cards(services.reader, services.keyring, list(by_id), wanted)
    body = [shown.gift_card(services, one.card, by_id[one.card.program_id], one.now) for one in page.found]
    shown.saw(services, caller, (one.card for one in page.found))
    return shown.json_response(body, {"X-Total-Count": str(page.total)} | shown.minimum_of(page))
