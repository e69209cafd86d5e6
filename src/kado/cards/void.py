"""Void: end a card for good. What was on it is written off by an entry, so the sums stay true."""

from dataclasses import dataclass
from typing import ClassVar

from kado.cards import refusals
from kado.cards.card import CardStatus, TransactionType
from kado.cards.posting import Decision, NewEntry, Posting, Situation
from kado.errors import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Void(Posting):
    """`reason` is for people; `refund_reference` says under which reference the rest was paid out, if it was."""

    action: ClassVar[str] = "void"

    reason: str
    refund_reference: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.reason, self.refund_reference)

    def decide(self, on: Situation) -> Decision | Refusal:
        """Any card that is not voided yet, an expired one too, if no order holds money on it."""
        card, program, now = on.card, on.program, on.now
        status = card.status_at(now)
        if status is CardStatus.VOIDED:
            return refusals.card_not_active(status, "voided again")
        if card.held:
            return refusals.card_is_held(card)
        return Decision(
            entries=(
                NewEntry(
                    TransactionType.VOID, -card.balance, reference_id=self.refund_reference, description=self.reason
                ),
            ),
            changes={"voided_at": now},  # the code stays: its holder may still see that the card is voided
            audit=("card:voided", {"amount": program.currency.text(card.balance), "from": status.value}),
            supersede_messages="all",
        )
