"""Operations on a card beside its money: issue, look at, resend the code, suspend, schedule, give to another."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from kado.access.customers import require_customer
from kado.cards.elsewhere import require_for_new_code
from kado.cards.find import card_by_id, entries_of
from kado.cards.issue import Issue
from kado.cards.masking import mask
from kado.cards.posting import Answer, Outcome
from kado.cards.resend_code import ResendCode
from kado.cards.schedule import Schedule
from kado.cards.suspend import Suspend, Unsuspend
from kado.cards.transfer_ownership import TransferOwnership
from kado.doors.api import shown
from kado.doors.api.paging import Text, WantedPart
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.cards import (
    CreateGiftCardRequest,
    GiftCardResponse,
    ResendSecurityCodeRequest,
    SuspendGiftCardRequest,
    UnsuspendGiftCardRequest,
)
from kado.doors.api.schemas.moves import ScheduleGiftCardDeliveryRequest, TransferOwnershipRequest
from kado.doors.api.types import PAGE_LIMIT_MAX
from kado.doors.api.visit import (
    SESSION_HEADERS,
    CardId,
    Issuing,
    Key,
    Owning,
    ProgramId,
    Reading,
    ReceiptEmail,
    ReceiverLanguage,
    ReceiverZone,
    Resending,
    Scheduling,
    StrayCardId,
    Suspending,
    Visit,
)

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/cards",
    tags=["Gift Cards"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)


@router.post("", name="createGiftCard", response_model=GiftCardResponse, status_code=201)
async def create(
    visit: Issuing,
    programId: ProgramId,
    data: CreateGiftCardRequest,
    cardId: StrayCardId = None,
    idempotency_key: Key = None,
    language: ReceiverLanguage = None,
    time_zone: ReceiverZone = None,
    receipt_email: ReceiptEmail = None,
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
            language=language,
            time_zone=time_zone,
            receipt_email=receipt_email,
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
    """The card as it is now, with its latest entries if asked for. What is not held for orders stands in a header."""
    return shown.response(await card_details(visit, cardId, with_entries=include_transactions))


async def card_details(visit: Visit, card_id: str, *, with_entries: bool) -> Answer:
    """What `details` does. Raises `NotFound`."""
    services, program = visit.services, visit.program
    glance = await services.glances.at(program.id, card_id, is_test=visit.caller.is_test)
    found = glance.found
    visit.require_own(found.card)
    body = shown.gift_card(services, found.card, program, found.now)
    if with_entries:
        entries, _ = await entries_of(services.database, program.id, card_id, limit=PAGE_LIMIT_MAX, offset=0)
        body["transactions"] = [shown.transaction(entry, program.currency) for entry in entries]
    shown.saw(services, visit.caller, [found.card])
    return shown.answer(body, {"Kado-Available-Balance": program.currency.text(glance.available)})


@router.get("/{cardId}/transactions", name="getGiftCardTransactions", response_model=None)
async def transactions(
    visit: Reading,
    programId: ProgramId,
    cardId: CardId,
    part: WantedPart,
    q: Text = None,
) -> Response:
    """The card's entries, newest first; `X-Total-Count` says how many there are in all."""
    services, program = visit.services, visit.program
    found = await card_by_id(services.database, program.id, cardId, is_test=visit.caller.is_test)
    visit.require_own(found.card)
    entries, total = await entries_of(
        services.database, program.id, found.card.id, limit=part.limit, offset=part.start, text=q or None
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
    language: ReceiverLanguage = None,
    time_zone: ReceiverZone = None,
) -> Response:
    """Void the code and send a new one, to the card's own contacts or, with the right to do so, elsewhere."""
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
        language=language,
        time_zone=time_zone,
    )
    require_for_new_code(posting, is_owner=visit.is_owner)
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


@router.patch("/{cardId}/schedule", name="scheduleGiftCardDelivery", response_model=GiftCardResponse)
async def schedule(
    visit: Scheduling,
    programId: ProgramId,
    cardId: CardId,
    data: ScheduleGiftCardDeliveryRequest,
    idempotency_key: Key = None,
) -> Response:
    """Plan anew when the card's code leaves; null takes the plan back, and nothing leaves until it is asked for."""
    answer = await visit.services.ledger.post(
        Schedule(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering_card(visit.services),
            deliver_at=data.deliverAt,
        )
    )
    return shown.response(answer)


@router.post("/{cardId}/transfer-ownership", name="transferGiftCardOwnership", response_model=GiftCardResponse)
async def transfer_ownership(
    visit: Owning,
    programId: ProgramId,
    cardId: CardId,
    data: TransferOwnershipRequest,
    idempotency_key: Key = None,
) -> Response:
    """Give the card another owner: the new one is sent a code, the old one's is void."""
    if data.newCustomerId is not None:
        await require_customer(visit.services.database, visit.caller, data.newCustomerId, "newCustomerId")
    answer = await visit.services.ledger.post(
        TransferOwnership(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering_card(visit.services),
            new_owner_name=data.newOwnerName,
            new_owner_email=data.newOwnerEmail,
            new_customer_id=data.newCustomerId,
            reference_id=data.referenceId,
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
