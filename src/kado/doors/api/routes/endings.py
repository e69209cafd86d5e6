"""Operations on a card whose time is over, or that is to end: void, process-expired."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import cast

from fastapi import APIRouter, Response

from kado import clock
from kado.cards.posting import Outcome
from kado.cards.process_expired import Action, ProcessExpired
from kado.cards.void import Void
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.cards import ExpiredCardProcessingResponse, VoidGiftCardRequest
from kado.doors.api.schemas.moves import ExpiredCardProcessingRequest
from kado.doors.api.visit import SESSION_HEADERS, CardId, Key, ProcessingExpired, ProgramId, Voiding

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/cards",
    tags=["Gift Cards"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)


@router.post("/{cardId}/void", name="voidGiftCard", response_model=ExpiredCardProcessingResponse)
async def void(
    visit: Voiding,
    programId: ProgramId,
    cardId: CardId,
    data: VoidGiftCardRequest,
    idempotency_key: Key = None,
) -> Response:
    """End the card for good and write off what is on it."""
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


@router.post("/{cardId}/process-expired", name="processExpiredCard", response_model=ExpiredCardProcessingResponse)
async def process_expired(
    visit: ProcessingExpired,
    programId: ProgramId,
    cardId: CardId,
    data: ExpiredCardProcessingRequest,
    idempotency_key: Key = None,
) -> Response:
    """Give an expired card more time, or end it because what was on it was paid out or is forfeited."""
    action = cast("Action", data.action)  # the pattern of the schema allows no other word
    answer = await visit.services.ledger.post(
        ProcessExpired(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering(lambda outcome: _processed(outcome, action)),
            wish=action,
            extension_days=data.extensionDays,
            refund_reference=data.refundReference,
        )
    )
    return shown.response(answer)


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


def _processed(outcome: Outcome, action: Action) -> dict[str, object]:
    entry, currency, expires_at = outcome.entry, outcome.program.currency, outcome.card.expires_at
    if entry is None:
        message, until = f"The card is valid until {clock.text(expires_at)}.", clock.text(expires_at)
    else:
        done = "recorded as paid out" if action == "refund" else "written off"
        message, until = f"The card is voided; {currency.text(-entry.amount)} {currency.code} were {done}.", None
    return {
        "success": True,
        "cardId": outcome.card.id,
        "action": action,
        "message": message,
        "newExpiresAt": until,
        "transactionId": None if entry is None else entry.id,
    }
