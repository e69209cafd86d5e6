"""Take back a sale: end a card that was sold a moment ago, as long as nothing has happened to it since.

Ending a card is more than a cashier may. What they may is to undo their own slip: the sale that they made at this
device within a day, and only while the whole value is still on the card and nobody has made anything of it.
"""

from dataclasses import dataclass
from typing import ClassVar

from kado.cards import refusals
from kado.cards.card import CardStatus, TransactionType
from kado.cards.posting import Decision, EarlierEntry, NewEntry, Posting, Situation, Sought
from kado.cards.reverse import WITHIN
from kado.errors import Forbidden, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackSale(Posting):
    """`activation_id` names the entry by which the card got its value."""

    action: ClassVar[str] = "take-back-sale"

    activation_id: str

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.activation_id,)

    @property
    def sought(self) -> Sought:
        """The sale."""
        return Sought(entry_id=self.activation_id)

    def decide(self, on: Situation) -> Decision | Refusal:
        """The value is written off, the card has ended, and what has not been sent of it is not sent any more."""
        sale, card = on.earlier[0] if on.earlier else None, on.card
        if sale is None or sale.type is not TransactionType.ACTIVATION or sale.created_at <= on.now - WITHIN:
            return refusals.transaction_not_found()
        if not self._is_own(sale):
            return Forbidden("permission_denied", "Whoever sold the card takes the sale back, at the same till.")
        status = card.status_at(on.now)
        if status is CardStatus.VOIDED:
            return refusals.card_not_active(status, "taken back")
        if card.held:
            return refusals.card_is_held(card)
        if card.seq != sale.seq or status is not CardStatus.ACTIVE or card.customer_id is not None:
            return Refusal("card_used_since", "Something else has happened to the card since; a manager can end it.")
        return Decision(
            entries=(NewEntry(TransactionType.VOID, -card.balance, description="Sale taken back"),),
            changes={"voided_at": on.now},
            audit=("card:voided", {"amount": on.program.currency.text(card.balance), "from": status.value}),
            supersede_messages="all",
        )

    def _is_own(self, sale: EarlierEntry) -> bool:
        who, where = self.caller.cashier_id, self.caller.terminal_id
        asks = (self.caller.merchant_id, who, where)
        return None not in asks and (sale.merchant_id, sale.cashier_id, sale.terminal_id) == asks
