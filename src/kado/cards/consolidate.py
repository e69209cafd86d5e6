"""Consolidate: put the money of several cards of one customer on a new card; the old ones end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final

from kado.cards import refusals
from kado.cards.card import Card, CardStatus, TransactionType
from kado.cards.posting import Decision, Fresh, NewEntry, Posting, Situation
from kado.cards.resend_code import notice_to_holder
from kado.errors import Invalid, Refusal
from kado.ids import new_id

DESCRIPTION: Final = "Gift cards consolidated"
"""What the entries say when the caller says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidate(Posting):
    """`card_id` and `further_ids` are the cards, in the order of their ids.

    `merchant_name` is None where the merchant neither owns the program nor is admitted to it. What is not said about
    the new card's holder is taken from the old cards.
    """

    action: ClassVar[str] = "consolidate"

    further_ids: tuple[str, ...]
    merchant_id: str
    merchant_name: str | None
    customer_email: str | None = None
    customer_name: str | None = None
    sender_name: str | None = None
    custom_message: str | None = None
    reference_id: str | None = None
    description: str | None = None
    is_physical: bool = False
    design_template: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked, beside the cards."""
        return (
            self.merchant_id,
            self.customer_email,
            self.customer_name,
            self.sender_name,
            self.custom_message,
            self.reference_id,
            self.description,
            self.is_physical,
            self.design_template,
        )

    def scope(self) -> tuple[str, ...]:
        """A key means one consolidation of exactly these cards; with others it is another operation."""
        return (self.action, *sorted((self.card_id, *self.further_ids)))

    @property
    def other_card_ids(self) -> tuple[str, ...]:
        """The further cards."""
        return self.further_ids

    @property
    def owned_card_ids(self) -> tuple[str, ...]:
        """All of them."""
        return (self.card_id, *self.further_ids)

    @property
    def reference(self) -> str | None:
        """The caller's own reference."""
        return self.reference_id

    def decide(self, on: Situation) -> Decision | Refusal:
        """All of the cards or none."""
        cards = (on.card, *on.others)
        if self.merchant_name is None:
            return refusals.merchant_not_admitted()
        if on.is_reversed:
            return refusals.already_reversed()
        refusal = _first_refusal(cards, on.now)
        if refusal is not None:
            return refusal
        total = sum(card.balance for card in cards)
        if total > on.program.max_balance:
            return refusals.total_exceeds_maximum(on.program.currency, total, on.program.max_balance)
        arrives = new_id()
        return Decision(
            entries=(self._entry(-on.card.balance, arrives),),
            changes={"voided_at": on.now},
            messages=() if self.customer_email is None else notice_to_holder(on.card, on.now, self.customer_email),
            supersede_messages="all",
            others={
                card.id: Decision(
                    entries=(self._entry(-card.balance, arrives),),
                    changes={"voided_at": on.now},
                    supersede_messages="all",
                )
                for card in on.others
            },
            fresh=Fresh(
                self._like(cards, total, on),
                self._entry(total, None, arrives),
                "consolidation",
            ),
            audit=("card:consolidated", {"cards": [card.id for card in cards]}),
        )

    def _entry(self, amount: int, counterpart_id: str | None, entry_id: str | None = None) -> NewEntry:
        return NewEntry(
            TransactionType.CONSOLIDATION,
            amount,
            reference_id=self.reference_id,
            description=self.description or DESCRIPTION,
            counterpart_id=counterpart_id,
            id=entry_id,
        )

    def _like(self, cards: Sequence[Card], total: int, on: Situation) -> Card:
        """What the new card begins with: active from the first moment, and valid as long as the longest of the old."""
        assert self.merchant_name is not None, "looked at first"
        return replace(
            on.card,
            merchant_id=self.merchant_id,
            merchant_name=self.merchant_name,
            initial_value=total,
            max_balance=on.program.max_balance,
            activated_at=on.now,
            expires_at=max(card.expires_at for card in cards),
            suspended_at=None,
            suspended_until=None,
            suspended_reason=None,
            voided_at=None,
            customer_id=_first(card.customer_id for card in cards),
            customer_email=self.customer_email or _first(card.customer_email for card in cards),
            customer_phone=_first(card.customer_phone for card in cards),
            customer_name=self.customer_name or _first(card.customer_name for card in cards),
            sender_name=self.sender_name,
            custom_message=self.custom_message,
            design_template=self.design_template,
            is_physical=self.is_physical,
            deliver_at=None,
        )


def _first_refusal(cards: Sequence[Card], now: datetime) -> Refusal | None:
    for card in cards:
        if (status := card.status_at(now)) is not CardStatus.ACTIVE:
            return refusals.card_in_list(card, status)
        if card.balance == 0:
            return refusals.card_is_empty(card)
        if card.held:
            return refusals.card_is_held(card)
    return None if _is_one_customer(cards) else refusals.different_customers()


def _is_one_customer(cards: Sequence[Card]) -> bool:
    """The same customerId on all of them, or else the same email (without regard to case), or else the same phone."""
    ids = {card.customer_id for card in cards}
    emails = {card.customer_email and card.customer_email.lower() for card in cards}
    phones = {card.customer_phone for card in cards}
    return any(len(same) == 1 and None not in same for same in (ids, emails, phones))


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def once_each(card_ids: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The first of the cards in the order in which they are locked, and the further ones. Raises `Invalid` where a card
    is named twice."""
    first, *further = sorted(set(card_ids))
    if len(further) + 1 < len(card_ids):
        raise Invalid(("body", "cardNumbers"), "A card is named more than once.", "cards_not_unique")
    return first, tuple(further)
