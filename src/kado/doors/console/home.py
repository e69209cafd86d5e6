"""Where the console begins: the overview of a program, or the way to one."""

from starlette.responses import Response

from kado.doors.console import chart
from kado.doors.console.begin import no_program
from kado.doors.console.figures import figures_for
from kado.doors.console.page import IN_PROGRAM
from kado.doors.console.respond import shown, to
from kado.doors.console.visit import Visit


async def to_somewhere(visit: Visit) -> Response:
    """To the first program; where there is none, what can be done about that."""
    if visit.programs:
        return to(IN_PROGRAM.format(program_id=visit.programs[0].id))
    return no_program(visit)


async def show(visit: Visit) -> Response:
    """What do we owe, what was sold and spent, what expires soon, what is odd."""
    figures = await figures_for(visit)
    days = figures.days or []
    facts = {
        "figures": figures,
        "bars": chart.bars(days),
        "width": chart.WIDTH,
        "height": chart.HEIGHT,
        "sold": sum(day.sold for day in days),
        "spent": sum(day.spent for day in days),
    }
    return shown(visit, "overview.html", facts, here="overview", areas=("console_cards", "console_overview"))
