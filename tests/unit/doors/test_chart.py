"""The chart of the overview: its bars are as high as their figures say."""

from datetime import date

from kado.cards.few import Day
from kado.doors.console.chart import HEIGHT, WIDTH, bars


def day(sold: int, spent: int) -> Day:
    return Day(date(2026, 1, 1), sold, spent)


def test_bars_are_as_high_as_their_figures_to_the_highest() -> None:
    found = bars([day(100, 50), day(0, 25)])
    assert [(bar.kind, bar.height) for bar in found] == [
        ("sold", HEIGHT),
        ("spent", HEIGHT // 2),
        ("spent", HEIGHT // 4),
    ]
    assert all(bar.y + bar.height == HEIGHT for bar in found)
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in bars([day(1, 1)] * 30))


def test_little_is_seen_beside_much_and_nothing_is_no_bar() -> None:
    assert [bar.height for bar in bars([day(1_000_000, 1)])] == [HEIGHT, 2]
    assert bars([day(0, 0)] * 30) == []
    assert bars([]) == []
    assert [bar.kind for bar in bars([day(5, -3)])] == ["sold"]  # more was given back than spent
