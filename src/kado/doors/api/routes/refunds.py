"""Operations that take a redemption back: by its id, or by the reference under which it was sent."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from kado.cards.card import CardStatus, Entry, TransactionType
from kado.cards.find import card_by_number, entries_by_reference
from kado.cards.posting import Outcome, ReferenceKind
from kado.cards.refund import Refund
from kado.cards.reverse import Reverse
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.moves import (
    RefundGiftCardRequest,
    RefundResponse,
    ReversalRequest,
    ReversalResponse,
    SentTransactionResponse,
)
from kado.doors.api.types import Line100, PydanticObjectId
from kado.doors.api.visit import SESSION_HEADERS, CardId, Key, ProgramId, Refunding
from kado.errors import Invalid
from kado.money import Currency

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}",
    tags=["Gift Cards"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)


@router.post(
    "/cards/{cardId}/transactions/{transactionId}/refund",
    name="refundGiftCardTransaction",
    response_model=RefundResponse,
)
async def refund(
    visit: Refunding,
    programId: ProgramId,
    cardId: CardId,
    transactionId: Annotated[PydanticObjectId, Path()],
    data: RefundGiftCardRequest,
    idempotency_key: Key = None,
) -> Response:
    """Give back what a redemption took: all that is left of it, or a part."""
    visit.require_key(idempotency_key)
    answer = await visit.services.ledger.post(
        Refund(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=_render_refunded,
            transaction_id=transactionId,
            amount=None if data.amount is None else shown.minor(visit.program, data.amount),
            reason=data.reason,
            pos_transaction_id=data.posTransactionId,
        )
    )
    return shown.response(answer)


@router.post("/reversals", name="reverseByReference", response_model=ReversalResponse)
async def reverse(
    visit: Refunding, programId: ProgramId, data: ReversalRequest, idempotency_key: Key = None
) -> Response:
    """Take back what was sent to a card under a reference of one's own, whether or not it arrived. Ours."""
    services, kind = visit.services, _kind(data.posTransactionId)
    card_id = data.cardId
    if data.cardNumber is not None:
        found = await card_by_number(
            services.database, services.keyring, visit.program.id, data.cardNumber, is_test=visit.caller.is_test
        )
        card_id = found.card.id
    assert card_id is not None, "the card has one name or the other"
    reference = data.posTransactionId or data.referenceId
    assert reference is not None, "there is one reference or the other"
    answer = await services.ledger.post(
        Reverse(
            program_id=visit.program.id,
            card_id=card_id,
            caller=visit.caller,
            key=idempotency_key,
            render=_render_reversed,
            kind=kind,
            own_reference=reference,
            reason=data.reason,
        )
    )
    return shown.response(answer)


@router.get("/transactions", name="findTransactionsByReference", response_model=list[SentTransactionResponse])
async def sent(
    visit: Refunding,
    programId: ProgramId,
    posTransactionId: Annotated[Line100 | None, Query()] = None,
    referenceId: Annotated[Line100 | None, Query()] = None,
) -> Response:
    """What arrived under a reference of the caller's own, newest first, at most 100. Ours, not the contract's."""
    reference = posTransactionId or referenceId
    if reference is None or (posTransactionId and referenceId):
        raise Invalid(
            ("query", "posTransactionId"), "Exactly one of posTransactionId and referenceId is to be given.", "missing"
        )
    entries = await entries_by_reference(
        visit.services.database,
        visit.program.id,
        _kind(posTransactionId),
        reference,
        merchant_id=visit.caller.merchant_id,
        is_test=visit.caller.is_test,
    )
    return shown.json_response([_sent(entry, visit.program.currency) for entry in entries])


def _kind(pos_transaction_id: str | None) -> ReferenceKind:
    return "pos_transaction_id" if pos_transaction_id else "reference_id"


def _sent(entry: Entry, currency: Currency) -> dict[str, object]:
    more = {"giftCardId": entry.card_id, "counterpartId": entry.counterpart_id}
    return shown.transaction(entry, currency) | more


def _refunded(outcome: Outcome) -> dict[str, object]:
    entry, currency = outcome.entry, outcome.program.currency
    assert entry is not None, "a refund is an entry"
    amount, now_on_it = currency.text(entry.amount), currency.text(entry.balance_after)
    suspended = outcome.card.status_at(outcome.now) is CardStatus.SUSPENDED
    return {
        "transactionId": entry.id,
        "giftCardId": entry.card_id,
        "refundedAmount": amount,
        "remainingBalance": now_on_it,
        "success": True,
        "message": f"Refunded {amount} {currency.code}; {now_on_it} {currency.code} on the card"
        + (", which is still suspended." if suspended else "."),
    }


_render_refunded = shown.answering(_refunded)


def _reversed(outcome: Outcome) -> dict[str, object]:
    currency, entries = outcome.program.currency, outcome.entries
    found = bool(entries or outcome.holds)
    return {
        "success": True,
        "message": _reversal_text(entries, len(outcome.holds), len(outcome.left_alone)),
        "giftCardId": outcome.card.id,
        "found": found,
        "reversed": [
            {"transactionId": entry.counterpart_id, "reversalId": entry.id, "amount": currency.text(entry.amount)}
            for entry in entries
        ],
        "releasedHolds": [hold.id for hold in outcome.holds],
        "olderTransactions": list(outcome.left_alone),
        "balance": currency.text(outcome.card.balance),
    }


def _reversal_text(entries: tuple[Entry, ...], holds: int, older: int) -> str:
    rest = "the reference is spent from now on."
    if older:
        rest = f"{older} with this reference are more than a day old and were left alone: refund them by their ids."
    if not entries and not holds:
        return f"There was nothing to take back; {rest}"
    refunds = sum(entry.type is TransactionType.REFUND for entry in entries)
    parts = [(refunds, "redemption"), (len(entries) - refunds, "reload"), (holds, "hold")]
    named = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count]
    return f"Taken back: {', '.join(named)}; {rest}"


_render_reversed = shown.answering(_reversed)
