"""Cards whose money ends soon, and those that nobody has touched for long."""

from typing import Any

from starlette.responses import Response

from kado.doors.console.reports.asked import TOGETHER, page_in
from kado.doors.console.respond import problem_of, shown
from kado.doors.console.visit import Visit
from kado.errors import Invalid
from kado.reports.escheatment import (
    DORMANCY_DAYS,
    DORMANCY_DAYS_MAX,
    UNKNOWN,
    jurisdiction_of,
    untouched,
    untouched_sum,
)
from kado.reports.expiring import days_left, expiring, level
from kado.web import typed

_AREAS = ("console_cards", "console_reports")


async def show_expiring(visit: Visit) -> Response:
    """Active cards with money that ends within 90 days, the next first."""
    start = (page_in(visit) - 1) * TOGETHER
    found = await expiring(visit.rooms.reports, visit.program, limit=TOGETHER, start=start)
    facts = {
        "within": found.within,
        "rows": [(one.card, days_left(one), level(one)) for one in found.cards],
        **_part(visit, start, len(found.cards), max(cards.count for cards in found.within.values())),
    }
    return shown(visit, "report_expiring.html", facts, here="reports", areas=_AREAS)


async def show_dormant(visit: Visit) -> Response:
    """Cards with money and without an entry for so many days, oldest cards first.

    What they come to is asked for by the page once it is there: to add up a million cards takes a second or two.
    """
    problems: dict[str, str] = {}
    days = DORMANCY_DAYS
    try:
        days = typed.whole(visit.request.query_params, "days", 1, DORMANCY_DAYS_MAX) or DORMANCY_DAYS
    except Invalid as refusal:
        problems = problem_of(refusal, visit.language, {"days": ""})
    start = (page_in(visit) - 1) * TOGETHER
    reports, program, place = visit.rooms.reports, visit.program, jurisdiction_of(visit.program)
    now, cards = await untouched(reports, program, dormancy_days=days, limit=TOGETHER + 1, start=start)
    is_asked = visit.asked("sum") == "1"
    facts = {
        "sum": await untouched_sum(reports, program, dormancy_days=days) if is_asked else None,
        "days": days,
        "typed": visit.asked("days") or str(days),
        "problems": problems,
        "jurisdiction": "" if place == UNKNOWN else place,
        "rows": [(one.card, one.last_activity, (now - one.last_activity).days) for one in cards[:TOGETHER]],
        **_part(visit, start, min(len(cards), TOGETHER), start + len(cards)),
    }
    return shown(visit, "report_dormant.html", facts, here="reports", areas=_AREAS, status=422 if problems else 200)


def _part(visit: Visit, start: int, shown_now: int, total: int) -> dict[str, Any]:
    """What a pager says."""
    return {"start": start, "last": start + shown_now, "total": total, "page": page_in(visit)}
