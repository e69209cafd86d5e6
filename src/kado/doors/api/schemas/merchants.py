"""Bodies of merchant sessions, settings and themes."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated, Final, Literal

from pydantic import Field

from kado.doors.api.schemas import Body
from kado.doors.api.types import Line100, Line255, PydanticObjectId, one_line
from kado.shops.theme.theme import Radius, Theme

_DEFAULT: Final = Theme()

AppToken = Annotated[str, Field(min_length=1, max_length=512, repr=False), one_line]
PlatformId = Annotated[str, Field(min_length=1, max_length=100), one_line]
PresetId = Annotated[str, Field(min_length=1, max_length=100), one_line]
Colour = Annotated[str, Field(max_length=7), one_line]
LogoUrl = Annotated[str, Field(max_length=2048), one_line]
FontFamily = Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9 ,'\"._\-]+$"), one_line]


# ── sessions and settings ──────────────────────────────────────────────────────────────────────────────────────────


class InitMerchantSessionRequest(Body):
    """A till that begins its day. `merchantId`, `locationId` and the others are the platform's own ids."""

    appToken: AppToken
    merchantId: PlatformId
    name: Line255 | None = None
    platform: Literal["eposnow", "shopify", "clover", "wordpress"] = "eposnow"
    locationId: Line100 | None = None
    locationName: Line255 | None = None
    programId: Line100 | None = None
    userId: Line100 | None = None
    role: Line100 | None = None
    cashierId: Line100 | None = None
    terminalId: Line100 | None = None


class ValidateMerchantSessionRequest(Body):
    """A session token to look at."""

    sessionToken: Annotated[str, Field(repr=False)]


class SaveMerchantSettingsRequest(Body):
    """Which program a location uses. `null` as the program takes it away; a member that is not sent changes nothing."""

    programId: Line100 | None = None
    locationId: Line100 | None = None
    merchantId: Line100 | None = None


class MerchantSessionLocation(Body):
    """Where a shop sells."""

    locationId: str
    locationName: str | None
    lastSeenAt: str | None
    programId: str | None


class MerchantSessionResponse(Body):
    """A shop with its locations, as a session sees it. The token is shown once, when the session is opened."""

    id: str
    merchantId: PydanticObjectId | None
    name: str | None
    platform: str
    programId: str | None
    active: bool
    locationId: str | None
    locationName: str | None
    locations: list[MerchantSessionLocation]
    cashierId: str | None = None
    terminalId: str | None = None
    role: str | None = None
    sessionToken: Annotated[str | None, Field(repr=False)] = None


class ValidateMerchantSessionResponse(Body):
    """Whether a session is open, and for which shop."""

    valid: bool
    merchant: MerchantSessionResponse | None = None


# ── themes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class GiftCardMerchantTheme(Body):
    """How a shop looks. What is not sent has its default."""

    presetId: PresetId = _DEFAULT.preset_id
    primary: Colour = _DEFAULT.primary
    primaryFg: Colour = _DEFAULT.primary_fg
    sidebarBg: Colour = _DEFAULT.sidebar_bg
    sidebarText: Colour = _DEFAULT.sidebar_text
    sidebarActiveBg: Colour = _DEFAULT.sidebar_active_bg
    sidebarActiveText: Colour = _DEFAULT.sidebar_active_text
    sidebarBadge: Colour = _DEFAULT.sidebar_badge
    background: Colour = _DEFAULT.background
    foreground: Colour = _DEFAULT.foreground
    surface: Colour = _DEFAULT.surface
    border: Colour = _DEFAULT.border
    muted: Colour = _DEFAULT.muted
    logoUrl: LogoUrl | None = None
    logoAlt: Line255 | None = None
    fontFamily: FontFamily | None = None
    borderRadius: Radius = _DEFAULT.border_radius


class ThemeValidationIssue(Body):
    """Something that is wrong with a field of a theme: an error or a warning."""

    field: str
    severity: str
    code: str
    message: str


class ThemePerformanceIssue(Body):
    """Something that takes a visitor time."""

    severity: str
    code: str
    message: str
    estimatedMs: int | None = None


class ThemePerformanceReport(Body):
    """What a theme costs a visitor, by estimate."""

    cssVarChanges: int
    hasCustomFont: bool
    hasLargeLogo: bool
    issues: list[ThemePerformanceIssue]
    score: int


class MerchantThemeResponse(Body):
    """A theme."""

    theme: GiftCardMerchantTheme


class SaveMerchantThemeResponse(Body):
    """The theme as it was saved, warnings by field, and what it costs."""

    theme: GiftCardMerchantTheme
    validation: dict[str, list[ThemeValidationIssue]]
    performance: ThemePerformanceReport
