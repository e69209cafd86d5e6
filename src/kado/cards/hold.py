"""Hold: set money of a card aside for an order, so that nothing else can spend it until it is captured or let go."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from kado.cards import refusals
from kado.cards.card import CardStatus, Hold, HoldStatus
from kado.cards.posting import Decision, Posting, Situation
from kado.errors import Refusal
from kado.ids import new_id

SHORTEST: Final = timedelta(minutes=1)
USUAL: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=30)

MOST_OPEN: Final = 100
"""On one card: each operation on it reads all of them, and everybody's operations wait for one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold(Posting):
    """`amount` in minor units of the program's currency; `lasts` until what is left is released by itself."""

    action: ClassVar[str] = "hold"

    amount: int
    order_reference: str
    lasts: timedelta = USUAL
    pos_transaction_id: str | None = None
    cashier_id: str | None = None
    terminal_id: str | None = None
    description: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (
            self.amount,
            self.order_reference,
            self.lasts,
            self.pos_transaction_id,
            self.cashier_id,
            self.terminal_id,
            self.description,
        )

    @property
    def reference(self) -> str:
        """The order: the entry of a capture bears it as its reference."""
        return self.order_reference

    @property
    def pos_reference(self) -> str | None:
        """The till's number of the sale."""
        return self.pos_transaction_id

    def decide(self, on: Situation) -> Decision | Refusal:
        """As a redemption would be decided, but the balance stays."""
        card, currency = on.card, on.program.currency
        if on.is_reversed:
            return refusals.already_reversed()
        if (status := card.status_at(on.now)) is CardStatus.EXPIRED:
            return refusals.card_expired(card)
        if status is not CardStatus.ACTIVE:
            return refusals.card_not_active(status, "held for an order")
        if on.program.max_redeem is not None and self.amount > on.program.max_redeem:
            return refusals.amount_over_limit(currency, on.program.max_redeem)
        if self.amount > card.available:
            return refusals.insufficient_balance(card, currency)
        if sum(hold.status is HoldStatus.OPEN for hold in on.holds) >= MOST_OPEN:
            return refusals.too_many_holds(MOST_OPEN)
        hold = Hold(
            program_id=card.program_id,
            id=new_id(),
            card_id=card.id,
            merchant_id=self.caller.merchant_id,
            amount=self.amount,
            captured=0,
            status=HoldStatus.OPEN,
            order_reference=self.order_reference,
            pos_transaction_id=self.pos_transaction_id,
            cashier_id=self.cashier_id or self.caller.cashier_id,
            terminal_id=self.terminal_id or self.caller.terminal_id,
            description=self.description,
            created_at=on.now,
            expires_at=on.now + self.lasts,
        )
        return Decision(
            changes={"held": card.held + self.amount},
            holds=(hold,),
            audit=("hold:placed", {"hold": hold.id, "amount": currency.text(self.amount)}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LetExpiredGo(Posting):
    """Nothing but what the machine does before each decision: holds whose time is over are released."""

    action: ClassVar[str] = "let-expired-holds-go"

    def facts(self) -> tuple[object, ...]:
        """Nothing beside the card."""
        return ()

    def decide(self, on: Situation) -> Decision | Refusal:  # noqa: ARG002 - one shape for all
        """Nothing else."""
        return Decision()


def open_hold(on: Situation, hold_id: str | None, merchant_id: str) -> Hold | Refusal:
    """The hold, if it is open and the merchant's own, or any of them for the program's owner."""
    hold = next((one for one in on.holds if one.id == hold_id), None)
    if hold is None or merchant_id not in (hold.merchant_id, on.program.merchant_id):
        return refusals.hold_not_found()
    if hold.status is not HoldStatus.OPEN:
        return refusals.hold_not_open(hold.status)
    return hold
