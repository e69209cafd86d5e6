"""Release: let go what a hold set aside."""

from dataclasses import dataclass, replace
from typing import ClassVar

from kado.cards.card import HoldStatus
from kado.cards.hold import open_hold
from kado.cards.posting import Decision, Posting, Situation
from kado.errors import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Posting):
    """All that the hold still sets aside. In any state of the card: nothing leaves it."""

    action: ClassVar[str] = "release"

    hold: str

    def facts(self) -> tuple[object, ...]:
        """Nothing beside the hold."""
        return ()

    def scope(self) -> tuple[str, ...]:
        """A key means one hold."""
        return (self.action, self.card_id, self.hold)

    @property
    def hold_id(self) -> str:
        """The hold."""
        return self.hold

    def decide(self, on: Situation) -> Decision | Refusal:
        """The money can be spent again."""
        hold = open_hold(on, self.hold, self.caller.merchant_id)
        if isinstance(hold, Refusal):
            return hold
        return Decision(
            changes={"held": on.card.held - hold.rest},
            holds=(replace(hold, status=HoldStatus.RELEASED, ended_at=on.now),),
            audit=("hold:released", {"hold": hold.id}),
        )
