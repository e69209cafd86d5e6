"""The chart of what was sold and spent: its bars are as high as their figures say."""

from datetime import UTC, datetime, timedelta

from kado.doors.console.chart import HEIGHT, chart_of
from kado.reports.business import Line
from kado.reports.measures import FLOWS, Figure, Measure
from kado.reports.windows import Window

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_DAY = Window(_BEGIN, _BEGIN + timedelta(days=1))


def day(sold: int, spent: int) -> Line:
    flows: dict[Measure, Figure] = dict.fromkeys(FLOWS, Figure(0, 0))
    return Line("2026-01-01", _DAY, flows | {Measure.SOLD: Figure(1, sold), Measure.REDEEMED: Figure(1, spent)}, 0)


def test_bars_are_as_high_as_their_figures_to_the_highest() -> None:
    chart = chart_of([day(100, 50), day(0, 25)])
    assert [(bar.kind, bar.height) for bar in chart.bars] == [
        ("sold", HEIGHT),
        ("spent", HEIGHT // 2),
        ("spent", HEIGHT // 4),
    ]
    assert all(bar.y + bar.height == HEIGHT for bar in chart.bars)
    month = chart_of([day(1, 1)] * 30)
    assert all(bar.x >= 0 and bar.x + bar.width <= month.width for bar in month.bars)


def test_little_is_seen_beside_much_and_nothing_is_no_bar() -> None:
    assert [bar.height for bar in chart_of([day(1_000_000, 1)]).bars] == [HEIGHT, 2]
    assert chart_of([day(0, 0)] * 30).bars == []
    assert chart_of([]).bars == []
