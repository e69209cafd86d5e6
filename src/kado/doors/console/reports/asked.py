"""What an address asks of a report: times, a measure, a page."""

from datetime import datetime, timedelta
from typing import Final

from kado import clock
from kado.cards.turnover.figures import Dimension
from kado.doors.console.visit import Visit
from kado.errors import Invalid
from kado.reports.measures import Measure
from kado.web import typed

TOGETHER: Final = 50
_PAGES_MAX: Final = 100_000


def moment_in(visit: Visit, name: str) -> datetime | None:
    """The moment under this name, in UTC, without an offset by the program's clock; None for none. Raises `Invalid`."""
    found = typed.moment(visit.request.query_params, name)
    return None if found is None else clock.where(found, visit.program.zone)


def day_after(visit: Visit, fields: typed.Fields, name: str) -> datetime | None:
    """The end of the day under this name; None for none. Raises `Invalid`."""
    found = typed.end_of_day(fields, name, visit.program.zone)
    return None if found is None else found + timedelta(seconds=1)


def page_in(visit: Visit) -> int:
    """The number of the page, from 1 on."""
    said = visit.asked("page")
    return min(int(said), _PAGES_MAX) if said.isascii() and said.isdecimal() and 0 < len(said) < 9 and int(said) else 1


def measure_in(visit: Visit) -> Measure:
    """The measure that is named, or what is owed. Raises `Invalid`."""
    said = visit.asked("measure") or Measure.LIABILITY.value
    if said not in set(Measure):
        raise Invalid(("query", "measure"), "There is no such measure.", "unknown_measure")
    return Measure(said)


def narrowed(visit: Visit) -> tuple[Dimension, str]:
    """To which shop or design. Raises `Invalid`."""
    value = visit.asked("value")
    match visit.asked("by"):
        case "":
            return "", ""
        case "merchant":
            return "merchant", value
        case "design":
            return "design", value
    raise Invalid(("query", "by"), "Figures are told apart by merchant or design.", "by")
