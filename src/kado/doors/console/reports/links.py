"""Where the entries behind a figure are, and what a table says of shops and designs."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from kado import clock
from kado.cards.turnover.figures import BEGINNING, Dimension
from kado.doors.console.visit import Visit
from kado.languages import tell as told
from kado.reports.business import Line, by_value
from kado.reports.measures import Measure
from kado.reports.shops import names_of
from kado.reports.windows import Window

Address = Callable[..., str]
"""`behind("sold", window)`, or `behind("sold", window, "merchant", id)`."""


class Share(NamedTuple):
    """The line of a shop or a design, with its name; empty for cards without a design."""

    name: str
    line: Line


def with_links(visit: Visit) -> dict[str, Any]:
    """What templates write figures with."""

    def day_in(line: Line) -> str:
        return told.day(line.window.since, visit.language, visit.program.zone)

    return {"behind": partial(_behind, visit.home), "ever": ever, "day_in": day_in}


def ever(window: Window) -> Window:
    """From the beginning of all until the window ends: in it is what is owed at its end."""
    return Window(BEGINNING, window.until)


async def shares(visit: Visit, window: Window, dimension: Dimension) -> list[Share]:
    """A line for each shop or design, whoever sold most first. Raises `Unavailable`."""
    source = visit.rooms.reports
    lines = await by_value(source, visit.program, window, dimension)
    names = await names_of(source, [line.label for line in lines]) if dimension == "merchant" else {}
    found = [Share(names.get(line.label, line.label), line) for line in lines]
    return sorted(found, key=lambda one: (-one.line.flows[Measure.SOLD].minor, one.name))


def shown_lines(lines: Sequence[Line]) -> list[Line]:
    """Those in which something happened, the newest first."""
    return [line for line in reversed(lines) if any(one.count for one in line.flows.values())]


def _behind(home: str, measure: str, window: Window, by: str = "", value: str = "") -> str:
    said = {"measure": measure, "from": clock.text(window.since), "to": clock.text(window.until)}
    return f"{home}/entries?{urlencode(said | ({'by': by, 'value': value} if by else {}))}"
