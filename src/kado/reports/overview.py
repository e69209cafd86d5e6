"""What a window had, beside the one of equal length directly before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kado.cards.card import CardStatus
from kado.cards.turnover.figures import Book, read_totals
from kado.programs.program import Program
from kado.reports.measures import FLOWS, Figure, Measure, figure
from kado.reports.source import Source
from kado.reports.states import Cards
from kado.reports.windows import Window


@dataclass(frozen=True, slots=True)
class Compared:
    """What a window had and what was so at its end, in minor units."""

    window: Window
    flows: Mapping[Measure, Figure]
    liability: int

    def average(self, measure: Measure) -> int | None:
        """What one of them came to, rounded half up; None where there was none."""
        return rounded(self.flows[measure].minor, self.flows[measure].count)

    @property
    def redemption_rate(self) -> str | None:
        """What was redeemed of what was sold, in percent with one decimal; None where nothing was sold."""
        return percent(self.flows[Measure.REDEEMED].minor, self.flows[Measure.SOLD].minor)


@dataclass(frozen=True, slots=True)
class Overview:
    """A window and the one before; `expired` is money whose time is over and that nobody has processed, now."""

    now: Compared
    before: Compared
    expired: Cards
    counted_at: datetime | None


async def overview(source: Source, program: Program, window: Window) -> Overview:
    """Raises `Unavailable`."""
    earlier = window.before()
    moments = [earlier.since, window.since, window.until]
    books = await read_totals(source.reader, program.id, moments)
    counted = await source.states.of(program.id)
    return Overview(
        _compared(window, books[1], books[2]),
        _compared(earlier, books[0], books[1]),
        counted.of(CardStatus.EXPIRED),
        counted.at,
    )


def _compared(window: Window, first: Book, last: Book) -> Compared:
    between = last - first
    return Compared(window, {one: figure(between, one) for one in FLOWS}, last.moved)


def change(now: int, before: int) -> str | None:
    """By how many percent there is more, signed, with one decimal; None where there was nothing before."""
    return percent(now - before, before) if before else None


def percent(part: int, whole: int) -> str | None:
    """`part` of `whole` in percent, with one decimal, rounded half away from zero; None of nothing."""
    if whole <= 0:
        return None
    tenths = (abs(part) * 2000 + whole) // (2 * whole)
    return f"{'-' if part < 0 and tenths else ''}{tenths // 10}.{tenths % 10}"


def rounded(minor: int, count: int) -> int | None:
    """The average in whole minor units, rounded half up; None of nothing."""
    return (2 * minor + count) // (2 * count) if count else None
