"""Whether the books of a program are right: recomputed from the first entry on, with the last result."""

from typing import Any

from starlette.responses import Response

from kado.cards.proof.findings import Report
from kado.cards.verify_here import ENTRIES_MAX, last_result, verify_here
from kado.doors.console.respond import in_words, shown
from kado.doors.console.visit import Visit
from kado.errors import Refusal

_SHOWN_MAX = 100


async def show(visit: Visit) -> Response:
    """What the last check said."""
    return await _books(visit, None, None)


async def check(visit: Visit) -> Response:
    """Recompute all of it now, as of one moment, while tills go on."""
    rooms, caller = visit.rooms, visit.caller
    try:
        report = await verify_here(rooms.database, rooms.keyring, caller.subject, caller.merchant_id, visit.program.id)
    except Refusal as refusal:
        return await _books(visit, None, refusal)
    return await _books(visit, report, None)


async def _books(visit: Visit, report: Report | None, refusal: Refusal | None) -> Response:
    facts: dict[str, Any] = {
        "report": report,
        "findings": [] if report is None else report.findings[:_SHOWN_MAX],
        "last": await last_result(visit.rooms.database, visit.program.id),
        "most": ENTRIES_MAX,
        "problem": "" if refusal is None else in_words(refusal, visit.language),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "books.html", facts, here="books", areas=("console_server",), status=status)
