"""Bodies of reports. Those of analytics, schedules and validation the contract leaves open; they are ours."""

# ruff: noqa: N815 - attribute names are the names on the wire

from decimal import Decimal
from typing import Annotated

from pydantic import Field, WithJsonSchema

from kado.doors.api.schemas import Body
from kado.doors.api.types import PydanticObjectId, UtcDatetime

Share = Annotated[Decimal, WithJsonSchema({"type": "number"})]


class BusinessReportsResponse(Body):
    """A program's figures: amounts as decimals of its currency."""

    totalCards: int
    activeCards: int
    pendingCards: int
    depletedCards: int
    expiredCards: int
    voidedCards: int
    totalSold: str
    totalRedeemed: str
    totalBalance: str
    cardsSoldThisMonth: int
    salesThisMonth: str


class ExpirationWarning(Body):
    """A card whose money ends soon."""

    cardId: str
    cardNumber: str
    customerEmail: str | None
    customerName: str | None
    daysUntilExpiry: int
    warningLevel: str
    expiresAt: UtcDatetime
    balance: str


class ExpirationWarningsResponse(Body):
    """Cards that end within 90 days, the next first."""

    reportId: str
    generatedAt: UtcDatetime
    warnings: list[ExpirationWarning]
    count30d: int
    count60d: int
    count90d: int


class EscheatmentEntry(Body):
    """A card that nobody has touched for long."""

    cardId: str
    cardNumber: str
    balance: str
    lastActivityDate: UtcDatetime
    dormancyDays: int
    jurisdiction: str
    liabilityAmount: str
    merchantId: str
    customerEmail: str | None


class EscheatmentReportResponse(Body):
    """Balances that may have to be handed over to an authority."""

    reportId: str
    generatedAt: UtcDatetime
    jurisdiction: str
    dormancyThresholdDays: int
    entries: list[EscheatmentEntry]
    totalLiability: str
    entriesCount: int


class MerchantBreakdown(Body):
    """A merchant of the network."""

    merchantId: PydanticObjectId
    merchantName: str
    cardCount: int
    transactionVolume: str


class AdoptionPoint(Body):
    """Cards in a month: made, and first used."""

    label: str
    value: int
    secondaryValue: int


class RevenuePoint(Body):
    """Entries in a month."""

    label: str
    value: int


class Breakage(Body):
    """How much of a whole."""

    value: int
    total: int
    centerText: str
    label: str


class NetworkOverviewResponse(Body):
    """All merchants and programs of this server. What Kado does not know is null."""

    totalMerchants: int
    totalCards: int
    totalTransactionVolume: str
    activeCards: int
    totalTransactions: int
    merchantBreakdowns: list[MerchantBreakdown]
    salesGrowth: str | None = None
    salesGrowthType: str | None = None
    merchantGrowth: str | None = None
    merchantGrowthType: str | None = None
    cardGrowth: str | None = None
    cardGrowthType: str | None = None
    txGrowth: str | None = None
    txGrowthType: str | None = None
    txFeeRevenue: str | None = None
    ltvUplift: str | None = None
    adoptionData: Annotated[list[AdoptionPoint], Field(default_factory=list)]
    revenueData: Annotated[list[RevenuePoint], Field(default_factory=list)]
    breakage: Breakage | None = None
    healthTxSuccessRate: Share | None = None
    healthFraudAlerts: int | None = None
    healthSupportTickets: int | None = None
