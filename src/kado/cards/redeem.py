"""Redeem: take money from a card. The only place that decides whether that is allowed."""

from dataclasses import dataclass
from typing import ClassVar

from kado.cards import refusals
from kado.cards.card import CardStatus, TransactionType
from kado.cards.posting import Decision, NewEntry, Posting, Situation
from kado.errors import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem(Posting):
    """`amount` in minor units of the program's currency."""

    action: ClassVar[str] = "redeem"

    amount: int
    pos_transaction_id: str | None = None
    cashier_id: str | None = None
    terminal_id: str | None = None
    description: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.amount, self.pos_transaction_id, self.cashier_id, self.terminal_id, self.description)

    @property
    def pos_reference(self) -> str | None:
        """The till's number of the sale."""
        return self.pos_transaction_id

    def decide(self, on: Situation) -> Decision | Refusal:
        """Take the amount from an active card that holds it."""
        card, program, now = on.card, on.program, on.now
        if on.is_reversed:
            return refusals.already_reversed()
        status = card.status_at(now)
        if status is CardStatus.EXPIRED:
            return refusals.card_expired(card)
        if status is not CardStatus.ACTIVE:
            return refusals.card_not_active(status, "redeemed")
        if program.max_redeem is not None and self.amount > program.max_redeem:
            return refusals.amount_over_limit(program.currency, program.max_redeem)
        if self.amount > card.available:
            return refusals.insufficient_balance(card, program.currency)
        return Decision(
            entries=(
                NewEntry(
                    TransactionType.REDEMPTION,
                    -self.amount,
                    pos_transaction_id=self.pos_transaction_id,
                    cashier_id=self.cashier_id,
                    terminal_id=self.terminal_id,
                    description=self.description,
                ),
            )
        )
