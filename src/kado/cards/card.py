"""What a card is: its facts, and what they mean at a given moment. No I/O."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class CardStatus(StrEnum):
    """The contract's six words for what a card can do."""

    PENDING = "pending"  # issued, nothing on it yet
    ACTIVE = "active"  # can be spent and reloaded
    SUSPENDED = "suspended"  # stopped for a while
    EXPIRED = "expired"  # its time is over
    VOIDED = "voided"  # ended for good
    DEPLETED = "depleted"  # spent to zero


class TransactionType(StrEnum):
    """The contract's words for what an entry records."""

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


@dataclass(slots=True)
class Card:
    """One card, all amounts in minor units of its program's currency.

    `recorded_status` is what was written down at the last change; `status_at` says what is true now. The fields
    stand in the order of `store.CARD_COLUMNS`, from which rows are made.
    """

    program_id: str
    id: str
    merchant_id: str
    merchant_name: str
    is_test: bool
    balance: int
    held: int
    initial_value: int
    max_balance: int
    recorded_status: str
    seq: int
    head_hash: bytes
    created_at: datetime
    updated_at: datetime
    activated_at: datetime | None
    expires_at: datetime
    suspended_at: datetime | None
    suspended_until: datetime | None
    suspended_reason: str | None
    voided_at: datetime | None
    state_seal: bytes
    number_index: bytes
    number_sealed: bytes
    last_four: str
    key_version: bytes
    code_hash: bytes | None
    code_version: bytes | None
    codes_sent_at: list[datetime]
    pass_sid: str
    customer_id: str | None
    customer_email: str | None
    customer_phone: str | None
    customer_name: str | None
    sender_name: str | None
    custom_message: str | None
    design_template: str | None
    is_physical: bool
    deliver_at: datetime | None
    delivered_at: datetime | None
    successor_id: str | None = None
    succession: str | None = None
    has_reversals: bool = False
    rows_digest: bytes | None = None
    """Over its holds and reversals (`rows_digest.py`); None while it never had any."""
    language: str | None = None
    """In which language its receiver reads (BCP 47), as the caller said; None: the program's."""
    time_zone: str | None = None
    """Where its receiver lives (IANA), as the caller said; None: the program's."""
    in_wallets: bool = False
    """Whether a wallet is told when it changes. It is written by `kado.passes` alone, and no seal covers it."""

    @property
    def available(self) -> int:
        """What can be spent: the balance without what is held for orders."""
        return self.balance - self.held

    def is_suspended_at(self, now: datetime) -> bool:
        """Whether a suspension is in force; its end comes by itself."""
        return self.suspended_at is not None and (self.suspended_until is None or now < self.suspended_until)

    def status_at(self, now: datetime) -> CardStatus:
        """What the card's facts mean at this moment of the database's clock; the first that fits."""
        if self.voided_at is not None:
            return CardStatus.VOIDED
        if now >= self.expires_at:
            return CardStatus.EXPIRED
        if self.is_suspended_at(now):
            return CardStatus.SUSPENDED
        if self.activated_at is None:
            return CardStatus.PENDING
        return CardStatus.DEPLETED if self.balance == 0 else CardStatus.ACTIVE


class Entry(Struct, frozen=True):
    """One row of the ledger. Amounts in minor units; `balance_after = balance_before + amount`, always."""

    program_id: str
    card_id: str
    seq: int
    id: str
    type: TransactionType
    amount: int
    balance_before: int
    balance_after: int
    created_at: datetime
    reference_id: str | None
    pos_transaction_id: str | None
    cashier_id: str | None
    terminal_id: str | None
    merchant_id: str
    description: str | None
    key_hash: bytes | None
    previous_hash: bytes
    hash: bytes
    counterpart_id: str | None = None


class HoldStatus(StrEnum):
    """Where a hold stands."""

    OPEN = "open"  # its money is set aside
    CAPTURED = "captured"  # taken, all of it or as much as was wanted
    RELEASED = "released"  # let go
    EXPIRED = "expired"  # let go because its time was over


@dataclass(slots=True)
class Hold:
    """Money of a card that is set aside for an order. Amounts in minor units; fields as in `evidence.HOLD_COLUMNS`."""

    program_id: str
    id: str
    card_id: str
    merchant_id: str
    amount: int
    captured: int
    status: HoldStatus
    order_reference: str
    pos_transaction_id: str | None
    cashier_id: str | None
    terminal_id: str | None
    description: str | None
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    @property
    def rest(self) -> int:
        """What it still sets aside; nothing once it has ended."""
        return self.amount - self.captured if self.status is HoldStatus.OPEN else 0

    def is_over_at(self, now: datetime) -> bool:
        """Whether its time has run out, even if nobody has written that down yet."""
        return self.status is HoldStatus.OPEN and now >= self.expires_at
