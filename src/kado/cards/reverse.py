"""Reverse: take back what was sent under a reference of the caller's own, whether or not it arrived.

A till that got no answer does not know whether its redemption happened. What it finds is undone by entries of the
opposite sign; and from then on the reference is spent, so that a request which arrives after its own reversal moves
nothing. Only the caller's own entries of the last day are undone, since tills use their numbers again; older ones are
named in the answer and left alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Final

from kado.cards import refusals
from kado.cards.card import CardStatus, Hold, HoldStatus, TransactionType
from kado.cards.posting import SOUGHT_MAX, Decision, EarlierEntry, NewEntry, Posting, ReferenceKind, Situation, Sought
from kado.cards.refund import is_refundable
from kado.errors import Refusal

WITHIN: Final = timedelta(days=1)
"""How far back a reference is looked for. Older sales are refunded by the id of their transaction."""

_OVER: Final = (CardStatus.EXPIRED, CardStatus.VOIDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(Posting):
    """Everything that this merchant sent under the reference, to this card."""

    action: ClassVar[str] = "reverse"

    kind: ReferenceKind
    own_reference: str
    reason: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.kind, self.own_reference, self.reason)

    @property
    def sought(self) -> Sought:
        """This merchant's entries with the reference."""
        return Sought(kind=self.kind, reference=self.own_reference, merchant_id=self.caller.merchant_id)

    @property
    def taken_back(self) -> tuple[ReferenceKind, str]:
        """The reference."""
        return (self.kind, self.own_reference)

    def decide(self, on: Situation) -> Decision | Refusal:
        """What is left of each redemption and reload goes back. Nothing found is a yes too: the reference is spent."""
        all_own = [entry for entry in on.earlier if entry.merchant_id == self.caller.merchant_id]
        own = [entry for entry in all_own if entry.created_at > on.now - WITHIN]
        if len(own) > SOUGHT_MAX:
            return refusals.too_many_to_reverse(SOUGHT_MAX)
        if (other := next((entry for entry in own if not _is_undoable(entry)), None)) is not None:
            return refusals.not_reversible(other.type)
        undone = [entry for entry in own if entry.left]
        holds = self._holds(on)
        card, currency = on.card, on.program.currency
        if undone and (status := card.status_at(on.now)) in _OVER:
            return refusals.card_is_ended(card, status, "changed")
        entries = [self._undo(entry) for entry in undone]
        held = card.held - sum(hold.rest for hold in holds)
        after = card.balance + sum(entry.amount for entry in entries)
        if after < held:
            return refusals.spent_already(card, card.balance - after, currency)
        ordered = _in_order(entries, card.balance, card.max_balance)
        if ordered is None or after > card.max_balance:
            return refusals.refund_exceeds_maximum(card, currency)
        changes: dict[str, object] = {"has_reversals": True}
        if holds:
            changes["held"] = held
        return Decision(
            entries=tuple(ordered),
            changes=changes,
            holds=tuple(replace(hold, status=HoldStatus.RELEASED, ended_at=on.now) for hold in holds),
            reversal=(self.kind, self.own_reference),
            left_alone=tuple(entry.id for entry in all_own if entry not in own and _is_undoable(entry) and entry.left),
            audit=("reference:reversed", {"entries": len(entries), "holds": len(holds)}),
        )

    def _holds(self, on: Situation) -> list[Hold]:
        """Holds under the reference, which is an order's where it is not a till's; of the last day, as entries are."""
        return [
            hold
            for hold in on.holds
            if hold.status is HoldStatus.OPEN
            and hold.merchant_id == self.caller.merchant_id
            and hold.created_at > on.now - WITHIN
            and self.own_reference == _reference_of(hold, self.kind)
        ]

    def _undo(self, entry: EarlierEntry) -> NewEntry:
        is_redemption = entry.type is TransactionType.REDEMPTION
        return NewEntry(
            TransactionType.REFUND if is_redemption else TransactionType.REDEMPTION,
            entry.left if is_redemption else -entry.left,
            description=self.reason or ("Redemption reversed" if is_redemption else "Reload reversed"),
            counterpart_id=entry.id,
        )


def _in_order(entries: Iterable[NewEntry], balance: int, most: int) -> list[NewEntry] | None:
    """So that each balance on the way is one that the card may have; None where no order leads there.

    What brings money comes first, wherever the card has room for it.
    """
    ordered, rest = [], sorted(entries, key=lambda entry: -entry.amount)
    while rest:
        step = next((entry for entry in rest if 0 <= balance + entry.amount <= most), None)
        if step is None:
            return None
        balance += step.amount
        rest.remove(step)
        ordered.append(step)
    return ordered


def _reference_of(hold: Hold, kind: ReferenceKind) -> str | None:
    return hold.order_reference if kind == "reference_id" else hold.pos_transaction_id


def _is_undoable(entry: EarlierEntry) -> bool:
    return is_refundable(entry) or entry.type is TransactionType.RELOAD
