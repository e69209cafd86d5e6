"""A chart of days, drawn on the server: two bars for each, with the same figures in a table beside it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kado.cards.few import Day

WIDTH: Final = 600
HEIGHT: Final = 150
_GAP: Final = 2


class Bar(NamedTuple):
    """A bar, in the chart's own units."""

    x: int
    y: int
    width: int
    height: int
    kind: str


def bars(days: Sequence[Day]) -> list[Bar]:
    """What was sold and what was spent, side by side; as high as they are to the highest of all."""
    most = max((max(day.sold, day.spent) for day in days), default=0)
    if most <= 0:
        return []
    step = WIDTH // len(days)
    width = max(2, (step - _GAP) // 2)
    found = []
    for at, day in enumerate(days):
        for place, (kind, minor) in enumerate((("sold", day.sold), ("spent", day.spent))):
            height = max(0, minor) * HEIGHT // most
            if height or minor > 0:
                high = max(2, height)
                found.append(Bar(at * step + place * width, HEIGHT - high, width - 1, high, kind))
    return found
