"""What became of money: redemptions, refunds, transfers, holds and the rest."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from kado_client.records.cards import Card
from kado_client.wire import Record


@dataclass(frozen=True, kw_only=True)
class Redemption(Record):
    """Money was taken from a card."""

    transaction_id: str
    gift_card_id: str
    amount_redeemed: Decimal
    remaining_balance: Decimal
    success: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class Refund(Record):
    """Money of a redemption is back on its card."""

    transaction_id: str
    gift_card_id: str
    refunded_amount: Decimal
    remaining_balance: Decimal
    success: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class SourceCard(Record):
    """The card that a transfer took from."""

    id: str
    card_number: str = field(repr=False)
    remaining_balance: Decimal
    status: str


@dataclass(frozen=True, kw_only=True)
class DestinationCard(Record):
    """The card that a transfer went to."""

    id: str
    card_number: str = field(repr=False)
    new_balance: Decimal


@dataclass(frozen=True, kw_only=True)
class Transfer(Record):
    """Money went from one card to another."""

    transfer_id: str
    amount_transferred: Decimal
    source_card: SourceCard
    destination_card: DestinationCard
    success: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class Consolidation(Record):
    """Several cards became one; the old ones are voided."""

    new_card: Card
    voided_cards: tuple[str, ...]
    total_consolidated_amount: Decimal
    consolidation_transactions: tuple[str, ...]
    success: bool
    message: str
    reference_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ended(Record):
    """What was done with a card that was voided or had expired."""

    card_id: str
    action: str
    success: bool
    message: str
    new_expires_at: datetime | None = None
    transaction_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Hold(Record):
    """Money set aside on a card for an order. `status`: `open`, `captured`, `released` or `expired`."""

    id: str
    gift_card_id: str
    program_id: str
    status: str
    amount: Decimal
    captured_amount: Decimal
    order_reference: str
    created_at: datetime
    expires_at: datetime
    available_balance: Decimal
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Capture(Record):
    """Held money was taken: a redemption."""

    transaction_id: str
    gift_card_id: str
    amount_redeemed: Decimal
    remaining_balance: Decimal
    available_balance: Decimal
    hold: Hold
    success: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class Replacement(Record):
    """A lost or damaged card's value is on a new card; the old one is voided."""

    new_card: Card
    voided_card_id: str
    transferred_amount: Decimal
    transaction_ids: tuple[str, ...]
    success: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class ReversedEntry(Record):
    """An entry and the one that undid it."""

    transaction_id: str
    reversal_id: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Reversal(Record):
    """What a reference had moved is undone; where nothing was `found`, it never will be moved."""

    gift_card_id: str
    found: bool
    reversed: tuple[ReversedEntry, ...]
    balance: Decimal
    success: bool
    message: str
