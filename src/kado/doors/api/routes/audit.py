"""The audit log: who did what, when and from where, in pages and as a file."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, WithJsonSchema

from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.doors.api import shown
from kado.doors.api.rights import Rule, held_by
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.audit import (
    AuditLogPage,
    ExportRequest,
    ExportStatusResponse,
    FilterText,
    FilterTexts,
)
from kado.doors.api.services import Services, services_of
from kado.doors.api.types import UtcDatetime
from kado.doors.api.visit import MERCHANT_HEADER, authenticated
from kado.errors import Forbidden, Invalid
from kado.trail import export as exports
from kado.trail.export import MEDIA, Export, Format
from kado.trail.read import read_page
from kado.trail.row import members
from kado.trail.scope import scope_of
from kado.trail.wanted import Wanted

router = APIRouter(
    prefix="/v2/giftcards/audit-logs", tags=["Audit Logs"], route_class=StrictRoute, dependencies=MERCHANT_HEADER
)

_PAGE_MAX: Final = 2**31


def _reading(permission: Permission) -> object:
    @held_by(Rule(permission))
    async def check(request: Request) -> Caller:
        caller = await authenticated(request)
        caller.require(permission)
        if caller.is_test:
            raise Forbidden("live_key_required", "The audit log holds what happened to real cards: use a live key.")
        return caller

    return Depends(check)


Reader = Annotated[Caller, _reading(Permission.AUDIT_READ)]
Exporter = Annotated[Caller, _reading(Permission.AUDIT_EXPORT)]
TaskId = Annotated[str, Path()]
Text = Annotated[FilterText | None, Query()]
Texts = Annotated[FilterTexts | None, Query()]
PageNumber = Annotated[int, Field(ge=1, le=_PAGE_MAX), WithJsonSchema({"type": "integer", "minimum": 1})]


@router.get("", name="query_audit_logs", response_model=AuditLogPage)
async def query(
    request: Request,
    caller: Reader,
    merchantId: Text = None,
    subjectId: Text = None,
    actorId: Text = None,
    subjectName: Text = None,
    actorName: Text = None,
    merchantName: Text = None,
    action: Texts = None,
    resourceType: Texts = None,
    since: Annotated[UtcDatetime | None, Query(alias="from")] = None,
    until: Annotated[UtcDatetime | None, Query(alias="to")] = None,
    page: Annotated[PageNumber, Query()] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """What was done by the merchant and in its programs, newest first; a cashier sees what it did itself.

    From 1000 rows on, `Kado-Total-Is-Minimum` may say that there are more than `total`.
    """
    services = services_of(request)
    wanted = Wanted(
        merchant_id=merchantId,
        subject_id=subjectId,
        actor_id=actorId,
        subject_name=subjectName,
        actor_name=actorName,
        merchant_name=merchantName,
        actions=None if action is None else tuple(action),
        resource_types=None if resourceType is None else tuple(resourceType),
        since=since,
        until=until,
    )
    part = await read_page(
        services.reader, await scope_of(services.database, caller), wanted, start=(page - 1) * limit, limit=limit
    )
    body = {
        "items": [members(row) for row in part.found],
        "total": part.total,
        "page": page,
        "pages": -(-part.total // limit),
        "limit": limit,
    }
    return shown.json_response(body, shown.minimum_of(part))


@router.post("/export", name="export_audit_logs", response_model=ExportStatusResponse, status_code=202)
async def export(request: Request, caller: Exporter, data: Annotated[ExportRequest, Body()]) -> Response:
    """Order a file of the rows until now that fit. It is there a moment later."""
    services = services_of(request)
    if data.format not in ("csv", "json"):
        raise Invalid(("body", "format"), "An export is csv or json.", "format_unknown")
    file_format: Format = "json" if data.format == "json" else "csv"
    wanted = Wanted(
        merchant_id=data.merchantId,
        subject_id=data.subjectId,
        actor_id=data.actorId,
        subject_name=data.subjectName,
        actor_name=data.actorName,
        merchant_name=data.merchantName,
        actions=None if data.actions is None else tuple(data.actions),
        resource_types=None if data.resourceTypes is None else tuple(data.resourceTypes),
        since=data.fromDate,
        until=data.toDate,
    )
    scope = await scope_of(services.database, caller)
    export_id = await exports.order(services.database, scope, caller.subject, file_format, wanted)
    return shown.json_response(_status(export_id, "pending", None), status=202)


@router.get("/export/{task_id}", name="get_export_status", response_model=ExportStatusResponse)
async def export_status(request: Request, caller: Exporter, task_id: TaskId) -> Response:
    """Whether the file is there (`success`), and its address, which is good for an hour from now."""
    services = services_of(request)
    found = await exports.find(services.database, await scope_of(services.database, caller), task_id)
    if not found.is_ready:
        return shown.json_response(_status(found.id, "pending", None))
    return shown.json_response(_status(found.id, "success", _url(services, found)))


@router.get(
    "/export/{task_id}/file/{token}",
    name="download_audit_export",
    response_model=None,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def download(
    request: Request, caller: Exporter, task_id: TaskId, token: Annotated[str, Path()]
) -> StreamingResponse:
    """The file, made while it is sent."""
    services = services_of(request)
    scope = await scope_of(services.database, caller)
    found = await exports.begin(services.database, services.keyring, scope, caller.subject, task_id, token)
    return StreamingResponse(
        exports.parts(services.reader, scope, found.format, exports.rows_of(found)),
        media_type=MEDIA[found.format],
        headers={"Content-Disposition": f'attachment; filename="audit-{found.id}.{found.format}"'},
    )


def _status(export_id: str, status: str, url: str | None) -> dict[str, object]:
    return {"taskId": export_id, "status": status, "downloadUrl": url, "error": None}


def _url(services: Services, export: Export) -> str:
    token = exports.token_of(services.keyring, export)
    return f"{services.settings.public_url}{router.prefix}/export/{export.id}/file/{token}"
