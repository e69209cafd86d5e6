"""A chart of what was sold and spent, drawn on the server: two bars for each day, week or month."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kado.reports.business import Line
from kado.reports.measures import Measure

HEIGHT: Final = 150
_WIDTH: Final = 600
_STEP_LEAST: Final = 4
_GAP: Final = 2


class Bar(NamedTuple):
    """A bar, in the chart's own units."""

    x: int
    y: int
    width: int
    height: int
    kind: str


class Chart(NamedTuple):
    """Bars, and how much room they take."""

    bars: list[Bar]
    width: int
    height: int


def chart_of(lines: Sequence[Line]) -> Chart:
    """What was sold and what was spent, side by side; as high as they are to the highest of all."""
    return chart_of_pairs([(line.flows[Measure.SOLD].minor, line.flows[Measure.REDEEMED].minor) for line in lines])


def chart_of_pairs(pairs: Sequence[tuple[int, int]]) -> Chart:
    """The same for any two figures of each time."""
    most = max((max(pair) for pair in pairs), default=0)
    step = max(_STEP_LEAST, _WIDTH // max(1, len(pairs)))
    width = max(2, (step - _GAP) // 2)
    found = []
    for at, pair in enumerate(pairs):
        for place, (kind, minor) in enumerate(zip(("sold", "spent"), pair, strict=True)):
            if minor > 0:
                high = max(2, minor * HEIGHT // most)
                found.append(Bar(at * step + place * width, HEIGHT - high, width - 1, high, kind))
    return Chart(found, step * len(pairs), HEIGHT)
