"""Bodies of alerts about money laundering."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated

from pydantic import Field

from kado.doors.api.schemas import Body
from kado.doors.api.types import UtcDatetime, many_lines
from kado.reports.aml.alerts import NOTES_MAX


class AMLAlertResponse(Body):
    """Something that was flagged."""

    alertId: str
    flagType: str
    severity: str
    cardId: str
    cardNumber: str
    customerEmail: str | None
    transactionIds: list[str]
    detectedAt: UtcDatetime
    acknowledged: bool
    amount: str
    acknowledgedAt: UtcDatetime | None = None
    acknowledgedBy: str | None = None
    notes: str | None = None


class AMLReportResponse(Body):
    """What was flagged in a time, newest first."""

    reportId: str
    generatedAt: UtcDatetime
    alerts: list[AMLAlertResponse]
    highSeverityCount: int
    mediumSeverityCount: int
    lowSeverityCount: int
    unacknowledgedCount: int


class AcknowledgeAMLAlertRequest(Body):
    """What is noted beside it."""

    notes: Annotated[str, Field(max_length=NOTES_MAX), many_lines] | None = None
