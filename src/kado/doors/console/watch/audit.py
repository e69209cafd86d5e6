"""The audit log: who did what, when and from where; and as a file."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse

from kado.access.permissions import Permission
from kado.doors.console.page import ROOT
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Refusal
from kado.trail import export as exports
from kado.trail.export import MEDIA, Format
from kado.trail.read import read_page
from kado.trail.scope import scope_of
from kado.trail.wanted import Wanted
from kado.web import typed
from kado.web.typed import Fields

AUDIT: Final = f"{ROOT}/audit"
TOGETHER: Final = 50
_ASKED: Final = {"actorName": "", "subjectName": "", "action": "", "from": "", "to": ""}
_DAY: Final = timedelta(days=1) - timedelta(seconds=1)
_NOTHING: Final = {"rows": [], "total": 0, "is_minimum": False, "older": 0}


async def show(visit: Visit) -> Response:
    """The rows that fit, newest first."""
    fields = dict(visit.request.query_params)
    asked = fields.get("start", "")
    start = min(int(asked), 100_000) if asked.isdecimal() and len(asked) < 7 else 0
    try:
        scope = await scope_of(visit.rooms.database, visit.caller)
        part = await read_page(visit.rooms.reader, scope, _wanted(visit, fields), start=start, limit=TOGETHER)
    except Refusal as refusal:
        problems = problem_of(refusal, visit.language, _ASKED)
        return _page(visit, fields, {**_NOTHING, "start": 0, "problems": problems}, refusal.status)
    facts = {
        "rows": part.found,
        "total": part.total,
        "is_minimum": part.is_minimum,
        "start": start,
        "older": start + TOGETHER if part.total > start + TOGETHER else 0,
        "problems": {},
    }
    return _page(visit, fields, facts, 200)


async def order(visit: Visit) -> Response:
    """Order a file of what fits. It is there a moment later."""
    file_format: Format = "json" if typed.said(visit.fields, "format") == "json" else "csv"
    scope = await scope_of(visit.rooms.database, visit.caller)
    wanted = _wanted(visit, visit.fields)
    made = await exports.order(visit.rooms.database, scope, visit.caller.subject, file_format, wanted)
    return to(f"{AUDIT}/export/{made}")


async def status(visit: Visit) -> Response:
    """Whether the file is there, with the way to it."""
    rooms = visit.rooms
    scope = await scope_of(rooms.database, visit.caller)
    found = await exports.find(rooms.database, scope, str(visit.request.path_params["task_id"]))
    token = exports.token_of(rooms.keyring, found) if found.is_ready else ""
    facts = {"found": found, "file": f"{AUDIT}/export/{found.id}/file/{token}" if token else ""}
    return shown(visit, "audit_export.html", facts, here="audit", areas=("console_watch",))


async def download(visit: Visit) -> Response:
    """The file, made while it is sent."""
    rooms, asked = visit.rooms, visit.request.path_params
    scope = await scope_of(rooms.database, visit.caller)
    found = await exports.begin(
        rooms.database, rooms.keyring, scope, visit.caller.subject, str(asked["task_id"]), str(asked["token"])
    )
    name = f"audit-{found.id}.{found.format}"
    return StreamingResponse(
        exports.parts(rooms.reader, scope, found.format, exports.rows_of(found)),
        media_type=MEDIA[found.format],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _page(visit: Visit, fields: Fields, facts: dict[str, Any], status: int) -> Response:
    kept = {name: fields.get(name, "") for name in _ASKED}
    known = {
        **facts,
        "typed": kept,
        "query": urlencode({name: value for name, value in kept.items() if value}),
        "newer": max(0, facts["start"] - TOGETHER),
        "may_export": visit.may(Permission.AUDIT_EXPORT),
    }
    return shown(visit, "audit.html", known, here="audit", areas=("console_watch",), status=status)


def _wanted(visit: Visit, fields: Fields) -> Wanted:
    """What was typed, as filters. Days are those where the person's programs are. Raises `Invalid`."""
    zone = visit.zone
    since, until = typed.end_of_day(fields, "from", zone), typed.end_of_day(fields, "to", zone)
    action = typed.line(fields, "action", typed.REFERENCE_MAX)
    return Wanted(
        actor_name=typed.line(fields, "actorName", typed.NAME_MAX),
        subject_name=typed.line(fields, "subjectName", typed.NAME_MAX),
        actions=None if action is None else (action,),
        since=None if since is None else since - _DAY,
        until=until,
    )
