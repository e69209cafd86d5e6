"""Anomalies: what about a program's traffic is not as usual, and who knows of it."""

# ruff: noqa: N803 - parameter names are the names on the wire

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, WithJsonSchema

from kado import clock
from kado.anomalies import alerts
from kado.anomalies.alert import Alert, AlertStatus, AlertType, Severity
from kado.anomalies.metrics import Hour, metrics
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.types import UtcDatetime
from kado.doors.api.visit import SESSION_HEADERS, ProgramId, ReadingFraud, StrayCardId, WritingFraud
from kado.errors import NotFound
from kado.ids import is_id

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/anomalies",
    tags=["anomalies"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)

_PAGE_MAX: Final = 2**31
_COUNTS: Final = {"requests": "requests", "refused": "refused", "errors": "errors", "authFailures": "auth_failures"}

Severities = Annotated[list[Literal["warning", "critical"]], Query(default_factory=list)]
Types = Annotated[list[Literal["VOLUME_SPIKE", "ERROR_RATE", "AUTH_FAILURE_SPIKE"]], Query(default_factory=list)]
Statuses = Annotated[list[Literal["open", "acknowledged", "resolved"]], Query(default_factory=list)]
# The contract says no more than that these are texts.
Moment = Annotated[UtcDatetime | None, WithJsonSchema({"type": "string"})]
# Bounded here, but not in the document.
Page = Annotated[int, Field(ge=1, le=_PAGE_MAX), WithJsonSchema({"type": "integer", "minimum": 1})]


@router.get("/alerts", name="get_anomaly_alerts", response_model=None)
async def list_alerts(
    visit: ReadingFraud,
    programId: ProgramId,
    severity: Severities,
    type: Types,  # noqa: A002 - the name on the wire
    status: Statuses,
    since: Annotated[Moment, Query(alias="from")] = None,
    until: Annotated[Moment, Query(alias="to")] = None,
    page: Annotated[Page, Query()] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cardId: StrayCardId = None,
) -> Response:
    """The program's alerts, newest first: of the kinds that are named, opened from `from` to `to`."""
    wanted = alerts.Wanted(
        [Severity(one) for one in severity],
        [AlertType(one) for one in type],
        [AlertStatus(one) for one in status],
        since,
        until,
    )
    found, total = await alerts.list_alerts(
        visit.services.reader, visit.program.id, wanted, limit=limit, offset=(page - 1) * limit
    )
    pages = -(-total // limit)
    body = {"items": [_alert(one) for one in found], "total": total, "page": page, "pages": pages, "limit": limit}
    return shown.json_response(body, {"X-Total-Count": str(total)})


@router.get("/metrics", name="get_anomaly_metrics", response_model=None)
async def show_metrics(
    visit: ReadingFraud,
    programId: ProgramId,
    days: Annotated[int, Query(ge=1, le=30)] = 7,
    cardId: StrayCardId = None,
) -> Response:
    """What the program had in the last days, by hours, and what it has now beside what is usual."""
    found = await metrics(visit.services.reader, visit.program.id, days=days)
    now = found.now
    body = {
        "programId": visit.program.id,
        "since": clock.text(found.since),
        "until": clock.text(found.until),
        "totals": _totals(found.hours),
        "lastFiveMinutes": {
            "requests": now.requests,
            "errors": now.errors,
            "authFailures": now.auth_failures,
            "usualRequests": now.usual_requests,
            "usualAuthFailures": now.usual_auth_failures,
        },
        "unresolvedAlerts": {one.value: count for one, count in found.unresolved.items()},
        "hours": [{"hour": clock.text(one.hour), **_totals([one])} for one in found.hours],
    }
    return shown.json_response(body)


@router.post("/alerts/{alert_id}/acknowledge", name="acknowledge_anomaly_alert", response_model=None)
async def acknowledge(
    visit: WritingFraud, programId: ProgramId, alert_id: Annotated[str, Path()], cardId: StrayCardId = None
) -> Response:
    """Say that one knows of the alert. Whoever was first stays; it is over when the traffic is as usual again."""
    if not is_id(alert_id):
        raise NotFound("alert_not_found", "There is no such alert in this program.")
    caller = visit.caller
    found = await alerts.acknowledge(
        visit.services.database, caller.merchant_id, caller.subject, visit.program.id, alert_id
    )
    return shown.json_response(_alert(found))


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "programId": alert.program_id,
        "type": alert.type.value,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "observed": alert.seen,
        "usual": alert.usual,
        "threshold": alert.threshold,
        "openedAt": clock.text(alert.opened_at),
        "lastSeenAt": clock.text(alert.last_seen_at),
        "acknowledgedAt": clock.text_or_none(alert.acknowledged_at),
        "acknowledgedBy": alert.acknowledged_by,
        "resolvedAt": clock.text_or_none(alert.resolved_at),
    }


def _totals(hours: Sequence[Hour]) -> dict[str, int]:
    return {wire: sum(getattr(one, name) for one in hours) for wire, name in _COUNTS.items()}
