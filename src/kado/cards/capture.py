"""Capture: take what a hold set aside, all of it or a part; what is not taken is let go unless it is to be kept."""

from dataclasses import dataclass, replace
from typing import ClassVar

from kado.cards import refusals
from kado.cards.card import CardStatus, Hold, HoldStatus, TransactionType
from kado.cards.hold import open_hold
from kado.cards.posting import Decision, NewEntry, Posting, Situation
from kado.errors import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(Posting):
    """`amount` in minor units of the program's currency; None takes all that the hold still sets aside."""

    action: ClassVar[str] = "capture"

    hold: str
    amount: int | None = None
    keep_rest: bool = False
    pos_transaction_id: str | None = None
    cashier_id: str | None = None
    terminal_id: str | None = None
    description: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (
            self.amount,
            self.keep_rest,
            self.pos_transaction_id,
            self.cashier_id,
            self.terminal_id,
            self.description,
        )

    def scope(self) -> tuple[str, ...]:
        """A key means one capture of one hold."""
        return (self.action, self.card_id, self.hold)

    @property
    def hold_id(self) -> str:
        """The hold."""
        return self.hold

    @property
    def pos_reference(self) -> str | None:
        """The till's number of the sale."""
        return self.pos_transaction_id

    def decide(self, on: Situation) -> Decision | Refusal:
        """A redemption of held money. It may come after the card's own end, but not while the card is suspended."""
        hold = open_hold(on, self.hold, self.caller.merchant_id)
        if isinstance(hold, Refusal):
            return hold
        if on.is_reversed:
            return refusals.already_reversed()
        if on.card.is_suspended_at(on.now):
            return refusals.card_not_active(CardStatus.SUSPENDED, "captured from")
        amount = hold.rest if self.amount is None else self.amount
        if amount > hold.rest:
            return refusals.capture_exceeds_hold(hold.rest, on.program.currency)
        after = self._after(hold, amount, on)
        return Decision(
            entries=(
                NewEntry(
                    TransactionType.REDEMPTION,
                    -amount,
                    reference_id=hold.order_reference,
                    pos_transaction_id=self.pos_transaction_id or hold.pos_transaction_id,
                    cashier_id=self.cashier_id or hold.cashier_id,
                    terminal_id=self.terminal_id or hold.terminal_id,
                    description=self.description or hold.description,
                ),
            ),
            changes={"held": on.card.held - hold.rest + after.rest},
            holds=(after,),
            audit=("card:captured", {"hold": hold.id}),
        )

    def _after(self, hold: Hold, amount: int, on: Situation) -> Hold:
        captured = hold.captured + amount
        if self.keep_rest and captured < hold.amount:
            return replace(hold, captured=captured)
        return replace(hold, captured=captured, status=HoldStatus.CAPTURED, ended_at=on.now)
