"""What may be money laundering, and saying that one knows of it."""

from typing import Final

from starlette.responses import Response

from kado.doors.console.reports.asked import TOGETHER, page_in
from kado.doors.console.respond import shown, to
from kado.doors.console.visit import Visit
from kado.reports.aml.alerts import NOTES_MAX, acknowledge, list_alerts
from kado.web import typed

_PATH: Final = "reports/laundering"


async def show(visit: Visit) -> Response:
    """The alerts, newest first."""
    page = page_in(visit)
    start = (page - 1) * TOGETHER
    found = await list_alerts(visit.rooms.reports, visit.program, since=None, until=None, limit=TOGETHER, start=start)
    facts = {
        "found": found,
        "page": page,
        "start": start,
        "last": start + len(found.found),
        "total": found.total,
        "longest": NOTES_MAX,
        "is_done": bool(visit.asked("done")),
    }
    areas = ("console_cards", "console_overview", "console_reports")
    return shown(visit, "report_laundering.html", facts, here="reports", areas=areas)


async def say_known(visit: Visit) -> Response:
    """Say that one knows of an alert. Whoever was first stays, with their notes."""
    notes = typed.words(visit.fields, "notes", NOTES_MAX)
    alert_id = str(visit.request.path_params["alert_id"])
    await acknowledge(visit.rooms.reports, visit.program, visit.caller, alert_id, notes)
    return to(f"{visit.home}/{_PATH}?done=1")
