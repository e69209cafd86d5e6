"""Bodies of the audit log."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from kado.doors.api.schemas import Body
from kado.doors.api.types import UtcDatetime, bounded_silently, one_line

FILTERS_MAX = 100
FilterText = Annotated[str, Field(max_length=255), one_line, WithJsonSchema({"type": "string"})]
FilterTexts = Annotated[list[FilterText], Field(max_length=FILTERS_MAX), bounded_silently]


class AuditLogResponse(Body):
    """One thing that somebody did, or saw."""

    id: str
    action: str
    resourceType: str
    actorType: str
    timestamp: UtcDatetime
    resourceId: str | None = None
    actorId: str | None = None
    subjectId: str | None = None
    merchantId: str | None = None
    ipAddress: str | None = None
    userAgent: str | None = None
    requestId: str | None = None
    actorName: str | None = None
    subjectName: str | None = None
    merchantName: str | None = None
    resourceName: str | None = None
    details: dict[str, Any] | None = None


class AuditLogPage(Body):
    """Part of the log, newest first."""

    items: list[AuditLogResponse]
    total: int
    page: int
    pages: int
    limit: int


class ExportRequest(Body):
    """Which rows are to be in the file, and what kind of file it is to be."""

    format: FilterText = "csv"
    merchantId: FilterText | None = None
    subjectId: FilterText | None = None
    actorId: FilterText | None = None
    subjectName: FilterText | None = None
    actorName: FilterText | None = None
    merchantName: FilterText | None = None
    actions: FilterTexts | None = None
    resourceTypes: FilterTexts | None = None
    fromDate: UtcDatetime | None = None
    toDate: UtcDatetime | None = None


class ExportStatusResponse(Body):
    """How far an export is, and where the file is once it is there."""

    taskId: str
    status: str
    downloadUrl: Annotated[str | None, Field(repr=False)] = None
    error: str | None = None
