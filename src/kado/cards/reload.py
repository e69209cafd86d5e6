"""Reload: put money on a card, named by its id or by its number."""

from dataclasses import dataclass
from typing import ClassVar, Final

from kado.cards import refusals
from kado.cards.card import CardStatus, TransactionType
from kado.cards.issue import expiry_of
from kado.cards.posting import Decision, NewEntry, Posting, Situation
from kado.errors import Refusal
from kado.programs.program import ExpiryRule

DESCRIPTION: Final = "Gift card reload"
"""What the entry says when the caller says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload(Posting):
    """`amount` in minor units of the program's currency."""

    action: ClassVar[str] = "reload"

    amount: int
    reference_id: str | None = None
    description: str | None = None
    by_number: bool = False

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.amount, self.reference_id, self.description)

    def scope(self) -> tuple[str, ...]:
        """The two ways to name the card are two operations, each with its own keys."""
        return ("reload-by-number" if self.by_number else "reload", self.card_id)

    @property
    def reference(self) -> str | None:
        """The caller's own reference."""
        return self.reference_id

    def decide(self, on: Situation) -> Decision | Refusal:
        """Add the amount to an active card, up to its maximum."""
        card, program, now = on.card, on.program, on.now
        if on.is_reversed:
            return refusals.already_reversed()
        status = card.status_at(now)
        if status is CardStatus.EXPIRED:
            return refusals.card_expired(card)
        if status is not CardStatus.ACTIVE:
            return refusals.card_not_active(status, "reloaded")
        if self.amount > program.max_reload:
            return refusals.amount_over_limit(program.currency, program.max_reload)
        if card.balance + self.amount > card.max_balance:
            return refusals.max_balance_exceeded(card, self.amount, program.currency)
        extended = expiry_of(program, now) if program.expiry_rule is ExpiryRule.AFTER_RELOAD else card.expires_at
        return Decision(
            entries=(
                NewEntry(
                    TransactionType.RELOAD,
                    self.amount,
                    reference_id=self.reference_id,
                    description=self.description or DESCRIPTION,
                ),
            ),
            changes={"expires_at": extended} if extended > card.expires_at else {},
        )
