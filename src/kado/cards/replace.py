"""Replace: a lost card for a new one with the same money; from that moment the old number opens nothing."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from msgspec import structs

from kado.cards import refusals
from kado.cards.card import Card, CardStatus, TransactionType
from kado.cards.posting import Decision, Fresh, NewEntry, Posting, Situation
from kado.cards.resend_code import notice_to_holder
from kado.errors import Refusal
from kado.ids import new_id
from kado.storage.outbox import Message

_REPLACEABLE: Final = (CardStatus.PENDING, CardStatus.ACTIVE, CardStatus.SUSPENDED)
"""A depleted card has nothing to save; an expired one is processed first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace(Posting):
    """`reason` is for people. Contacts that are given replace the card's; the new code goes there."""

    action: ClassVar[str] = "replace"

    reason: str
    customer_email: str | None = None
    customer_phone: str | None = None
    is_physical: bool | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.reason, self.customer_email, self.customer_phone, self.is_physical)

    def decide(self, on: Situation) -> Decision | Refusal:
        """The new card is what the old one was, pending or with its money. A suspension ends with the old one."""
        card, now = on.card, on.now
        status = card.status_at(now)
        if status is CardStatus.EXPIRED:
            return refusals.card_is_ended(card, status, "replaced")
        if status not in _REPLACEABLE:
            return refusals.card_not_active(status, "replaced")
        if card.activated_at is not None and card.balance == 0:  # suspended, and spent: activation comes only once
            return refusals.card_not_active(CardStatus.DEPLETED, "replaced")
        if card.held:
            return refusals.card_is_held(card)
        leaves, arrives = new_id(), new_id()
        if card.balance:
            out = NewEntry(TransactionType.TRANSFER_OUT, -card.balance, id=leaves, counterpart_id=arrives)
            into = NewEntry(TransactionType.TRANSFER_IN, card.balance, id=arrives, counterpart_id=leaves)
        else:
            out = NewEntry(TransactionType.VOID, 0, id=leaves, counterpart_id=arrives)
            into = NewEntry(TransactionType.PURCHASE, 0, id=arrives, counterpart_id=leaves)
        return Decision(
            entries=(structs.replace(out, description=self.reason),),
            changes={"voided_at": now},
            messages=self._notice(card, now),
            supersede_messages="all",
            fresh=Fresh(
                self._like(card),
                structs.replace(into, description=f"Replaces the card ending {card.last_four}"),
                "replacement",
                by_phone=self.customer_phone is not None and self.customer_email is None,
            ),
            audit=("card:replaced", {"from": status.value, "amount": on.program.currency.text(card.balance)}),
        )

    def _notice(self, card: Card, now: datetime) -> tuple[Message, ...]:
        if self.customer_email is None and self.customer_phone is None:
            return ()
        return notice_to_holder(card, now, self.customer_email, self.customer_phone)

    def _like(self, card: Card) -> Card:
        return dataclasses.replace(
            card,
            suspended_at=None,
            suspended_until=None,
            suspended_reason=None,
            customer_email=self.customer_email or card.customer_email,
            customer_phone=self.customer_phone or card.customer_phone,
            is_physical=card.is_physical if self.is_physical is None else self.is_physical,
        )
