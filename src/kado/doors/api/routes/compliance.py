"""Compliance: what may be money laundering, and saying that one knows of it."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Response

from kado import clock
from kado.doors.api import shown
from kado.doors.api.paging import WantedPart
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.compliance import AcknowledgeAMLAlertRequest, AMLReportResponse
from kado.doors.api.types import UtcDatetime
from kado.doors.api.visit import SESSION_HEADERS, ManagingReports, ProgramId, Reporting, StrayCardId, Visit
from kado.ids import new_id
from kado.reports.aml import alerts
from kado.reports.aml.alerts import Alert

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/compliance/aml",
    tags=["Gift Cards"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)


@router.get("", name="getAMLAlerts", response_model=AMLReportResponse)
async def list_alerts(
    visit: Reporting,
    programId: ProgramId,
    part: WantedPart,
    from_date: Annotated[UtcDatetime | None, Query()] = None,
    to_date: Annotated[UtcDatetime | None, Query()] = None,
    cardId: StrayCardId = None,
) -> Response:
    """What was flagged from one moment to another, newest first, in pages; counts are of all of it."""
    source = visit.services.reports
    found = await alerts.list_alerts(
        source, visit.program, since=from_date, until=to_date, limit=part.limit, start=part.start
    )
    body = {
        "reportId": new_id(),
        "generatedAt": clock.text(await source.now()),
        "alerts": [_alert(visit, one) for one in found.found],
        "highSeverityCount": found.high,
        "mediumSeverityCount": found.medium,
        "lowSeverityCount": found.low,
        "unacknowledgedCount": found.unacknowledged,
    }
    shown.saw(visit.services, visit.caller, (one.card for one in found.found))
    return shown.json_response(body, {"X-Total-Count": str(found.total)})


@router.post("/{alertId}/acknowledge", name="acknowledgeAMLAlert", response_model=dict[str, bool])
async def acknowledge(
    visit: ManagingReports,
    programId: ProgramId,
    alertId: Annotated[str, Path()],
    data: Annotated[AcknowledgeAMLAlertRequest, Body()],
    cardId: StrayCardId = None,
) -> Response:
    """Say that one knows of it. Whoever was first stays, with their notes."""
    await alerts.acknowledge(visit.services.reports, visit.program, visit.caller, alertId, data.notes)
    return shown.json_response({"acknowledged": True})


def _alert(visit: Visit, alert: Alert) -> dict[str, Any]:
    return {
        "alertId": alert.id,
        "flagType": alert.flag,
        "severity": alert.severity,
        "cardId": alert.card.id,
        "cardNumber": shown.number(visit.services, alert.card),
        "customerEmail": alert.card.customer_email,
        "transactionIds": alert.entry_ids,
        "detectedAt": clock.text(alert.detected_at),
        "acknowledged": alert.acknowledged_at is not None,
        "amount": visit.program.currency.text(alert.minor),
        "acknowledgedAt": clock.text_or_none(alert.acknowledged_at),
        "acknowledgedBy": alert.acknowledged_by,
        "notes": alert.notes,
    }
