"""Whether the books of a program are right: recomputed by a worker from the first entry on, and what that said."""

from typing import Any

from starlette.responses import Response

from kado.access.staff import list_staff
from kado.cards.books.check import FINDINGS_KEPT, ask, latest
from kado.doors.console.respond import shown, to
from kado.doors.console.visit import Visit


async def show(visit: Visit) -> Response:
    """How far a check is that goes on, and what the latest ones said."""
    checks = await latest(visit.rooms.database, visit.program.id)
    people = await list_staff(visit.rooms.database, visit.program.merchant_id)
    facts: dict[str, Any] = {
        "under_way": next((one for one in checks if one.goes_on), None),
        "last": next((one for one in checks if not one.goes_on), None),
        "earlier": [one for one in checks if not one.goes_on][1:],
        "asked_by": {f"staff:{one.id}": one.name or one.email for one in people},
        "findings_kept": FINDINGS_KEPT,
        "here": f"{visit.home}/books",
    }
    return shown(visit, "books.html", facts, here="books", areas=("console_server",))


async def check(visit: Visit) -> Response:
    """Have all of it recomputed, as of one moment, while tills go on."""
    await ask(visit.rooms.database, visit.caller, visit.program)
    return to(f"{visit.home}/books")
