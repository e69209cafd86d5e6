"""Bodies of exports, schedules and validations of reports."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from kado.doors.api.schemas import Body
from kado.doors.api.types import EmailStr, LocalDatetime, bounded_silently, one_line
from kado.reports.schedules import DAY_OF_MONTH_MAX, NAME_MAX, RECIPIENTS_MAX

METRICS_MAX = 50
# The contract says "text" of these and has no bounds; they are held to a form all the same.
MetricName = Annotated[str, Field(max_length=50), one_line, WithJsonSchema({"type": "string"})]
Metrics = Annotated[list[MetricName], Field(max_length=METRICS_MAX), bounded_silently]
MomentText = Annotated[LocalDatetime, WithJsonSchema({"type": "string"})]
FileFormat = Annotated[
    Literal["csv", "excel", "json", "pdf"], WithJsonSchema({"type": "string", "pattern": "^(csv|excel|json|pdf)$"})
]
Period = Annotated[
    Literal["7d", "30d", "90d", "12m", "custom"],
    WithJsonSchema({"type": "string", "pattern": "^(7d|30d|90d|12m|custom)$"}),
]
FrequencyName = Annotated[
    Literal["daily", "weekly", "monthly"], WithJsonSchema({"type": "string", "pattern": "^(daily|weekly|monthly)$"})
]


class AnalyticsExportRequest(Body):
    """What is to be in the file."""

    format: FileFormat = "csv"
    period: Period | None = None
    since: Annotated[MomentText | None, Field(alias="from")] = None
    until: Annotated[MomentText | None, Field(alias="to")] = None
    metrics: Metrics = Field(default_factory=list)
    includePrivacyNotice: bool = False


class ScheduleReportRequest(Body):
    """What is to be sent, how often, and to whom."""

    name: Annotated[str, Field(min_length=1, max_length=NAME_MAX), one_line]
    frequency: FrequencyName
    dayOfWeek: Annotated[int | None, Field(ge=0, le=6)] = None
    dayOfMonth: Annotated[int | None, Field(ge=1, le=DAY_OF_MONTH_MAX)] = None
    hourUtc: Annotated[int, Field(ge=0, le=23)] = 0
    format: FileFormat
    recipients: Annotated[list[EmailStr], Field(min_length=1, max_length=RECIPIENTS_MAX)]
    metrics: Metrics = Field(default_factory=list)
    includePrivacyNotice: bool = False


class ValidateReportRequest(Body):
    """Which report's data is to be looked at, and of which time."""

    reportType: Annotated[str, Field(max_length=50), one_line] = "analytics"
    since: Annotated[MomentText | None, Field(alias="from")] = None
    until: Annotated[MomentText | None, Field(alias="to")] = None
