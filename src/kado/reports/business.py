"""The figures of a business: what was sold, spent and is owed, as of any moment, and by merchant or design."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kado.cards.turnover.figures import EMPTY, Book, Dimension, read_books, read_totals
from kado.programs.program import Program
from kado.reports.measures import FLOWS, Figure, Measure, figure
from kado.reports.source import Source
from kado.reports.states import Counted
from kado.reports.windows import Bucket, Granularity, Window, buckets, month_of


@dataclass(frozen=True, slots=True)
class Business:
    """Money until `as_of`, in minor units; cards as they were counted (`cards.at`)."""

    as_of: datetime
    sold: Figure
    redeemed: Figure
    liability: int
    cards_sold_this_month: int
    sold_this_month: Figure
    month: Window
    cards: Counted


async def business(source: Source, program: Program, *, as_of: datetime | None = None) -> Business:
    """The figures from the beginning until a moment, or now. The month is the calendar month of that moment.

    Raises `Unavailable`.
    """
    until = as_of or await source.now()
    month = month_of(until, program.zone)
    first, last = await read_totals(source.reader, program.id, [month.since, until])
    this_month = last - first
    return Business(
        as_of=until,
        sold=figure(last, Measure.SOLD),
        redeemed=figure(last, Measure.REDEEMED),
        liability=last.moved,
        cards_sold_this_month=figure(this_month, Measure.ACTIVATED).count,
        sold_this_month=figure(this_month, Measure.SOLD),
        month=month,
        cards=await source.states.of(program.id),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: what happened in it, by measure, and what was owed at its end, in minor units.

    `label` is the first day of a bucket, a merchant's id, the name of a design (empty for none), or empty for a total.
    What is owed by merchant is what the entries of this merchant come to: who sells more than is spent there owes more.
    """

    label: str
    window: Window
    flows: Mapping[Measure, Figure]
    liability: int


def line_of(label: str, window: Window, before: Book, after: Book) -> Line:
    """The line between two moments."""
    between = after - before
    return Line(label, window, {one: figure(between, one) for one in FLOWS}, after.moved)


async def by_time(
    source: Source, program: Program, window: Window, granularity: Granularity, *, dimension: Dimension = "",
    value: str = "",
) -> list[Line]:  # fmt: skip
    """A line for each day, week or month, oldest first; of one merchant or design where one is named.

    Raises `Invalid` for too many, `Unavailable`.
    """
    pieces: list[Bucket] = buckets(window, program.zone, granularity)
    moments = [pieces[0].window.since, *(piece.window.until for piece in pieces)]
    books = await _books(source, program, moments, dimension, value)
    return [line_of(piece.label, piece.window, books[at], books[at + 1]) for at, piece in enumerate(pieces)]


async def by_value(source: Source, program: Program, window: Window, dimension: Dimension) -> list[Line]:
    """A line for each merchant or design that ever had an entry. Raises `Unavailable`."""
    before, after = await read_books(source.reader, program.id, [window.since, window.until], dimension=dimension)
    return [line_of(value, window, before.get(value, EMPTY), book) for value, book in sorted(after.items())]


async def total(
    source: Source, program: Program, window: Window, *, dimension: Dimension = "", value: str = ""
) -> Line:
    """All of a window in one line; of one merchant or design where one is named. Raises `Unavailable`."""
    before, after = await _books(source, program, [window.since, window.until], dimension, value)
    return line_of(value, window, before, after)


async def _books(
    source: Source, program: Program, moments: Sequence[datetime], dimension: Dimension, value: str
) -> list[Book]:
    read = await read_books(source.reader, program.id, moments, dimension=dimension, value=value)
    return [one.get(value, EMPTY) for one in read]
