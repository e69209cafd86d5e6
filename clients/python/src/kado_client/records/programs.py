"""Programs, webhooks and health: what is set up rather than spent."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from kado_client.wire import Amount, Record


class ProgramRules(TypedDict, total=False):
    """What a program can be told. A limit that is None is the API's own."""

    description: str | None
    language: str | None
    time_zone: str | None
    country: str | None
    company: str | None
    address: str | None
    phone: str | None
    terms: str | None
    website: str | None
    email: str | None
    pass_type_identifier: str | None
    max_balance: Amount | None
    min_initial_value: Amount | None
    max_initial_value: Amount | None
    max_reload: Amount | None
    max_redeem: Amount | None
    cashier_issue_limit: Amount | None
    expiry_months: int
    expiry_rule: str
    security_code_format: str
    require_idempotency_key: bool
    remind_expiry: bool
    tell_changes: bool
    card_number_prefix: str | None


class ProgramChanges(ProgramRules, total=False):
    """What can be changed later: the same, and the name. The currency never."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ProgramDetails(Record):
    """A currency and its rules; limits are the ones in force."""

    id: str
    merchant_id: str
    name: str
    currency: str
    max_balance: Decimal
    min_initial_value: Decimal
    max_initial_value: Decimal
    max_reload: Decimal
    expiry_months: int
    expiry_rule: str
    security_code_format: str
    require_idempotency_key: bool
    created_at: datetime
    program_type: str = "giftcard"
    pass_type_identifier: str | None = None
    max_redeem: Decimal | None = None
    cashier_issue_limit: Decimal | None = None
    card_number_prefix: str | None = None
    description: str | None = None
    language: str | None = None
    time_zone: str | None = None
    country: str | None = None
    company: str | None = None
    address: str | None = None
    phone: str | None = None
    terms: str | None = None
    website: str | None = None
    email: str | None = None
    remind_expiry: bool = False
    tell_changes: bool = False
    updated_at: datetime | None = None
    share_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProgramName(Record):
    """A program in a list."""

    id: str
    name: str
    share_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Webhook(Record):
    """An address that hears of events. `shared_secret` is shown in full when the server made it, and never again."""

    id: str
    url: str = field(repr=False)
    enabled: bool
    shared_secret: str | None = field(default=None, repr=False)
    all_event_types: bool | None = None
    allowed_events: tuple[str, ...] | None = None
    last_delivered_at: datetime | None = None
    last_error: str | None = None
    disabled_reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Health(Record):
    """Whether the server can work."""

    status: str
    database: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery(Record):
    """An event on its way to a webhook. `state`: `queued`, `delivered` or `failed`."""

    id: str
    event_id: str
    event_type: str
    state: str
    attempts: int
    created_at: datetime
    program_id: str | None = None
    card_id: str | None = None
    last_status: int | None = None
    last_error: str | None = None
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Replay(Record):
    """A delivery that is sent again, under the same event id."""

    id: str
    success: bool
    state: str | None = None
