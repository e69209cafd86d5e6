"""What about a program's traffic is not as usual."""

from typing import Any, Final

from starlette.responses import Response

from kado.anomalies import alerts
from kado.doors.console.respond import shown, to
from kado.doors.console.visit import Visit
from kado.fraud.alert import alert_not_found
from kado.ids import is_id

TOGETHER: Final = 20


async def show(visit: Visit) -> Response:
    """The alerts, newest first."""
    start = visit.start
    found, total = await alerts.list_alerts(
        visit.rooms.reader, visit.program.id, alerts.Wanted(), limit=TOGETHER, offset=start
    )
    facts: dict[str, Any] = {
        "found": found,
        "start": start,
        "newer": max(0, start - TOGETHER),
        "older": start + TOGETHER if total > start + TOGETHER else 0,
        "done": visit.asked("done") == "seen",
    }
    return shown(visit, "anomalies.html", facts, here="anomalies", areas=("console_watch",))


async def acknowledge(visit: Visit) -> Response:
    """Say that one knows of it."""
    alert_id = str(visit.request.path_params["alert_id"])
    if not is_id(alert_id):
        raise alert_not_found()
    caller = visit.caller
    await alerts.acknowledge(visit.rooms.database, caller.merchant_id, caller.subject, visit.program.id, alert_id)
    return to(f"{visit.home}/anomalies?done=seen")
