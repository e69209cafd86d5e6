"""Activate: put a pending card's value on it."""

from dataclasses import dataclass
from typing import ClassVar

from kado.access.permissions import Permission
from kado.cards import refusals
from kado.cards.card import Card, CardStatus, TransactionType
from kado.cards.posting import Decision, NewEntry, Posting, Situation
from kado.errors import Forbidden, Refusal
from kado.programs.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Activate(Posting):
    """Contacts that are given replace the card's. A code that is given was proved before.

    A customer who activates becomes the card's owner.
    """

    action: ClassVar[str] = "activate"

    customer_email: str | None = None
    customer_phone: str | None = None
    customer_name: str | None = None
    showed_code: bool = False

    def facts(self) -> tuple[object, ...]:
        """What was asked. Which code proved it is no part of it: here nobody would count a wrong one."""
        asked = (self.customer_email, self.customer_phone, self.customer_name, self.showed_code)
        return asked if self.caller.customer is None else (*asked, self.caller.customer.id)

    @property
    def owned_card_ids(self) -> tuple[str, ...]:
        """A gift is not its receiver's yet: who has proved its code need not own it before."""
        return (self.card_id,) if not self.showed_code else ()

    def decide(self, on: Situation) -> Decision | Refusal:
        """Only a pending card is activated, and only once."""
        card, program, now = on.card, on.program, on.now
        status = card.status_at(now)
        if status is CardStatus.EXPIRED:
            return refusals.card_expired(card)
        if status is not CardStatus.PENDING:
            return refusals.card_not_pending(status)
        if self.caller.role == "cashier" and card.initial_value > program.cashier_issue_limit:
            return Forbidden("cashier_limit", "The card's value is above what a cashier may activate.")
        if self._replaces_a_contact(card) and not self._may_replace(program):
            return Forbidden("permission_denied", "Only the program's owner replaces a contact that the card has.")
        return Decision(
            entries=(NewEntry(TransactionType.ACTIVATION, card.initial_value, description="Gift card activated"),),
            changes={"activated_at": now} | self._holder(card),
        )

    def _holder(self, card: Card) -> dict[str, object]:
        """Whose the card is from now on: what was given; of a customer the id, and what the card does not have yet."""
        given = {
            "customer_email": self.customer_email,
            "customer_phone": self.customer_phone,
            "customer_name": self.customer_name,
        }
        facts: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        customer = self.caller.customer
        if customer is None:
            return facts
        proved = {
            "customer_email": customer.email,
            "customer_phone": customer.phone,
            "customer_name": customer.name,
        }
        missing = {name: value for name, value in proved.items() if value is not None and getattr(card, name) is None}
        return {"customer_id": customer.id} | missing | facts

    def _replaces_a_contact(self, card: Card) -> bool:
        """Whether codes of this card would go to someone else from now on."""
        pairs = ((self.customer_email, card.customer_email), (self.customer_phone, card.customer_phone))
        return any(given is not None and had is not None and given != had for given, had in pairs)

    def _may_replace(self, program: Program) -> bool:
        """Those who may send a code elsewhere, and whoever has shown the card's own."""
        is_owner = self.caller.merchant_id == program.merchant_id
        return self.showed_code or (is_owner and Permission.CARDS_RESEND_ELSEWHERE in self.caller.permissions)
