"""People and places: staff, customers and their sessions, merchants' tills and how they look."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from kado_client.wire import Record


@dataclass(frozen=True, kw_only=True)
class Token(Record):
    """A bearer for an hour, or the promise of one after a second factor."""

    access_token: str | None = field(default=None, repr=False)
    token_type: str | None = None
    mfa_pending: bool = False
    pending_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Person(Record):
    """The person behind a token."""

    id: str
    email: str
    name: str | None = None
    active: bool = True
    admin: bool = False
    email_verified: bool | None = None


@dataclass(frozen=True, kw_only=True)
class CodeRequested(Record):
    """A sign-in code is on its way to a customer, for five minutes."""

    success: bool
    message: str | None = None
    error: str | None = None
    otp_type: str | None = None
    mock_code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Customer(Record):
    """Who a customer has proved to be."""

    id: str
    verified: bool
    trust_level: str
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    verified_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CustomerSession(Record):
    """A customer has signed in: `as_customer(session_token)` acts for them."""

    success: bool
    session_token: str | None = field(default=None, repr=False)
    identity: Customer | None = None
    error: str | None = None
    verified_target: str | None = field(default=None, repr=False)
    otp_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class SignedOut(Record):
    """A session is over."""

    success: bool
    message: str | None = None


@dataclass(frozen=True, kw_only=True)
class CustomerSessionCheck(Record):
    """Whether a customer's session is still good, and whose it is."""

    valid: bool
    identity: Customer | None = None


@dataclass(frozen=True, kw_only=True)
class CustomerReport(Record):
    """A customer's cards in figures."""

    total_cards: int
    active_cards: int
    expiring_soon_cards: int
    total_spent: Decimal
    total_balance: Decimal


@dataclass(frozen=True, kw_only=True)
class ConsolidatableMerchant(Record):
    """A merchant with cards of the customer that can become one."""

    merchant_id: str
    merchant_name: str
    card_count: int
    total_balance: Decimal


@dataclass(frozen=True, kw_only=True)
class Location(Record):
    """A place of a merchant, as its platform calls it."""

    location_id: str
    location_name: str | None = None
    last_seen_at: datetime | None = None
    program_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class MerchantSession(Record):
    """A merchant of a platform, with the session of the till that asked: `as_merchant(session_token)`."""

    id: str
    platform: str
    active: bool
    merchant_id: str | None = None
    name: str | None = None
    program_id: str | None = None
    location_id: str | None = None
    location_name: str | None = None
    locations: tuple[Location, ...] = ()
    cashier_id: str | None = None
    terminal_id: str | None = None
    role: str | None = None
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class MerchantSessionCheck(Record):
    """Whether a merchant's session is still good, and whose it is."""

    valid: bool
    merchant: MerchantSession | None = None


@dataclass(frozen=True, kw_only=True)
class Theme(Record):
    """How a merchant's pages look. Colours are `#rrggbb`."""

    preset_id: str
    primary: str
    primary_fg: str
    sidebar_bg: str
    sidebar_text: str
    sidebar_active_bg: str
    sidebar_active_text: str
    sidebar_badge: str
    background: str
    foreground: str
    surface: str
    border: str
    muted: str
    border_radius: str
    logo_url: str | None = None
    logo_alt: str | None = None
    font_family: str | None = None


@dataclass(frozen=True, kw_only=True)
class ThemeAnswer(Record):
    """A theme. After saving, `raw` also has what the server thinks of its contrast and weight."""

    theme: Theme


class ThemeChanges(TypedDict, total=False):
    """What a theme can be told."""

    preset_id: str
    primary: str
    primary_fg: str
    sidebar_bg: str
    sidebar_text: str
    sidebar_active_bg: str
    sidebar_active_text: str
    sidebar_badge: str
    background: str
    foreground: str
    surface: str
    border: str
    muted: str
    border_radius: str
    logo_url: str | None
    logo_alt: str | None
    font_family: str | None
