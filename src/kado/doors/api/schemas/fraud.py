"""Bodies about fraud: rules, alerts, blocked addresses. The contract leaves the answers open; these are ours."""

# ruff: noqa: N815 - attribute names are the names on the wire

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StrictBool, WithJsonSchema

from kado.doors.api.schemas import Body
from kado.doors.api.types import Line, PydanticObjectId, Text500, UtcDatetime, bounded_silently, many_lines, one_line


class FraudRuleType(StrEnum):
    """What a rule looks at."""

    VELOCITY_LIMIT = "VELOCITY_LIMIT"
    GEOGRAPHIC_RESTRICTION = "GEOGRAPHIC_RESTRICTION"
    IP_BLOCK = "IP_BLOCK"
    USER_AGENT_BLOCK = "USER_AGENT_BLOCK"
    TRANSACTION_LIMIT = "TRANSACTION_LIMIT"
    TIME_RESTRICTION = "TIME_RESTRICTION"
    CUSTOM = "CUSTOM"


class FraudRuleAction(StrEnum):
    """What is done about what a rule finds."""

    BLOCK = "block"
    FLAG = "flag"
    REQUIRE_REVIEW = "require_review"


# The contract bounds none of these texts, and calls moments plain strings.
Name = Annotated[str, Field(max_length=100), one_line, bounded_silently]
Description = Annotated[str, Field(max_length=500), many_lines, bounded_silently]
Notes = Annotated[str, Field(max_length=2000), many_lines, bounded_silently]
Reason = Annotated[str, Field(max_length=500), one_line, bounded_silently]
Place = Annotated[str, Field(max_length=64), one_line, bounded_silently]
Moment = Annotated[UtcDatetime, WithJsonSchema({"type": "string"})]


class CreateFraudRuleRequest(Body):
    """A rule. What `config` holds depends on `ruleType`."""

    name: Name
    ruleType: FraudRuleType
    description: Description = ""
    action: FraudRuleAction = FraudRuleAction.BLOCK
    config: Annotated[dict[str, Any], Field(default_factory=dict)]
    expiresAt: Moment | None = None


class UpdateFraudRuleRequest(Body):
    """What is to change in a rule."""

    name: Name | None = None
    description: Description | None = None
    action: FraudRuleAction | None = None
    isActive: StrictBool | None = None
    config: dict[str, Any] | None = None
    expiresAt: Moment | None = None


class AcknowledgeAlertRequest(Body):
    """What somebody says who has looked at an alert."""

    notes: Notes | None = None
    isFalsePositive: StrictBool | None = None
    suspendCard: StrictBool | None = None
    suspendReason: Text500 | None = None
    suspendExpiresAt: UtcDatetime | None = None


class BlockIPRequest(Body):
    """An address to be blocked, or the range that it lies in."""

    ipAddress: Place
    reason: Reason = "Manual block"
    isPermanent: StrictBool | None = None
    expiresAt: Moment | None = None
    cidrRange: Place | None = None


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────────


class FraudRuleResponse(Body):
    """A rule. `countsSince`: what happened before is not looked at."""

    id: PydanticObjectId
    programId: PydanticObjectId
    name: str
    description: str
    ruleType: FraudRuleType
    action: FraudRuleAction
    severity: str
    isActive: bool
    config: dict[str, Any]
    expiresAt: UtcDatetime | None
    countsSince: UtcDatetime
    createdAt: UtcDatetime
    updatedAt: UtcDatetime | None


class FraudRuleList(Body):
    """Rules, oldest first."""

    items: list[FraudRuleResponse]
    total: int


class DeletedFraudRule(Body):
    """The id of a rule that is gone."""

    success: bool
    id: PydanticObjectId


class FraudAlertResponse(Body):
    """An alert. `cardId` is the latest of `cardIds`; entries are named where money moved."""

    id: PydanticObjectId
    programId: PydanticObjectId
    patternType: str
    severity: str
    status: str
    action: FraudRuleAction
    ruleId: PydanticObjectId | None
    ruleName: str | None
    subject: str
    cardId: PydanticObjectId
    cardIds: list[PydanticObjectId]
    transactionIds: list[PydanticObjectId]
    occurrences: int
    details: dict[str, Any]
    detectedAt: UtcDatetime
    lastDetectedAt: UtcDatetime
    isFalsePositive: bool
    cardSuspended: bool
    notes: str | None
    acknowledgedBy: str | None
    acknowledgedAt: UtcDatetime | None


class FraudAlertPage(Body):
    """One page of alerts, newest first."""

    items: list[FraudAlertResponse]
    total: int
    page: int
    pages: int
    limit: int


class BlockedAddressResponse(Body):
    """A block; it is lifted by its `ipAddress`."""

    ipAddress: Line
    cidrRange: str
    reason: str
    isPermanent: bool
    expiresAt: UtcDatetime | None
    blockedBy: str
    blockedAt: UtcDatetime


class BlockedAddressList(Body):
    """Blocks in force, newest first."""

    items: list[BlockedAddressResponse]
    total: int


class VelocityCheckResponse(Body):
    """What a velocity limit has counted by one subject, in its window as it ends now."""

    ruleId: PydanticObjectId
    ruleName: str
    action: FraudRuleAction
    subject: str
    count: int
    amount: str
    maxCount: int | None
    maxAmount: str | None
    windowMinutes: int
    hits: int
    checkedAt: UtcDatetime


class VelocityCheckList(Body):
    """The latest first."""

    items: list[VelocityCheckResponse]
    total: int


class FraudPatternResponse(Body):
    """What alerts of one kind came to in the last 30 days."""

    patternType: str
    alerts: int
    open: int
    falsePositives: int
    occurrences: int
    cards: int
    lastDetectedAt: UtcDatetime | None


class FraudPatternList(Body):
    """Every pattern that there is, the most frequent first."""

    days: int
    items: list[FraudPatternResponse]
    total: int


class FraudAlertCounts(Body):
    """Alerts, by where they stand and how bad the open ones are."""

    open: int
    acknowledged: int
    falsePositive: int
    openBySeverity: dict[str, int]
    last24Hours: int
    last30Days: int
    occurrencesLast30Days: int


class FraudRuleCounts(Body):
    """Rules in force, and those of them that refuse."""

    active: int
    refusing: int


class FraudMetricsResponse(Body):
    """A program at a glance."""

    programId: PydanticObjectId
    alerts: FraudAlertCounts
    refusalsLast30Days: int
    rules: FraudRuleCounts
    blockedAddresses: int
    clearedCards: int
