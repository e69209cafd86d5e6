"""Whether the data behind reports is sound, looked at for whoever asks."""

from typing import Any

from starlette.responses import Response

from kado.doors.console.reports.asked import day_after
from kado.doors.console.respond import problem_of, shown
from kado.doors.console.visit import Visit
from kado.errors import Invalid
from kado.reports.validation import Validation, validate
from kado.reports.windows import window_of
from kado.web import typed


async def show(visit: Visit) -> Response:
    """The form."""
    return _page(visit, {}, None)


async def check(visit: Visit) -> Response:
    """Look at all of it, and say what was found."""
    source, program, fields = visit.rooms.reports, visit.program, visit.fields
    try:
        since, until = typed.moment(fields, "from"), day_after(visit, fields, "to")
        window = window_of(await source.now(), program.zone, None, since, until, place="body")
    except Invalid as refusal:
        return _page(visit, problem_of(refusal, visit.language, {"from": "", "to": ""}), None, refusal.status)
    return _page(visit, {}, await validate(source, program, window))


def _page(visit: Visit, problems: dict[str, str], found: Validation | None, status: int = 200) -> Response:
    facts: dict[str, Any] = {
        "typed": visit.fields,
        "problems": problems,
        "found": found,
        "here": f"{visit.home}/reports/soundness",
    }
    areas = ("console_cards", "console_reports")
    return shown(visit, "report_soundness.html", facts, here="reports", areas=areas, status=status)
