"""Process an expired card: give it more time, or end it because what was on it was paid out or is forfeited."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from kado import clock
from kado.cards import refusals
from kado.cards.card import CardStatus, TransactionType
from kado.cards.posting import Decision, NewEntry, Posting, Situation
from kado.errors import Invalid, Refusal
from kado.programs.program import Program

LONGEST_MONTHS: Final = 60

Action = Literal["extend", "refund", "void"]

_DESCRIPTIONS: Final = {
    "refund": "Expired card: balance paid out",
    "void": "Expired card: balance written off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessExpired(Posting):
    """`refund_reference` says under which reference the rest was paid out. Days count for `extend` alone."""

    action: ClassVar[str] = "process-expired"

    wish: Action
    extension_days: int | None = None
    refund_reference: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.wish, self.extension_days, self.refund_reference)

    def decide(self, on: Situation) -> Decision | Refusal:
        """Only a card whose time is over."""
        card, status = on.card, on.card.status_at(on.now)
        if status is CardStatus.VOIDED:
            return refusals.card_is_ended(card, status, "processed")
        if status is not CardStatus.EXPIRED:
            return refusals.card_not_expired(card, status)
        if self.wish == "extend":
            return self._extend(on.program, on.now)
        if card.held:
            return refusals.card_is_held(card)
        return Decision(
            entries=(
                NewEntry(
                    TransactionType.VOID,
                    -card.balance,
                    reference_id=self.refund_reference,
                    description=_DESCRIPTIONS[self.wish],
                ),
            ),
            changes={"voided_at": on.now},
            supersede_messages="all",
            audit=(f"card:expired-{self.wish}", {"amount": on.program.currency.text(card.balance)}),
        )

    def _extend(self, program: Program, now: datetime) -> Decision | Refusal:
        """Counted from now; without a number of days, by as long as the program lets a card live."""
        if self.extension_days is None:
            until = clock.add_months(now, program.expiry_months)
        else:
            until = now + timedelta(days=self.extension_days)
        if until > clock.add_months(now, LONGEST_MONTHS):
            return Invalid(("body", "extensionDays"), "A card expires within five years from now.", "expiry_too_far")
        return Decision(changes={"expires_at": until}, audit=("card:extended", {"until": clock.text(until)}))
