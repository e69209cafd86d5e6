"""The entries behind a figure, with what they come to on top."""

from starlette.responses import Response

from kado.cards.turnover.figures import BEGINNING
from kado.doors.console.reports.asked import TOGETHER, measure_in, moment_in, narrowed, page_in
from kado.doors.console.reports.links import with_links
from kado.doors.console.respond import shown
from kado.doors.console.visit import Visit
from kado.reports.entries import entries
from kado.reports.measures import Measure, share
from kado.reports.shops import names_of
from kado.reports.windows import span_of


async def show(visit: Visit) -> Response:
    """A page of them, newest first."""
    source, measure = visit.rooms.reports, measure_in(visit)
    dimension, value = narrowed(visit)
    now = await source.now()
    window = span_of(now, visit.program.zone, moment_in(visit, "from"), moment_in(visit, "to"))
    page = page_in(visit)
    start = (page - 1) * TOGETHER
    found = await entries(
        source, visit.program, measure, window, dimension=dimension, value=value, limit=TOGETHER, start=start
    )
    name = value
    if dimension == "merchant":
        name = (await names_of(source, [value])).get(value, value)
    facts = {
        "measure": measure.value,
        "window": window,
        "is_ever": window.since == BEGINNING,
        "by": dimension,
        "value": value,
        "name": name,
        "figure": found.figure,
        "rows": [(one, share(measure, one.kind, one.minor)) for one in found.found],
        "is_sum_of_all": measure is Measure.LIABILITY,
        "page": page,
        "last": start + len(found.found),
        "start": start,
        **with_links(visit),
    }
    return shown(visit, "entries.html", facts, here="reports", areas=("console_cards", "console_reports"))
