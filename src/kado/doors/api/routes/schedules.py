"""Reports by mail again and again, and whether the data behind reports is sound."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, WithJsonSchema

from kado import clock
from kado.doors.api import shown
from kado.doors.api.reported import FILES
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.schedules import ScheduleReportRequest, ValidateReportRequest
from kado.doors.api.visit import SESSION_HEADERS, ManagingReports, ProgramId, Reporting, StrayCardId
from kado.reports import schedules
from kado.reports.latest import latest
from kado.reports.schedules import Schedule, Wish
from kado.reports.sheets import measures_of
from kado.reports.validation import Issue, validate
from kado.reports.windows import window_of

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/reports",
    tags=["Gift Card Reports"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)

_PAGE_MAX: Final = 2**31
ScheduleId = Annotated[str, Path()]
PageNumber = Annotated[int, Field(ge=1, le=_PAGE_MAX), WithJsonSchema({"type": "integer", "minimum": 1})]


@router.post("/schedule", name="create_schedule", response_model=None)
async def create(
    visit: ManagingReports, programId: ProgramId, data: ScheduleReportRequest, cardId: StrayCardId = None
) -> Response:
    """Have a report sent from now on. A week begins with Monday, which is day 0; the hour is in UTC."""
    wish = Wish(
        name=data.name,
        frequency=data.frequency,
        day_of_week=data.dayOfWeek,
        day_of_month=data.dayOfMonth,
        hour_utc=data.hourUtc,
        format=data.format,
        recipients=list(dict.fromkeys(data.recipients)),
        metrics=measures_of(data.metrics) if data.metrics else (),
        has_notice=data.includePrivacyNotice,
    )
    services = visit.services
    made = await schedules.create(services.database, services.keyring, visit.program, visit.caller, wish)
    return shown.json_response(_schedule(made))


@router.get("/scheduled", name="list_scheduled_reports", response_model=None)
async def list_all(
    visit: ManagingReports,
    programId: ProgramId,
    page: Annotated[PageNumber, Query()] = 1,
    pageSize: Annotated[int, Query(ge=1, le=100)] = 20,
    cardId: StrayCardId = None,
) -> Response:
    """The program's schedules, newest first, with what became of their mails."""
    services = visit.services
    found, total = await schedules.list_schedules(
        services.database, services.keyring, visit.program.id, limit=pageSize, start=(page - 1) * pageSize
    )
    body = {
        "items": [_schedule(one) for one in found],
        "total": total,
        "page": page,
        "pages": -(-total // pageSize),
        "pageSize": pageSize,
    }
    return shown.json_response(body, {"X-Total-Count": str(total)})


@router.delete("/scheduled/{scheduleId}", name="delete_scheduled_report", response_model=None)
async def delete(
    visit: ManagingReports, programId: ProgramId, scheduleId: ScheduleId, cardId: StrayCardId = None
) -> Response:
    """End a schedule; mails of it that have not left do not leave any more."""
    services = visit.services
    await schedules.delete(services.database, services.keyring, visit.program, visit.caller, scheduleId)
    return shown.json_response({"success": True})


@router.get("/scheduled/{scheduleId}/download", name="download_scheduled_report", response_model=None, responses=FILES)
async def download(
    visit: ManagingReports, programId: ProgramId, scheduleId: ScheduleId, cardId: StrayCardId = None
) -> Response:
    """The file as the schedule wants it, of the last 30 days, today not among them."""
    services = visit.services
    name, media, content = await latest(services.reports, services.keyring, visit.program, scheduleId)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, 200, headers, media)


@router.post("/validate", name="validate_report_data", response_model=None)
async def check(
    visit: Reporting, programId: ProgramId, data: ValidateReportRequest, cardId: StrayCardId = None
) -> Response:
    """Look at what reports add up: balances, states, dates, and the sums beside the entries; 30 days unless named."""
    source, program = visit.services.reports, visit.program
    window = window_of(await source.now(), program.zone, None, data.since, data.until, place="body")
    found = await validate(source, program, window)
    body = {
        "reportType": data.reportType,
        "from": clock.text(window.since),
        "to": clock.text(window.until),
        "checkedAt": clock.text(found.checked_at),
        "valid": not found.errors,
        "errorCount": found.errors,
        "warningCount": len(found.issues) - found.errors,
        "checks": list(found.checks),
        "issues": [_issue(one) for one in found.issues],
    }
    return shown.json_response(body)


def _schedule(one: Schedule) -> dict[str, Any]:
    wish = one.wish
    return {
        "id": one.id,
        "programId": one.program_id,
        "name": wish.name,
        "frequency": wish.frequency,
        "dayOfWeek": wish.day_of_week,
        "dayOfMonth": wish.day_of_month,
        "hourUtc": wish.hour_utc,
        "format": wish.format,
        "recipients": list(wish.recipients),
        "metrics": [metric.value for metric in wish.metrics],
        "includePrivacyNotice": wish.has_notice,
        "createdBy": one.actor,
        "createdAt": clock.text(one.created_at),
        "nextRunAt": clock.text(one.next_due_at),
        "lastRunAt": clock.text_or_none(one.last_due_at),
        "lastSentAt": clock.text_or_none(one.last_sent_at),
        "lastError": one.last_error,
        "waiting": one.waiting,
        "failed": one.failed,
    }


def _issue(one: Issue) -> dict[str, Any]:
    return {
        "check": one.check,
        "severity": one.severity,
        "message": one.text,
        "cardId": one.card_id,
        "transactionId": one.entry_id,
    }
