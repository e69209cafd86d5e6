"""Withdraw: use up the key of a wish that may still be on its way, so that it moves nothing when it arrives.

Under the lock of the card there are two cases: the wish has arrived, and its answer is given; or it has not, and from
now on its key has this answer. A redemption or reload is taken back by its reference (`reverse.py`), whoever sends it.
"""

from dataclasses import dataclass
from typing import ClassVar

from kado.cards.card import CardStatus, TransactionType
from kado.cards.posting import Decision, NewEntry, Posting, Situation
from kado.errors import Refusal


def withdrawn() -> Refusal:
    """What whoever asks with such a key is told from now on."""
    return Refusal("stale", "This page had been open for a long time. Nothing was done; please try again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Posting):
    """`of` is the wish. With `ends_card`, a card that was made for it and has no value yet ends as well."""

    action: ClassVar[str] = "withdraw"

    of: Posting
    ends_card: bool = False

    def facts(self) -> tuple[object, ...]:
        """Those of the wish, so that its key is known as the same."""
        return self.of.facts()

    def scope(self) -> tuple[str, ...]:
        """That of the wish."""
        return self.of.scope()

    def decide(self, on: Situation) -> Decision | Refusal:
        """Nothing moves; whoever renders the answer says so."""
        status = on.card.status_at(on.now)
        if not (self.ends_card and status is CardStatus.PENDING):
            return withdrawn()
        return Decision(
            entries=(NewEntry(TransactionType.VOID, -on.card.balance, description="Sale not completed"),),
            changes={"voided_at": on.now},
            audit=("card:voided", {"amount": on.program.currency.text(on.card.balance), "from": status.value}),
            supersede_messages="all",
        )
