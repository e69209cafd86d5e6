"""Suspend and unsuspend: stop a card for a while without touching its money."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from kado import clock
from kado.cards import refusals
from kado.cards.card import CardStatus
from kado.cards.posting import Decision, Posting, Situation
from kado.errors import Invalid, Refusal

_SUSPENDABLE: Final = (CardStatus.PENDING, CardStatus.ACTIVE, CardStatus.DEPLETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend(Posting):
    """Without an end the suspension lasts until it is lifted."""

    action: ClassVar[str] = "suspend"

    reason: str
    until: datetime | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.reason, self.until)

    def decide(self, on: Situation) -> Decision | Refusal:
        """A pending, active or depleted card; the end must lie ahead."""
        card, now = on.card, on.now
        status = card.status_at(now)
        if status is CardStatus.EXPIRED:
            return refusals.card_expired(card)
        if status not in _SUSPENDABLE:
            return refusals.card_not_active(status, "suspended")
        if self.until is not None and self.until <= now:
            return Invalid(("body", "expiresAt"), "The suspension would have ended already.", "end_in_the_past")
        return Decision(
            changes={"suspended_at": now, "suspended_until": self.until, "suspended_reason": self.reason},
            audit=("card:suspended", {"until": clock.text_or_none(self.until)}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsuspend(Posting):
    """Lifts a suspension that is in force."""

    action: ClassVar[str] = "unsuspend"

    def facts(self) -> tuple[object, ...]:
        """Nothing beside the card."""
        return ()

    def decide(self, on: Situation) -> Decision | Refusal:
        """The card is again what its other facts make it."""
        card, now = on.card, on.now
        status = card.status_at(now)
        if status is CardStatus.EXPIRED:
            return refusals.card_expired(card)
        if status is not CardStatus.SUSPENDED:
            return refusals.card_not_suspended(status)
        return Decision(
            changes={"suspended_at": None, "suspended_until": None, "suspended_reason": None},
            audit=("card:unsuspended", {}),
        )
