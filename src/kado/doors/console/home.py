"""Where the console begins: the overview of a program, or the way to one."""

from typing import Any

from starlette.responses import Response

from kado.access.permissions import Permission
from kado.doors.console.begin import no_program
from kado.doors.console.chart import chart_of
from kado.doors.console.figures import figures_for
from kado.doors.console.page import IN_PROGRAM
from kado.doors.console.reports.links import shown_lines, with_links
from kado.doors.console.reports.network import NETWORK
from kado.doors.console.respond import shown, to
from kado.doors.console.visit import Visit


async def to_somewhere(visit: Visit) -> Response:
    """To the first program, or to all shops of the server; where there is neither, what can be done about that."""
    if visit.may(Permission.NETWORK_READ):
        return to(NETWORK)
    if visit.programs:
        return to(IN_PROGRAM.format(program_id=visit.programs[0].id))
    return no_program(visit)


async def show(visit: Visit) -> Response:
    """What do we owe, what was sold and spent, what expires soon, what is odd."""
    figures = await figures_for(visit)
    facts: dict[str, Any] = {"figures": figures, "on": figures.money, **with_links(visit)}
    if figures.money is not None:
        facts |= {"chart": chart_of(figures.money.days), "lines": shown_lines(figures.money.days)}
    areas = ("console_cards", "console_reports", "console_overview")
    return shown(visit, "overview.html", facts, here="overview", areas=areas)
