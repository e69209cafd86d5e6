"""Refund: give back what a redemption took, all of it or a part, never more than is left of it."""

from dataclasses import dataclass
from typing import ClassVar, Final

from kado.cards import refusals
from kado.cards.card import CardStatus, TransactionType
from kado.cards.posting import Decision, EarlierEntry, NewEntry, Posting, Situation, Sought
from kado.errors import Forbidden, Refusal

_OVER: Final = (CardStatus.PENDING, CardStatus.EXPIRED, CardStatus.VOIDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(Posting):
    """`amount` in minor units of the program's currency; None asks for all that is left of the redemption."""

    action: ClassVar[str] = "refund"

    transaction_id: str
    amount: int | None = None
    reason: str | None = None
    pos_transaction_id: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.amount, self.reason, self.pos_transaction_id)

    def scope(self) -> tuple[str, ...]:
        """A key means one refund of one redemption."""
        return (self.action, self.card_id, self.transaction_id)

    @property
    def sought(self) -> Sought:
        """The redemption."""
        return Sought(entry_id=self.transaction_id)

    @property
    def pos_reference(self) -> str | None:
        """The till's number of the refund."""
        return self.pos_transaction_id

    def decide(self, on: Situation) -> Decision | Refusal:
        """An active, suspended or depleted card; a depleted one is active again."""
        if not on.earlier:
            return refusals.transaction_not_found()
        redemption, card, currency = on.earlier[0], on.card, on.program.currency
        if self.caller.merchant_id not in (on.program.merchant_id, redemption.merchant_id):
            return Forbidden("permission_denied", "A merchant that is admitted refunds its own redemptions only.")
        if on.is_reversed:
            return refusals.already_reversed()
        if not is_refundable(redemption):
            return refusals.not_refundable(redemption.type)
        if (status := card.status_at(on.now)) in _OVER:
            return refusals.card_is_ended(card, status, "refunded")
        amount = redemption.left if self.amount is None else self.amount
        if amount > redemption.left or amount == 0:
            return refusals.refund_exceeds_redemption(redemption.left, currency)
        if card.balance + amount > card.max_balance:
            return refusals.refund_exceeds_maximum(card, currency)
        return Decision(
            entries=(
                NewEntry(
                    TransactionType.REFUND,
                    amount,
                    pos_transaction_id=self.pos_transaction_id,
                    description=self.reason,
                    counterpart_id=redemption.id,
                ),
            )
        )


def is_refundable(entry: EarlierEntry) -> bool:
    """Whether the entry took money for a sale: a redemption that only takes a reload back did not."""
    return entry.type is TransactionType.REDEMPTION and entry.counterpart_id is None
