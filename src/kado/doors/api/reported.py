"""How reports look in bodies: figures with links to the entries behind them, and the parameters they have in common."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Query
from pydantic import WithJsonSchema

from kado import clock
from kado.cards.turnover.figures import BEGINNING, Dimension
from kado.doors.api.types import LocalDatetime
from kado.doors.api.visit import Visit
from kado.errors import Invalid
from kado.money import Currency
from kado.programs.program import Program
from kado.reports.business import Line
from kado.reports.measures import Figure, Measure
from kado.reports.sheets import MEDIA
from kado.reports.windows import Window

__all__ = [
    "BEGINNING",
    "FILES",
    "LATEST",
    "AsOf",
    "Since",
    "Until",
    "as_of",
    "entries_url",
    "figure",
    "flows",
    "line",
    "moment_of",
    "narrowed",
]

LATEST: Final = clock.EPOCH.replace(year=9000)
_FILE: Final = {"schema": {"type": "string", "format": "binary"}}
FILES: Final[dict[int | str, dict[str, Any]]] = {200: {"content": dict.fromkeys(MEDIA.values(), _FILE)}}
"""The answer that is a file, of whichever kind was asked for."""

# Where the contract says "text": a moment, and without an offset by the program's clock.
Moment = Annotated[LocalDatetime, WithJsonSchema({"type": "string"})]
Since = Annotated[Moment | None, Query(alias="from")]
Until = Annotated[Moment | None, Query(alias="to")]
AsOf = Annotated[LocalDatetime | None, Query()]


def moment_of(visit: Visit, said: datetime | None) -> datetime | None:
    """What a caller said, in UTC; without an offset as the program's clock has it."""
    return None if said is None else clock.where(said, visit.program.zone)


def as_of(visit: Visit, said: datetime | None) -> datetime | None:
    """The same for the moment of a whole report. Raises `Invalid` for one that is not of these times."""
    moment = moment_of(visit, said)
    if moment is not None and not BEGINNING <= moment < LATEST:
        raise Invalid(("query", "asOf"), "A report is of a moment from 1970 to 9000.", "as_of")
    return moment


def entries_url(program: Program, measure: Measure, window: Window, dimension: Dimension = "", value: str = "") -> str:
    """The address of the entries behind a figure."""
    said = {"measure": measure.value, "from": clock.text(window.since), "to": clock.text(window.until)}
    if dimension == "merchant":
        said["merchantId"] = value
    elif dimension == "design":
        said["design"] = value
    return f"/v2/giftcards/programs/{program.id}/reports/entries?{urlencode(said)}"


def figure(found: Figure, currency: Currency, url: str) -> dict[str, Any]:
    """A figure: how many entries, what they come to, and where they are."""
    return {"count": found.count, "amount": currency.text(found.minor), "entries": url}


def flows(
    found: Mapping[Measure, Figure], program: Program, window: Window, dimension: Dimension = "", value: str = ""
) -> dict[str, Any]:
    """All that happened in a window, by measure."""
    return {
        measure.value: figure(one, program.currency, entries_url(program, measure, window, dimension, value))
        for measure, one in found.items()
    }


def line(one: Line, program: Program, dimension: Dimension = "", value: str = "") -> dict[str, Any]:
    """A line of a table."""
    return {
        "label": one.label,
        "from": clock.text(one.window.since),
        "to": clock.text(one.window.until),
        **flows(one.flows, program, one.window, dimension, value),
        "liability": program.currency.text(one.liability),
    }


def narrowed(merchant_id: str | None, design: str | None) -> tuple[Dimension, str]:
    """To which merchant or design entries are narrowed. Raises `Invalid` where both are named."""
    if merchant_id is not None and design is not None:
        raise Invalid(("query", "design"), "Name a merchant or a design, not both.", "too_many_filters")
    if merchant_id is not None:
        return "merchant", merchant_id
    return ("design", design) if design is not None else ("", "")
