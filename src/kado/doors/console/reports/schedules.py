"""Reports that are sent by mail again and again."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast, get_args

from starlette.responses import Response

from kado import contacts
from kado.doors.console.reports.asked import TOGETHER
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Invalid, Refusal
from kado.reports import schedules
from kado.reports.latest import latest
from kado.reports.schedules import DAY_OF_MONTH_MAX, NAME_MAX, Frequency, Wish
from kado.reports.sheets import ENDINGS
from kado.web import typed

_FIELDS: Final = ("name", "frequency", "dayOfWeek", "dayOfMonth", "hourUtc", "format", "recipients")
_FREQUENCIES: Final = get_args(Frequency)
_APART: Final = re.compile(r"[\s,;]+")


async def show(visit: Visit) -> Response:
    """Those that there are, and the form for another."""
    return await _page(visit, {}, {})


async def make(visit: Visit) -> Response:
    """Have a report sent from now on."""
    rooms = visit.rooms
    try:
        await schedules.create(rooms.database, rooms.keyring, visit.program, visit.caller, _wish(visit.fields))
    except Refusal as refusal:
        problems = problem_of(refusal, visit.language, dict.fromkeys(_FIELDS, ""))
        return await _page(visit, visit.fields, problems, refusal.status)
    return to(f"{visit.home}/reports/schedules?done=made")


async def end(visit: Visit) -> Response:
    """End one; mails of it that have not left do not leave any more."""
    rooms = visit.rooms
    await schedules.delete(rooms.database, rooms.keyring, visit.program, visit.caller, _asked(visit))
    return to(f"{visit.home}/reports/schedules?done=ended")


async def fetch(visit: Visit) -> Response:
    """Its file, of the last 30 days."""
    rooms = visit.rooms
    name, media, content = await latest(rooms.reports, rooms.keyring, visit.program, _asked(visit))
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, 200, headers, media)


def _asked(visit: Visit) -> str:
    return str(visit.request.path_params["schedule_id"])


def _wish(fields: Mapping[str, str]) -> Wish:
    """What was typed in. Raises `Invalid`."""
    frequency, file_format = typed.said(fields, "frequency"), typed.said(fields, "format")
    if frequency not in _FREQUENCIES:
        raise Invalid(("body", "frequency"), "Say how often.", "missing")
    if file_format not in ENDINGS:
        raise Invalid(("body", "format"), "Say which kind of file.", "missing")
    return Wish(
        name=typed.needed(typed.line(fields, "name", NAME_MAX), "name"),
        frequency=cast("Frequency", frequency),
        # The form has both fields whatever is chosen above them.
        day_of_week=typed.whole(fields, "dayOfWeek", 0, 6) if frequency == "weekly" else None,
        day_of_month=typed.whole(fields, "dayOfMonth", 1, DAY_OF_MONTH_MAX) if frequency == "monthly" else None,
        hour_utc=typed.whole(fields, "hourUtc", 0, 23) or 0,
        format=file_format,
        recipients=_recipients(fields),
        has_notice=typed.is_ticked(fields, "includePrivacyNotice"),
    )


def _recipients(fields: Mapping[str, str]) -> list[str]:
    found: dict[str, None] = {}
    for said in filter(None, _APART.split(typed.said(fields, "recipients"))):
        address = contacts.email_address(said)
        if address is None:
            raise Invalid(("body", "recipients"), "This is not an email address.", "email")
        found[address] = None
    return list(found)


async def _page(visit: Visit, fields: Mapping[str, str], problems: Mapping[str, str], status: int = 200) -> Response:
    rooms = visit.rooms
    found, _ = await schedules.list_schedules(rooms.database, rooms.keyring, visit.program.id, limit=TOGETHER)
    facts: dict[str, Any] = {
        "found": found,
        "typed": fields,
        "problems": problems,
        "frequencies": _FREQUENCIES,
        "formats": list(ENDINGS),
        "done": visit.asked_among("done", ("made", "ended")),
        "here": f"{visit.home}/reports/schedules",
    }
    return shown(visit, "report_schedules.html", facts, here="reports", areas=("console_reports",), status=status)
