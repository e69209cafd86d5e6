"""Schedule: plan anew when a card's code leaves for its recipient, or take the plan back."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from kado import clock
from kado.cards import refusals
from kado.cards.card import CardStatus
from kado.cards.issue import delivery_of, zone_of
from kado.cards.posting import Decision, Posting, Situation
from kado.errors import Invalid, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Posting):
    """`deliver_at` None takes the plan back: nothing leaves until someone asks for a code or plans it again.

    Where it has no offset, it is meant by the receiver's clock.
    """

    action: ClassVar[str] = "schedule"

    deliver_at: datetime | None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.deliver_at,)

    def decide(self, on: Situation) -> Decision | Refusal:
        """A card that can be used and was not delivered yet; the moment must lie ahead, and before the card's end."""
        card, now = on.card, on.now
        status = card.status_at(now)
        if status in (CardStatus.EXPIRED, CardStatus.VOIDED):
            return refusals.card_not_active(status, "delivered")
        if card.delivered_at is not None:
            return refusals.already_delivered()
        if self.deliver_at is None:
            return self._planned(None, on)
        deliver_at = clock.where(self.deliver_at, zone_of(card, on.program))
        if deliver_at <= now:
            return Invalid(("body", "deliverAt"), "The delivery would have to be in the past.", "delivery_in_the_past")
        if deliver_at >= card.expires_at:
            return Invalid(("body", "deliverAt"), "The card expires before its delivery.", "delivery_after_expiry")
        if card.customer_email is None and card.customer_phone is None:
            return refusals.no_recipient()
        return self._planned(deliver_at, on)

    def _planned(self, deliver_at: datetime | None, on: Situation) -> Decision:
        return Decision(
            changes={"deliver_at": deliver_at},
            messages=() if deliver_at is None else delivery_of(on.card, on.now, deliver_at),
            supersede_messages="all",
            audit=("card:scheduled", {"at": clock.text_or_none(deliver_at)}),
        )
