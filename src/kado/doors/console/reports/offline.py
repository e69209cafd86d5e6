"""What tills took without a connection: what is settled, what is not and why, who and where."""

from starlette.responses import Response

from kado.cards.offline.report import away_of
from kado.doors.console.reports.asked import TOGETHER, page_in
from kado.doors.console.respond import shown
from kado.doors.console.visit import Visit
from kado.web.worded import why_not


async def show(visit: Visit) -> Response:
    """The newest first."""
    start = (page_in(visit) - 1) * TOGETHER
    program = visit.program
    found = await away_of(visit.rooms.database, program, visit.caller.merchant_id, limit=TOGETHER, start=start)
    last = start + len(found.takes)
    facts = {
        "found": found,
        "rows": [
            (one, why_not(one.code, one.code, visit.language, member="offline") if one.code else "")
            for one in found.takes
        ],
        "is_on": program.offline_take is not None,
        "start": start,
        "last": last,
        "total": last + found.has_more,
        "page": page_in(visit),
    }
    areas = ("console_cards", "console_reports")
    return shown(visit, "report_offline.html", facts, here="reports", areas=areas)
