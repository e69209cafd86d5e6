"""Operations that move money on a card: activate, reload, redeem."""

# ruff: noqa: N803 - parameter names are the names on the wire

from fastapi import APIRouter, Response

from kado.cards.activate import Activate
from kado.cards.find import card_by_id, card_by_number
from kado.cards.posting import Answer, Outcome
from kado.cards.redeem import Redeem
from kado.cards.reload import Reload
from kado.doors.api import shown
from kado.doors.api.proving import prove_code
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.cards import (
    ActivateGiftCardRequest,
    GiftCardResponse,
    RedeemGiftCardRequest,
    RedeemResponse,
    ReloadByCardNumberRequest,
    ReloadGiftCardRequest,
)
from kado.doors.api.visit import (
    SESSION_HEADERS,
    Activating,
    CardId,
    Key,
    ProgramId,
    Redeeming,
    Reloading,
    StrayCardId,
    Visit,
)
from kado.errors import Invalid

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/cards",
    tags=["Gift Cards"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)


@router.post("/{cardId}/activate", name="activateGiftCard", response_model=GiftCardResponse)
async def activate(
    visit: Activating,
    programId: ProgramId,
    cardId: CardId,
    data: ActivateGiftCardRequest,
    idempotency_key: Key = None,
) -> Response:
    """Put the card's value on it. A code, if one is sent, must be the card's; only a customer has to send it."""
    visit.require_key(idempotency_key)
    if visit.caller.customer is not None and data.securityCode is None:
        raise Invalid(("body", "securityCode"), "A customer activates with the card's code.", "security_code_required")
    posting = Activate(
        program_id=visit.program.id,
        card_id=cardId,
        caller=visit.caller,
        key=idempotency_key,
        render=shown.answering_card(visit.services),
        customer_email=data.customerEmail,
        customer_phone=data.customerPhone,
        customer_name=data.customerName,
        showed_code=data.securityCode is not None,
    )
    # A repetition is answered as before, whatever code it shows: the card's may have changed since.
    if data.securityCode is not None and not await visit.services.ledger.knows(posting):
        found = await card_by_id(visit.services.database, visit.program.id, cardId, is_test=visit.caller.is_test)
        await prove_code(visit, found, data.securityCode)
    return shown.response(await visit.services.ledger.post(posting))


@router.post("/reload-by-number", name="reloadGiftCardByNumber", response_model=GiftCardResponse)
async def reload_by_number(
    visit: Reloading,
    programId: ProgramId,
    data: ReloadByCardNumberRequest,
    cardId: StrayCardId = None,
    idempotency_key: Key = None,
) -> Response:
    """Add money to the card with this number, as a till reads or a cashier types it."""
    visit.require_key(idempotency_key)
    amount = shown.minor(visit.program, data.amount)
    found = await card_by_number(
        visit.services.database,
        visit.services.keyring,
        visit.program.id,
        data.cardNumber,
        is_test=visit.caller.is_test,
    )
    answer = await visit.services.ledger.post(
        Reload(
            program_id=visit.program.id,
            card_id=found.card.id,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering_card(visit.services),
            amount=amount,
            reference_id=data.referenceId,
            description=data.description,
            by_number=True,
        )
    )
    return shown.response(answer)


@router.post("/{cardId}/reload", name="reloadGiftCard", response_model=GiftCardResponse)
async def reload(
    visit: Reloading,
    programId: ProgramId,
    cardId: CardId,
    data: ReloadGiftCardRequest,
    idempotency_key: Key = None,
) -> Response:
    """Add money to the card, up to its maximum."""
    return shown.response(await reload_card(visit, cardId, data, idempotency_key))


async def reload_card(visit: Visit, card_id: str, data: ReloadGiftCardRequest, key: str | None) -> Answer:
    """What `reload` does. Raises the refusals that are not stored."""
    visit.require_key(key)
    return await visit.services.ledger.post(
        Reload(
            program_id=visit.program.id,
            card_id=card_id,
            caller=visit.caller,
            key=key,
            render=shown.answering_card(visit.services),
            amount=shown.minor(visit.program, data.amount),
            reference_id=data.referenceId,
            description=data.description,
        )
    )


@router.post("/{cardId}/redeem", name="redeemGiftCard", response_model=RedeemResponse)
async def redeem(
    visit: Redeeming,
    programId: ProgramId,
    cardId: CardId,
    data: RedeemGiftCardRequest,
    idempotency_key: Key = None,
) -> Response:
    """Take money from the card. Repeating the request with the same key gives the first answer again."""
    return shown.response(await redeem_card(visit, cardId, data, idempotency_key))


async def redeem_card(visit: Visit, card_id: str, data: RedeemGiftCardRequest, key: str | None) -> Answer:
    """What `redeem` does. Raises the refusals that are not stored."""
    visit.require_key(key)
    return await visit.services.ledger.post(
        Redeem(
            program_id=visit.program.id,
            card_id=card_id,
            caller=visit.caller,
            key=key,
            render=_render_redeemed,
            amount=shown.minor(visit.program, data.amount),
            pos_transaction_id=data.posTransactionId,
            cashier_id=data.cashierId,
            terminal_id=data.terminalId,
            description=data.description,
        )
    )


def _redeemed(outcome: Outcome) -> dict[str, object]:
    entry, currency = outcome.entry, outcome.program.currency
    assert entry is not None, "a redemption is an entry"
    amount, left = currency.text(-entry.amount), currency.text(entry.balance_after)
    return {
        "transactionId": entry.id,
        "giftCardId": entry.card_id,
        "amountRedeemed": amount,
        "remainingBalance": left,
        "success": True,
        "message": f"Redeemed {amount} {currency.code}; {left} {currency.code} left.",
    }


_render_redeemed = shown.answering(_redeemed)
