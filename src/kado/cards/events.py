"""What others may hear of a card: the types of events and what each of them says. No I/O.

An event never holds a card number, a code, an address, a phone number or a name, nor the free text of an entry, in
which any of these might stand. Amounts are decimal strings with exactly the currency's decimals, as in the API.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from kado import clock
from kado.cards.card import Card, CardStatus, Entry, Hold, TransactionType
from kado.cards.posting import Outcome
from kado.ids import new_id
from kado.money import Currency
from kado.programs.program import Program
from kado.storage.outbox import Event


class EventType(StrEnum):
    """What can happen to a card."""

    ISSUED = "giftcard.issued"
    ACTIVATED = "giftcard.activated"
    REDEEMED = "giftcard.redeemed"
    RELOADED = "giftcard.reloaded"
    REFUNDED = "giftcard.refunded"
    TRANSFERRED = "giftcard.transferred"
    CONSOLIDATED = "giftcard.consolidated"
    VOIDED = "giftcard.voided"
    SUSPENDED = "giftcard.suspended"
    UNSUSPENDED = "giftcard.unsuspended"
    EXPIRED = "giftcard.expired"
    DELIVERED = "giftcard.delivered"
    HELD = "giftcard.held"
    CAPTURED = "giftcard.captured"
    RELEASED = "giftcard.released"
    REPLACED = "giftcard.replaced"
    OWNERSHIP_TRANSFERRED = "giftcard.ownership_transferred"
    FRAUD_ALERT = "giftcard.fraud_alert"


_OF_ENTRY: Final = {
    TransactionType.PURCHASE: EventType.ISSUED,
    TransactionType.ACTIVATION: EventType.ACTIVATED,
    TransactionType.REDEMPTION: EventType.REDEEMED,
    TransactionType.RELOAD: EventType.RELOADED,
    TransactionType.REFUND: EventType.REFUNDED,
    TransactionType.TRANSFER_OUT: EventType.TRANSFERRED,
    TransactionType.TRANSFER_IN: EventType.TRANSFERRED,
    TransactionType.CONSOLIDATION: EventType.CONSOLIDATED,
    TransactionType.VOID: EventType.VOIDED,
    TransactionType.OWNERSHIP_TRANSFER: EventType.OWNERSHIP_TRANSFERRED,
}
"""A new security code is an entry that nobody hears of."""

_OF_ACTION: Final = {
    "suspend": EventType.SUSPENDED,
    "unsuspend": EventType.UNSUSPENDED,
    "hold": EventType.HELD,
    "capture": EventType.CAPTURED,
    "release": EventType.RELEASED,
    "replace": EventType.REPLACED,
}
"""Actions of the posting machine that say more than the entry they leave, if they leave one."""


def events_of(action: str, outcome: Outcome) -> list[Event]:
    """What is heard of a posting: one event for each card that it changed, nothing where nobody listens."""
    if not outcome.program.is_heard:
        return []
    word, fresh = _OF_ACTION.get(action), outcome.fresh
    cards = {card.id: card for card in (outcome.card, *outcome.others)}
    if fresh is not None:
        cards[fresh.id] = fresh
    heard: list[tuple[EventType, Card, Entry | None]] = []
    for entry in outcome.entries:
        kind = _OF_ENTRY.get(entry.type)
        if word is not None:
            kind = word if entry.card_id == outcome.card.id else EventType.ISSUED
        if kind is not None:
            heard.append((kind, cards[entry.card_id], entry))
    if word is not None and not outcome.entries:
        heard.append((word, outcome.card, None))
    return [
        of_state(kind, card, outcome.program, outcome.now, entry=entry, more=_more(kind, outcome))
        for kind, card, entry in heard
    ] + [hold_released(hold, outcome.card, outcome.program, outcome.now) for hold in _released_beside(action, outcome)]


def hold_released(hold: Hold, card: Card, program: Program, now: datetime) -> Event:
    """Held money can be spent again, although nobody asked for just that."""
    return of_state(EventType.RELEASED, card, program, now, more={"hold": _hold(hold, program.currency)})


def _released_beside(action: str, outcome: Outcome) -> tuple[Hold, ...]:
    return outcome.holds if action not in _OF_ACTION else ()


def _more(kind: EventType, outcome: Outcome) -> dict[str, object] | None:
    if kind is EventType.REPLACED and outcome.fresh is not None:
        return {"newCardId": outcome.fresh.id}
    if kind in (EventType.HELD, EventType.CAPTURED, EventType.RELEASED) and outcome.holds:
        return {"hold": _hold(outcome.holds[0], outcome.program.currency)}
    return None


def _hold(hold: Hold, currency: Currency) -> dict[str, object]:
    return {"id": hold.id, "amount": currency.text(hold.amount), "orderReference": hold.order_reference}


def of_state(
    kind: EventType,
    card: Card,
    program: Program,
    now: datetime,
    *,
    entry: Entry | None = None,
    more: Mapping[str, object] | None = None,
) -> Event:
    """An event of this type about the card as it is now. `more` are its own members (`event_schemas.py`)."""
    return of_facts(
        kind,
        program.currency,
        now,
        program_id=card.program_id,
        card_id=card.id,
        merchant_id=card.merchant_id,
        status=card.status_at(now),
        balance=card.balance,
        held=card.held,
        last_four=card.last_four,
        expires_at=card.expires_at,
        is_test=card.is_test,
        entry=entry,
        more=more,
    )


def of_facts(
    kind: EventType,
    currency: Currency,
    now: datetime,
    *,
    program_id: str,
    card_id: str,
    merchant_id: str,
    status: CardStatus,
    balance: int,
    held: int,
    last_four: str,
    expires_at: datetime,
    is_test: bool,
    entry: Entry | None = None,
    more: Mapping[str, object] | None = None,
) -> Event:
    """The same for a card of which only these facts were read. Amounts in minor units of the currency."""
    event_id = new_id()
    data = {
        "programId": program_id,
        "cardId": card_id,
        "merchantId": merchant_id,
        "status": status.value,
        "balance": currency.text(balance),
        "availableBalance": currency.text(balance - held),
        "currency": currency.code,
        "lastFourDigits": last_four,
        "expiresAt": clock.text(expires_at),
        "isTest": is_test,
        "transaction": None if entry is None else transaction(entry, currency),
        **(more or {}),
    }
    said = {"id": event_id, "type": kind.value, "timestamp": clock.text(now), "data": data}
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return Event(program_id, event_id, card_id, kind.value, is_test, body, now)


def transaction(entry: Entry, currency: Currency) -> dict[str, Any]:
    """An entry as the API shows it, without its description: that is free text and may name somebody."""
    return {
        "id": entry.id,
        "transactionType": entry.type.value,
        "amount": currency.text(entry.amount),
        "balanceBefore": currency.text(entry.balance_before),
        "balanceAfter": currency.text(entry.balance_after),
        "referenceId": entry.reference_id,
        "createdAt": clock.text(entry.created_at),
        "processedAt": clock.text(entry.created_at),
        "merchantId": entry.merchant_id,
        "posTransactionId": entry.pos_transaction_id,
        "cashierId": entry.cashier_id,
        "terminalId": entry.terminal_id,
    }
