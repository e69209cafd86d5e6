"""Holds: money set aside for an order, taken or let go later. Ours, not the contract's."""

# ruff: noqa: N803 - parameter names are the names on the wire

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response

from kado import clock
from kado.cards.capture import Capture
from kado.cards.card import Hold
from kado.cards.find import card_by_id
from kado.cards.hold import PlaceHold
from kado.cards.holds import available, hold_by_id, holds_of
from kado.cards.posting import Outcome
from kado.cards.release import Release
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.holds import (
    CaptureHoldRequest,
    CaptureResponse,
    HoldResponse,
    PlaceHoldRequest,
    ReleaseHoldRequest,
)
from kado.doors.api.types import PydanticObjectId
from kado.doors.api.visit import SESSION_HEADERS, CardId, Holding, Key, ProgramId, Reading
from kado.money import Currency

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/cards/{cardId}/holds",
    tags=["Holds"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)

HoldId = Annotated[PydanticObjectId, Path()]


@router.post("", name="placeHold", response_model=HoldResponse, status_code=201)
async def place(
    visit: Holding, programId: ProgramId, cardId: CardId, data: PlaceHoldRequest, idempotency_key: Key = None
) -> Response:
    """Set an amount aside. The balance stays, what is available shrinks until the hold is captured or over."""
    visit.require_key(idempotency_key)
    answer = await visit.services.ledger.post(
        PlaceHold(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering(_hold_of, 201),
            amount=shown.minor(visit.program, data.amount),
            order_reference=data.orderReference,
            lasts=timedelta(seconds=data.expiresInSeconds),
            pos_transaction_id=data.posTransactionId,
            cashier_id=data.cashierId,
            terminal_id=data.terminalId,
            description=data.description,
        )
    )
    return shown.response(answer)


@router.get("", name="listHolds", response_model=list[HoldResponse])
async def list_holds(visit: Reading, programId: ProgramId, cardId: CardId) -> Response:
    """The card's holds, newest first, at most 250; `X-Total-Count` says how many there are in all."""
    database, currency = visit.services.database, visit.program.currency
    found = await card_by_id(database, visit.program.id, cardId, is_test=visit.caller.is_test)
    visit.require_own(found.card)
    holds, total = await holds_of(database, found)
    left = await available(database, found)
    body = [_hold(hold, left, currency) for hold in holds]
    return shown.json_response(body, {"X-Total-Count": str(total)})


@router.get("/{holdId}", name="getHold", response_model=HoldResponse)
async def show(visit: Reading, programId: ProgramId, cardId: CardId, holdId: HoldId) -> Response:
    """The hold as it is now."""
    database = visit.services.database
    found = await card_by_id(database, visit.program.id, cardId, is_test=visit.caller.is_test)
    visit.require_own(found.card)
    hold = await hold_by_id(database, found, holdId)
    return shown.json_response(_hold(hold, await available(database, found), visit.program.currency))


@router.post("/{holdId}/capture", name="captureHold", response_model=CaptureResponse)
async def capture(
    visit: Holding,
    programId: ProgramId,
    cardId: CardId,
    holdId: HoldId,
    data: CaptureHoldRequest,
    idempotency_key: Key = None,
) -> Response:
    """Take what is held, all of it or a part: a redemption."""
    visit.require_key(idempotency_key)
    answer = await visit.services.ledger.post(
        Capture(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=_render_captured,
            hold=holdId,
            amount=None if data.amount is None else shown.minor(visit.program, data.amount),
            keep_rest=data.keepRest,
            pos_transaction_id=data.posTransactionId,
            cashier_id=data.cashierId,
            terminal_id=data.terminalId,
            description=data.description,
        )
    )
    return shown.response(answer)


@router.post("/{holdId}/release", name="releaseHold", response_model=HoldResponse)
async def release(
    visit: Holding,
    programId: ProgramId,
    cardId: CardId,
    holdId: HoldId,
    data: ReleaseHoldRequest,
    idempotency_key: Key = None,
) -> Response:
    """Let the rest of a hold go."""
    answer = await visit.services.ledger.post(
        Release(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering(_hold_of),
            hold=holdId,
        )
    )
    return shown.response(answer)


def _hold(hold: Hold, available: int, currency: Currency) -> dict[str, object]:
    return {
        "id": hold.id,
        "giftCardId": hold.card_id,
        "programId": hold.program_id,
        "merchantId": hold.merchant_id,
        "status": hold.status.value,
        "amount": currency.text(hold.amount),
        "capturedAmount": currency.text(hold.captured),
        "orderReference": hold.order_reference,
        "posTransactionId": hold.pos_transaction_id,
        "cashierId": hold.cashier_id,
        "terminalId": hold.terminal_id,
        "description": hold.description,
        "createdAt": clock.text(hold.created_at),
        "expiresAt": clock.text(hold.expires_at),
        "endedAt": clock.text_or_none(hold.ended_at),
        "availableBalance": currency.text(available),
    }


def _hold_of(outcome: Outcome) -> dict[str, object]:
    return _hold(outcome.holds[0], outcome.card.available, outcome.program.currency)


def _captured(outcome: Outcome) -> dict[str, object]:
    entry, currency = outcome.entry, outcome.program.currency
    assert entry is not None, "a capture is an entry"
    amount, left = currency.text(-entry.amount), currency.text(entry.balance_after)
    return {
        "success": True,
        "message": f"Captured {amount} {currency.code}; {left} {currency.code} left on the card.",
        "transactionId": entry.id,
        "giftCardId": entry.card_id,
        "amountRedeemed": amount,
        "remainingBalance": left,
        "availableBalance": currency.text(outcome.card.available),
        "hold": _hold_of(outcome),
    }


_render_captured = shown.answering(_captured)
