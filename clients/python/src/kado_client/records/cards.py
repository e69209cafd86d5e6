"""A card, its entries, and what can be said about it without a bearer."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypedDict

from kado_client.wire import Record


class CardStatus(StrEnum):
    """What a card's `status` can be. Records hold plain text, so that a later server's word is no error."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    VOIDED = "voided"
    DEPLETED = "depleted"


class TransactionType(StrEnum):
    """What a transaction's `transaction_type` can be."""

    PURCHASE = "PURCHASE"
    ACTIVATION = "ACTIVATION"
    RELOAD = "RELOAD"
    REDEMPTION = "REDEMPTION"
    CONSOLIDATION = "CONSOLIDATION"
    VOID = "VOID"
    TRANSFER_OUT = "TRANSFER_OUT"
    TRANSFER_IN = "TRANSFER_IN"
    OWNERSHIP_TRANSFER = "OWNERSHIP_TRANSFER"
    RESEND_CODE = "RESEND_CODE"
    REFUND = "REFUND"


@dataclass(frozen=True, kw_only=True)
class Pass(Record):
    """The wallet pass of a card; `url` is the holder's public page."""

    serial_number: str = field(repr=False)
    pass_type_identifier: str
    url: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Transaction(Record):
    """An entry of a card. `balance_before + amount = balance_after`, always."""

    id: str
    transaction_type: str
    amount: Decimal
    balance_before: Decimal
    balance_after: Decimal
    created_at: datetime
    processed_at: datetime
    merchant_id: str
    reference_id: str | None = None
    description: str | None = None
    pos_transaction_id: str | None = None
    cashier_id: str | None = None
    terminal_id: str | None = None
    gift_card_id: str | None = None
    """Named where a list spans cards."""


@dataclass(frozen=True, kw_only=True)
class Card(Record):
    """A card, with its number in full and never its security code."""

    id: str
    program_id: str
    merchant_id: str
    card_number: str = field(repr=False)
    last_four_digits: str
    status: str
    balance: Decimal
    initial_value: Decimal
    is_physical: bool
    created_at: datetime
    expires_at: datetime
    """The year 9999 for a card that never expires."""
    updated_at: datetime | None = None
    activated_at: datetime | None = None
    suspended_reason: str | None = None
    suspended_until: datetime | None = None
    suspended_at: datetime | None = None
    customer_id: str | None = None
    customer_email: str | None = field(default=None, repr=False)
    customer_phone: str | None = field(default=None, repr=False)
    customer_name: str | None = field(default=None, repr=False)
    sender_name: str | None = field(default=None, repr=False)
    merchant_name: str | None = None
    design_template: str | None = None
    custom_message: str | None = field(default=None, repr=False)
    deliver_at: datetime | None = None
    delivered: bool = False
    card: Pass | None = None
    transactions: tuple[Transaction, ...] | None = field(default=None, repr=False)
    """The latest entries, where they were asked for."""


@dataclass(frozen=True, kw_only=True)
class Balance(Record):
    """What number and security code tell their holder."""

    id: str
    program_id: str
    card_number: str = field(repr=False)
    last_four_digits: str
    balance: Decimal
    status: str
    expires_at: datetime
    is_active: bool


@dataclass(frozen=True, kw_only=True)
class PassBalance(Record):
    """What a wallet pass's address tells a merchant's front end."""

    id: str
    program_id: str
    status: str
    last_four_digits: str
    initial_value: Decimal
    balance: Decimal
    expires_at: datetime
    merchant_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class PassLink(Record):
    """An address at which a holder has their card; whoever knows it can see the card."""

    url: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class PassPush(Record):
    """Wallets are told anew."""

    queued: int
    """How many there are that hold the card."""


@dataclass(frozen=True, kw_only=True)
class CodeSent(Record):
    """A new security code is on its way; the old one is void."""

    success: bool = True
    message: str | None = None
    channel: str | None = None
    sent_to: str | None = None
    """Masked."""


@dataclass(frozen=True, kw_only=True)
class Relative(Record):
    """A card that this one came from, or went to."""

    card_id: str
    last_four_digits: str | None = None
    relation: str | None = None
    """`consolidation` or `replacement`."""
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Lineage(Record):
    """Where a card's value came from and where it went."""

    card_id: str
    predecessors: tuple[Relative, ...] = ()
    successor: Relative | None = None


@dataclass(frozen=True, kw_only=True)
class IssuedCard(Record):
    """A card of a bulk issue, in short."""

    id: str
    card_number: str = field(repr=False)
    last_four_digits: str


@dataclass(frozen=True, kw_only=True)
class BulkIssue(Record):
    """A bulk issue. A small one is complete at once and has no `task_id`; a larger one is asked about by it."""

    task_id: str | None = None
    status: str = "completed"
    """`pending`, `processing`, `completed` or `failed`."""
    issued_count: int | None = None
    failed_count: int | None = None
    cards: tuple[IssuedCard, ...] | None = field(default=None, repr=False)
    csv_download_url: str | None = field(default=None, repr=False)
    error: str | None = None
    completed_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in ("completed", "failed")

    @property
    def id(self) -> str | None:
        """What its file and its paper are asked for by, also where it was complete at once and has no `task_id`.

        None where there is no file either, since the codes went to the recipients.
        """
        if self.task_id is None and self.csv_download_url is not None:
            return self.csv_download_url.split("/")[-3]
        return self.task_id


@dataclass(frozen=True, kw_only=True)
class CsvLink(Record):
    """Where the file of a bulk issue is, until then."""

    task_id: str
    csv_download_url: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class PrintRun(Record):
    """All cards of a bulk issue on paper. `status`: `pending`, `processing`, `completed` or `failed`."""

    task_id: str
    status: str
    printed_count: int
    total_count: int
    format: str
    download_url: str | None = field(default=None, repr=False)
    """Where the file is, once all cards are printed, until `expires_at`: 72 hours."""
    expires_at: datetime | None = None
    error: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in ("completed", "failed")


class Recipient(TypedDict, total=False):
    """Who gets a card of a bulk issue."""

    customer_email: str
    customer_phone: str
    customer_name: str
    sender_name: str
    custom_message: str
