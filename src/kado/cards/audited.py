"""What the audit log says of a card: one row for each entry, under the entry's id, and one for each other change.

Amounts and balances of an entry's row stand in the entry. What is here is the state that changed with it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from kado import audit, clock
from kado.access.caller import Caller
from kado.audit import Facts, Row
from kado.audit.origin import Origin
from kado.cards.card import Card, CardStatus, Entry, Hold, TransactionType
from kado.cards.masking import mask
from kado.cards.posting import Posting
from kado.money import Currency
from kado.programs.program import Program

ACTIONS: Final[Mapping[str, str]] = {
    TransactionType.PURCHASE: "card:issued",
    TransactionType.ACTIVATION: "card:activated",
    TransactionType.RELOAD: "card:reloaded",
    TransactionType.REDEMPTION: "card:redeemed",
    TransactionType.CONSOLIDATION: "card:consolidated",
    TransactionType.VOID: "card:voided",
    TransactionType.TRANSFER_OUT: "card:transferred-out",
    TransactionType.TRANSFER_IN: "card:transferred-in",
    TransactionType.OWNERSHIP_TRANSFER: "card:ownership-transferred",
    TransactionType.RESEND_CODE: "card:code-resent",
    TransactionType.REFUND: "card:refunded",
}
"""What happened, by the entry that it left."""


def _masked(value: str | None) -> str | None:
    return None if value is None else mask(value)


def _present(value: object) -> str | None:
    """Of words about or by a person the log says only that they are there; the card has them while it may."""
    return None if value is None else "***"


_SHOWN: Final[Mapping[str, tuple[str, Callable[[Any], object]]]] = {
    "activated_at": ("activatedAt", clock.text_or_none),
    "expires_at": ("expiresAt", clock.text_or_none),
    "suspended_until": ("suspendedUntil", clock.text_or_none),
    "suspended_reason": ("suspendedReason", _present),
    "voided_at": ("voidedAt", clock.text_or_none),
    "deliver_at": ("deliverAt", clock.text_or_none),
    "customer_id": ("customerId", str),
    "customer_email": ("customerEmail", _masked),
    "customer_phone": ("customerPhone", _masked),
    "customer_name": ("customerName", _present),
    "sender_name": ("senderName", _present),
    "custom_message": ("customMessage", _present),
    "language": ("language", str),
    "time_zone": ("timeZone", str),
    "successor_id": ("successorId", str),
    "code_hash": ("securityCode", _present),
}
"""Facts of a card that the log shows, by field: their names, and how they are said."""


def difference(card: Card, was: CardStatus, had: Mapping[str, Any], currency: Currency) -> tuple[Facts, Facts]:
    """What became different in a card: its status, which `was`, and those fields that `had` other values."""
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    if card.recorded_status != was:
        before["status"], after["status"] = was, CardStatus(card.recorded_status)
    for name, old in had.items():
        new = getattr(card, name)
        if old == new:
            continue
        if name == "held":
            before["held"], after["held"] = currency.text(old), currency.text(new)
        elif name in _SHOWN:
            title, said = _SHOWN[name]
            before[title] = None if old is None else said(old)
            after[title] = None if new is None else said(new)
    return before, after


def beginning(card: Card, currency: Currency) -> Facts:
    """What a new card is."""
    return {
        "status": CardStatus(card.recorded_status),
        "initialValue": currency.text(card.initial_value),
        "expiresAt": clock.text(card.expires_at),
    }


def said_by(caller: Caller, details: Facts) -> Facts:
    """The details, with the till's session where the caller has one: the key alone may be that of many tills."""
    return details if caller.session is None else {**details, "session": caller.session.id}


def of_entry(
    entry: Entry,
    actor: str,
    source: Origin,
    *,
    action: str | None = None,
    details: Facts | None = None,
    before: Facts | None = None,
    after: Facts | None = None,
) -> Row:
    """The one row of an entry: under its id, at its time."""
    return Row(
        id=entry.id,
        at=entry.created_at,
        merchant_id=entry.merchant_id,
        program_id=entry.program_id,
        actor=actor,
        action=action or ACTIONS[entry.type],
        subject=entry.card_id,
        details=details or {},
        before=before,
        after=after,
        source=source,
    )


def of_change(
    posting: Posting, card: Card, source: Origin, action: str, details: Facts, before: Facts, after: Facts
) -> Row:
    """The row of a change that no entry records."""
    return Row(
        merchant_id=posting.caller.merchant_id,
        program_id=card.program_id,
        actor=posting.caller.subject,
        action=action,
        subject=card.id,
        details=said_by(posting.caller, details),
        before=before,
        after=after,
        source=source,
    )


def of_expired_hold(hold: Hold, program: Program) -> Row:
    """A hold whose time was over: nobody did it, wherever the request came from that noticed."""
    return Row(
        merchant_id=program.merchant_id,
        program_id=hold.program_id,
        actor=audit.TIME,
        action="hold:expired",
        subject=hold.card_id,
        details={"hold": hold.id, "amount": program.currency.text(hold.rest)},
    )
