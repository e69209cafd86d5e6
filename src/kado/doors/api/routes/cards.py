"""Operations on a card beside its money: issue, look at, resend the code, suspend, void."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from kado.access.permissions import Permission
from kado.cards.find import card_by_id, entries_of
from kado.cards.issue import Issue
from kado.cards.masking import mask
from kado.cards.posting import Outcome
from kado.cards.resend_code import ResendCode
from kado.cards.suspend import Suspend, Unsuspend
from kado.cards.void import Void
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.cards import (
    CreateGiftCardRequest,
    ExpiredCardProcessingResponse,
    GiftCardResponse,
    ResendSecurityCodeRequest,
    SuspendGiftCardRequest,
    TransactionResponse,
    UnsuspendGiftCardRequest,
    VoidGiftCardRequest,
)
from kado.doors.api.types import Line100
from kado.doors.api.visit import (
    SESSION_HEADERS,
    CardId,
    Issuing,
    Key,
    ProgramId,
    Reading,
    Resending,
    StrayCardId,
    Suspending,
    Voiding,
)
from kado.errors import Forbidden

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/cards",
    tags=["Gift Cards"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)

_PAGE_MAX = 250
_OFFSET_MAX = 2**31


@router.post("", name="createGiftCard", response_model=GiftCardResponse, status_code=201)
async def create(
    visit: Issuing,
    programId: ProgramId,
    data: CreateGiftCardRequest,
    cardId: StrayCardId = None,
    idempotency_key: Key = None,
) -> Response:
    """Issue a card. It is worth nothing until it is activated; its code goes to the recipient by mail or SMS."""
    answer = await visit.services.ledger.post(
        Issue(
            program_id=visit.program.id,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering_card(visit.services, 201),
            initial_value=shown.minor(visit.program, data.initialValue, "initialValue"),
            merchant_id=data.merchantId,
            merchant_name=await visit.services.reaches.merchant_name(visit.program.id, data.merchantId),
            expires_at=data.expiresAt,
            customer_email=data.customerEmail,
            customer_phone=data.customerPhone,
            customer_name=data.customerName,
            sender_name=data.senderName,
            custom_message=data.customMessage,
            design_template=data.designTemplate,
            is_physical=data.isPhysical,
            deliver_at=data.deliverAt,
        )
    )
    return shown.response(answer)


@router.get("/{cardId}", name="getGiftCardDetails", response_model=None)
async def details(
    visit: Reading,
    programId: ProgramId,
    cardId: CardId,
    include_transactions: Annotated[bool, Query()] = False,
) -> Response:
    """The card as it is now, with its latest entries if asked for."""
    assert cardId is not None, "a segment of a path is never null"
    services, program = visit.services, visit.program
    found = await card_by_id(services.database, program.id, cardId, is_test=visit.caller.is_test)
    visit.require_own(found.card)
    body = shown.gift_card(services, found.card, program, found.now)
    if include_transactions:
        entries, _ = await entries_of(services.database, program.id, cardId, limit=_PAGE_MAX, offset=0)
        body["transactions"] = [shown.transaction(entry, program.currency) for entry in entries]
    return shown.json_response(body)


@router.get("/{cardId}/transactions", name="getGiftCardTransactions", response_model=list[TransactionResponse])
async def transactions(
    visit: Reading,
    programId: ProgramId,
    cardId: CardId,
    q: Annotated[Line100 | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=_OFFSET_MAX)] = 1,
    limit: Annotated[int, Query(ge=1, le=_PAGE_MAX)] = _PAGE_MAX,
    offset: Annotated[int | None, Query(ge=0, le=_OFFSET_MAX)] = None,
) -> Response:
    """The card's entries, newest first; `X-Total-Count` says how many there are in all."""
    assert cardId is not None, "a segment of a path is never null"
    services, program = visit.services, visit.program
    found = await card_by_id(services.database, program.id, cardId, is_test=visit.caller.is_test)
    visit.require_own(found.card)
    start = offset if offset is not None else (page - 1) * limit
    entries, total = await entries_of(
        services.database, program.id, found.card.id, limit=limit, offset=start, text=q or None
    )
    body = [shown.transaction(entry, program.currency) for entry in entries]
    return shown.json_response(body, {"X-Total-Count": str(total)})


