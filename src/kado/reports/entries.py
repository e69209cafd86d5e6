"""The entries behind a figure, with the figure that they come to."""

from dataclasses import dataclass

from kado.cards.turnover.behind import Behind, WantedEntries, list_behind
from kado.cards.turnover.figures import Dimension
from kado.programs.program import Program
from kado.reports.measures import KINDS, Figure, Measure, figure
from kado.reports.source import Source
from kado.reports.windows import Window


@dataclass(frozen=True, slots=True)
class Entries:
    """A part of them, newest first, and what all of them come to, in minor units."""

    found: list[Behind]
    figure: Figure


async def entries(
    source: Source,
    program: Program,
    measure: Measure,
    window: Window,
    *,
    dimension: Dimension = "",
    value: str = "",
    limit: int,
    start: int = 0,
) -> Entries:
    """Those of a measure in a window; of one merchant or design where one is named. Raises `Unavailable`."""
    wanted = WantedEntries(
        kinds=KINDS[measure],
        since=window.since,
        until=window.until,
        dimension=dimension,
        value=value,
        limit=limit,
        start=start,
    )
    found, book = await list_behind(source.reader, program.id, wanted)
    return Entries(found, figure(book, measure))
