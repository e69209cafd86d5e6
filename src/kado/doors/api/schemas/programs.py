"""Bodies of programs: the rules that a merchant's cards live by."""

# ruff: noqa: N815 - attribute names are the names on the wire

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, model_validator

from kado.doors.api.schemas import Body
from kado.doors.api.types import (
    CreateMoney,
    EmailStr,
    LimitMoney,
    Line50,
    Line255,
    PydanticObjectId,
    ReloadMoney,
    TimeZone,
    UtcDatetime,
    many_lines,
    one_line,
)

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$"), one_line]
ExpiryMonths = Annotated[StrictInt, Field(ge=1, le=60)]
OfflineHours = Annotated[StrictInt, Field(ge=1, le=24)]
RetentionDays = Annotated[StrictInt, Field(ge=0, le=365)]
PassTypeIdentifier = Annotated[str, Field(max_length=255, pattern=r"^pass\..*"), one_line]
CardNumberPrefix = Annotated[str, Field(max_length=8, pattern="^[0-9]*$"), one_line]
LongText = Annotated[str, Field(max_length=10000), many_lines]
Website = Annotated[str, Field(max_length=2083, pattern=r"^https?://.+"), one_line]


class ExpiryRule(StrEnum):
    """From when the months until expiry count."""

    AFTER_ISSUE = "after_issue"
    AFTER_RELOAD = "after_reload"
    NEVER = "never"


class SecurityCodeFormat(StrEnum):
    """What a security code is made of."""

    DIGITS = "digits"
    LETTERS = "letters"


class _Described(Body):
    """What a program tells about itself and its company."""

    description: LongText | None = None
    language: Annotated[str, Field(max_length=35), one_line] | None = None
    timeZone: TimeZone | None = None
    country: Line50 | None = None
    company: Line255 | None = None
    address: Annotated[str, Field(max_length=1000), many_lines] | None = None
    phone: Line50 | None = None
    terms: LongText | None = None
    website: Website | None = None
    email: EmailStr | None = None
    retention_period_days: RetentionDays | None = None


class _Limits(_Described):
    """Narrower limits than the API's own. Absent: the API's own."""

    maxBalance: CreateMoney | None = None
    minInitialValue: CreateMoney | None = None
    maxInitialValue: CreateMoney | None = None
    maxReload: ReloadMoney | None = None
    maxRedeem: CreateMoney | None = None
    cashierIssueLimit: LimitMoney | None = None
    maxOfflineTake: CreateMoney | None = None
    maxOfflineTotal: CreateMoney | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "_Limits":
        """The least first value must leave room below the greatest."""
        least, most = self.minInitialValue, self.maxInitialValue
        if least is not None and most is not None and least > most:
            raise ValueError("minInitialValue is greater than maxInitialValue")
        return self


class CreateProgramRequest(_Limits):
    """A gift card program to open. Its currency can never be changed."""

    name: Annotated[str, Field(min_length=1, max_length=255), one_line]
    programType: Literal["giftcard"] = "giftcard"
    passTypeIdentifier: PassTypeIdentifier | None = None
    currency: Currency = "USD"
    expiryMonths: ExpiryMonths = 12
    expiryRule: ExpiryRule = ExpiryRule.AFTER_ISSUE
    securityCodeFormat: SecurityCodeFormat = SecurityCodeFormat.DIGITS
    requireIdempotencyKey: StrictBool = False
    requireCaptcha: StrictBool = False
    remindExpiry: StrictBool = True
    tellChanges: StrictBool = False
    balancePageWithoutScript: StrictBool = True
    offlineHours: OfflineHours = 12
    cardNumberPrefix: CardNumberPrefix | None = None


class UpdateProgramRequest(_Limits):
    """Members to change: those that were sent (`model_fields_set`), null included where a member may be absent."""

    name: Annotated[str, Field(min_length=1, max_length=255), one_line] | None = None
    passTypeIdentifier: PassTypeIdentifier | None = None
    currency: Currency | None = None
    expiryMonths: ExpiryMonths | None = None
    expiryRule: ExpiryRule | None = None
    securityCodeFormat: SecurityCodeFormat | None = None
    requireIdempotencyKey: StrictBool | None = None
    requireCaptcha: StrictBool | None = None
    remindExpiry: StrictBool | None = None
    tellChanges: StrictBool | None = None
    balancePageWithoutScript: StrictBool | None = None
    offlineHours: OfflineHours | None = None
    cardNumberPrefix: CardNumberPrefix | None = None


class ProgramResponse(Body):
    """A program with all its rules; limits are the ones in force, with the currency's decimals."""

    id: PydanticObjectId
    merchantId: PydanticObjectId
    name: str
    programType: str
    passTypeIdentifier: str
    currency: str
    maxBalance: str
    minInitialValue: str
    maxInitialValue: str
    maxReload: str
    maxRedeem: str | None
    expiryMonths: int
    expiryRule: ExpiryRule
    securityCodeFormat: SecurityCodeFormat
    requireIdempotencyKey: bool
    requireCaptcha: bool
    remindExpiry: bool
    tellChanges: bool
    balancePageWithoutScript: bool
    cashierIssueLimit: str | None
    maxOfflineTake: str | None
    maxOfflineTotal: str | None
    offlineHours: int
    cardNumberPrefix: str
    description: str | None
    language: str | None
    timeZone: str | None
    country: str | None
    company: str | None
    address: str | None
    phone: str | None
    terms: str | None
    website: str | None
    email: str | None
    retention_period_days: int | None
    createdAt: UtcDatetime
    updatedAt: UtcDatetime | None
    shareUrl: str | None = None


class ProgramListItem(Body):
    """A program in a list."""

    id: PydanticObjectId
    name: str
    shareUrl: str | None
