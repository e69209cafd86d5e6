"""What a program is. All amounts are minor units of its currency."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from kado.languages.choose import Language, spoken
from kado.money import Currency


class ExpiryRule(StrEnum):
    """From when the months of a card's life are counted."""

    AFTER_ISSUE = "after_issue"
    AFTER_RELOAD = "after_reload"  # each reload gives it its full life again
    NEVER = "never"


class CodeFormat(StrEnum):
    """What a security code is made of; six characters in either case."""

    DIGITS = "digits"
    LETTERS = "letters"  # letters and digits that cannot be mistaken for one another


class Unset(Enum):
    """The type of `UNSET`: a field that was not mentioned, as opposed to one that was emptied."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
WantedAmount: TypeAlias = Decimal | Literal[Unset.UNSET] | None
"""Major units as written; None asks for the default; UNSET leaves things as they are."""

DEFAULT_PASS_TYPE: Final = "pass.kado.giftcard"  # noqa: S105 - a wallet pass, not a password
DEFAULT_NUMBER_PREFIX: Final = "4000"
OFFLINE_HOURS: Final = 12


@dataclass(frozen=True, slots=True)
class Limits:
    """The amounts a program's cards keep within, in minor units."""

    min_initial_value: int
    max_initial_value: int
    max_balance: int
    max_reload: int
    max_redeem: int | None
    cashier_issue_limit: int
    max_offline_take: int | None = None
    max_offline_total: int | None = None


@dataclass(frozen=True, slots=True)
class WantedLimits:
    """Limits as their owner asks for them, in major units of the program's currency ("25.00")."""

    min_initial_value: WantedAmount = UNSET
    max_initial_value: WantedAmount = UNSET
    max_balance: WantedAmount = UNSET
    max_reload: WantedAmount = UNSET
    max_redeem: WantedAmount = UNSET
    cashier_issue_limit: WantedAmount = UNSET
    max_offline_take: WantedAmount = UNSET
    max_offline_total: WantedAmount = UNSET


@dataclass(frozen=True, slots=True)
class Program:
    """A set of rules and a currency under which a merchant issues cards. Amounts are minor units."""

    id: str
    merchant_id: str
    merchant_name: str
    name: str
    currency: Currency
    pass_type_identifier: str
    min_initial_value: int
    max_initial_value: int
    max_balance: int
    max_reload: int
    max_redeem: int | None
    cashier_issue_limit: int
    expiry_rule: ExpiryRule
    expiry_months: int
    code_format: CodeFormat
    number_prefix: str
    requires_key: bool
    profile: dict[str, object]
    created_at: datetime
    updated_at: datetime | None
    is_heard: bool
    """Whether anybody listens to what happens to its cards."""
    retention_days: int | None = None
    """How many days after a card has ended the people on it are forgotten; None means never by itself."""
    captcha_always: bool = False
    """Whether a balance check needs a solved captcha at any time, and not only under attack."""
    fraud_rules: str | None = None
    """The rules against fraud that a request is judged by, as `kado.fraud.rule` writes and reads them."""
    reminds_expiry: bool = False
    """Whether holders are told 30 and 7 days before money on their cards expires."""
    tells_changes: bool = False
    """Whether holders get a mail when their card was used, reloaded or refunded."""
    balance_without_script: bool = True
    """Whether its balance page answers a browser without JavaScript too, which brings no proof of work."""
    max_offline_take: int | None = None
    """What a till without a line takes at most at once; None: it takes nothing then."""
    max_offline_total: int | None = None
    """What one till takes at most until its line is back; None exactly if it takes nothing."""
    offline_hours: int = OFFLINE_HOURS
    """For how long a till may go on without a line."""

    @property
    def offline_take(self) -> int | None:
        """What a till without a line takes at most at once, in minor units; None: nothing."""
        most = (one for one in (self.max_offline_take, self.max_redeem) if one is not None)
        return None if self.max_offline_take is None else min(most)

    @property
    def language(self) -> Language:
        """In which language its people are spoken to, where nothing is known of their own."""
        return spoken(self.profile.get("language")) or Language.ENGLISH

    @property
    def zone(self) -> ZoneInfo:
        """Where its people live, where nothing is known of their own: UTC unless the program says otherwise."""
        return ZoneInfo(str(self.profile.get("timeZone") or "UTC"))

    @property
    def limits(self) -> Limits:
        """The amounts by themselves."""
        return Limits(
            self.min_initial_value,
            self.max_initial_value,
            self.max_balance,
            self.max_reload,
            self.max_redeem,
            self.cashier_issue_limit,
            self.max_offline_take,
            self.max_offline_total,
        )


@dataclass(frozen=True, slots=True)
class NewProgram:
    """What a merchant says when it opens a program; what is left out gets the default."""

    name: str
    currency: str = "USD"
    pass_type_identifier: str = DEFAULT_PASS_TYPE
    limits: WantedLimits = WantedLimits()
    expiry_rule: ExpiryRule = ExpiryRule.AFTER_ISSUE
    expiry_months: int = 12
    code_format: CodeFormat = CodeFormat.DIGITS
    number_prefix: str = DEFAULT_NUMBER_PREFIX
    requires_key: bool = False
    retention_days: int | None = None
    captcha_always: bool = False
    reminds_expiry: bool = True
    tells_changes: bool = False
    balance_without_script: bool = True
    offline_hours: int = OFFLINE_HOURS
    profile: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProgramChanges:
    """What is to change in a program. None means: as it is; in `limits` UNSET means that, and None the default;
    in `retention_days` UNSET means that, and None never.

    `profile` names the members to change; a member that is None is removed.
    """

    name: str | None = None
    currency: str | None = None
    pass_type_identifier: str | None = None
    limits: WantedLimits = WantedLimits()
    expiry_rule: ExpiryRule | None = None
    expiry_months: int | None = None
    code_format: CodeFormat | None = None
    number_prefix: str | None = None
    requires_key: bool | None = None
    retention_days: int | Literal[Unset.UNSET] | None = UNSET
    captcha_always: bool | None = None
    reminds_expiry: bool | None = None
    tells_changes: bool | None = None
    balance_without_script: bool | None = None
    offline_hours: int | None = None
    profile: Mapping[str, object] = field(default_factory=dict)
