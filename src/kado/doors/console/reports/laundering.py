"""What may be money laundering, and saying that one knows of it."""

from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from kado.doors.console.reports.asked import TOGETHER, day_after, moment_in, page_in
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Invalid
from kado.reports.aml.alerts import NOTES_MAX, acknowledge, list_alerts
from kado.web import typed

_PATH: Final = "reports/laundering"
_ASKED: Final = {"from": "", "to": ""}


async def show(visit: Visit) -> Response:
    """The alerts of a time, or all of them, newest first."""
    page = page_in(visit)
    start = (page - 1) * TOGETHER
    since, until, problems = None, None, {}
    try:
        since = moment_in(visit, "from")
        until = day_after(visit, visit.request.query_params, "to")
    except Invalid as refusal:
        problems = problem_of(refusal, visit.language, _ASKED)
    found = await list_alerts(visit.rooms.reports, visit.program, since=since, until=until, limit=TOGETHER, start=start)
    asked = {name: visit.asked(name) for name in _ASKED}
    facts: dict[str, Any] = {
        "typed": asked,
        "problems": problems,
        "query": urlencode({name: value for name, value in asked.items() if value}),
        "found": found,
        "page": page,
        "start": start,
        "last": start + len(found.found),
        "total": found.total,
        "longest": NOTES_MAX,
        "is_done": bool(visit.asked("done")),
    }
    areas = ("console_cards", "console_overview", "console_reports")
    status = 422 if problems else 200
    return shown(visit, "report_laundering.html", facts, here="reports", areas=areas, status=status)


async def say_known(visit: Visit) -> Response:
    """Say that one knows of an alert. Whoever was first stays, with their notes."""
    notes = typed.words(visit.fields, "notes", NOTES_MAX)
    alert_id = str(visit.request.path_params["alert_id"])
    await acknowledge(visit.rooms.reports, visit.program, visit.caller, alert_id, notes)
    return to(f"{visit.home}/{_PATH}?done=1")