@router.post("/{cardId}/resend-code", name="resendGiftCardSecurityCode", response_model=None)
async def resend_code(
    visit: Resending,
    programId: ProgramId,
    cardId: CardId,
    data: Annotated[ResendSecurityCodeRequest | None, Body()] = None,
    idempotency_key: Key = None,
) -> Response:
    """Void the code and send a new one, to the card's own contacts or, with the right to do so, elsewhere."""
    assert cardId is not None, "a segment of a path is never null"
    wanted = data or ResendSecurityCodeRequest()
    posting = ResendCode(
        program_id=visit.program.id,
        card_id=cardId,
        caller=visit.caller,
        key=idempotency_key,
        render=shown.answering(_resent),
        customer_email=wanted.customerEmail,
        customer_phone=wanted.customerPhone,
        sender_name=wanted.senderName,
        custom_message=wanted.customMessage,
    )
    if posting.is_elsewhere:
        visit.caller.require(Permission.CARDS_RESEND_ELSEWHERE)
        if not visit.is_owner:
            raise Forbidden("permission_denied", "Only the program's owner sends codes to other contacts.")
    return shown.response(await visit.services.ledger.post(posting))


@router.post("/{cardId}/suspend", name="suspendGiftCard", response_model=GiftCardResponse)
async def suspend(
    visit: Suspending,
    programId: ProgramId,
    cardId: CardId,
    data: SuspendGiftCardRequest,
    idempotency_key: Key = None,
) -> Response:
    """Stop the card for a while; with `expiresAt` the suspension ends by itself."""
    assert cardId is not None, "a segment of a path is never null"
    answer = await visit.services.ledger.post(
        Suspend(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering_card(visit.services),
            reason=data.reason,
            until=data.expiresAt,
        )
    )
    return shown.response(answer)


@router.post("/{cardId}/unsuspend", name="unsuspendGiftCard", response_model=GiftCardResponse)
async def unsuspend(
    visit: Suspending,
    programId: ProgramId,
    cardId: CardId,
    data: UnsuspendGiftCardRequest,
    idempotency_key: Key = None,
) -> Response:
    """Lift a suspension."""
    assert cardId is not None, "a segment of a path is never null"
    answer = await visit.services.ledger.post(
        Unsuspend(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering_card(visit.services),
        )
    )
    return shown.response(answer)


@router.post("/{cardId}/void", name="voidGiftCard", response_model=ExpiredCardProcessingResponse)
async def void(
    visit: Voiding,
    programId: ProgramId,
    cardId: CardId,
    data: VoidGiftCardRequest,
    idempotency_key: Key = None,
) -> Response:
    """End the card for good and write off what is on it."""
    assert cardId is not None, "a segment of a path is never null"
    visit.require_key(idempotency_key)
    answer = await visit.services.ledger.post(
        Void(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering(_voided),
            reason=data.reason,
            refund_reference=data.refundReference,
        )
    )
    return shown.response(answer)


def _resent(outcome: Outcome) -> dict[str, object]:
    entry = outcome.entry
    assert entry is not None, "a new code is an entry"
    message = outcome.messages[0]
    return {
        "success": True,
        "message": "A new security code is on its way; the old one is no longer valid.",
        "giftCardId": entry.card_id,
        "transactionId": entry.id,
        "channel": message.channel,
        "sentTo": mask(message.recipient),
    }


def _voided(outcome: Outcome) -> dict[str, object]:
    entry, currency = outcome.entry, outcome.program.currency
    assert entry is not None, "a void is an entry"
    return {
        "success": True,
        "cardId": entry.card_id,
        "action": "void",
        "message": f"The card is voided; {currency.text(-entry.amount)} {currency.code} were written off.",
        "newExpiresAt": None,
        "transactionId": entry.id,
    }
