"""A picture of throughput and p99 over the number of connections, as SVG that is read on light and on dark ground."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 960
HEIGHT: Final = 420
_LEFT, _TOP, _PANEL_WIDTH, _PANEL_HEIGHT, _BETWEEN = 64, 64, 380, 270, 80

Points = Sequence[tuple[float, float]]

_STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #222 } .title { font-size: 15px; font-weight: 600 }
  .note { fill: #666 } .axis { stroke: #888 } .grid { stroke: #8884; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.5 } .dashed { stroke-dasharray: 5 5 }
  .a { stroke: #0b62b8 } .a.dot, text.a { fill: #0b62b8; stroke: none }
  .b { stroke: #b4450b } .b.dot, text.b { fill: #b4450b; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8e8e8 } .note { fill: #aaa } .a { stroke: #6db3f8 } .a.dot, text.a { fill: #6db3f8 }
    .b { stroke: #f59a5f } .b.dot, text.b { fill: #f59a5f } }
"""


class Panel:
    """One diagram: connections to the right, by powers of two; something upwards, from zero or by powers of ten."""

    def __init__(self, at: int, title: str, xs: Sequence[float], top: float, *, by_powers: bool = False) -> None:
        self._x = _LEFT + at * (_PANEL_WIDTH + _BETWEEN)
        self._xs, self._by_powers = xs, by_powers
        self._low, self._top = (0.1 if by_powers else 0.0), top
        self._said = [f'<text class="title" x="{self._x}" y="{_TOP - 16}">{escape(title)}</text>']
        self._grid()

    def draw(self, points: Points, name: str, kind: str, *, dashed: bool = False) -> None:
        """A line with a dot for each measurement, its name at its end."""
        places = [(self._across(x), self._up(y)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        self._said.append(f'<polyline class="line {kind}{" dashed" * dashed}" points="{path}"/>')
        self._said += [f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places]
        self._said += [f"<title>{escape(f'{name}: {y:,.1f} with {x:.0f} connections')}</title>" for x, y in points[-1:]]

    def text(self) -> str:
        """What stands in the picture."""
        return "\n".join(self._said)

    def _across(self, x: float) -> float:
        first, last = math.log2(self._xs[0]), math.log2(self._xs[-1])
        return self._x + _PANEL_WIDTH * (math.log2(x) - first) / (last - first)

    def _up(self, y: float) -> float:
        if self._by_powers:
            share = math.log10(max(y, self._low) / self._low) / math.log10(self._top / self._low)
        else:
            share = y / self._top
        return _TOP + _PANEL_HEIGHT * (1 - share)

    def _grid(self) -> None:
        for mark in self._marks():
            y = self._up(mark)
            self._said.append(
                f'<line class="grid" x1="{self._x}" x2="{self._x + _PANEL_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<text class="note" text-anchor="end" x="{self._x - 8}" y="{y + 4:.1f}">{mark:,g}</text>'
            )
        bottom = _TOP + _PANEL_HEIGHT
        for x in self._xs:
            self._said.append(
                f'<text class="note" text-anchor="middle" x="{self._across(x):.1f}" y="{bottom + 20}">{x:g}</text>'
            )
        middle = self._x + _PANEL_WIDTH / 2
        self._said.append(
            f'<text class="note" text-anchor="middle" x="{middle}" y="{bottom + 40}">connections</text>'
            f'<line class="axis" x1="{self._x}" x2="{self._x + _PANEL_WIDTH}" y1="{bottom}" y2="{bottom}"/>'
        )

    def _marks(self) -> list[float]:
        if self._by_powers:
            return [10.0**n for n in range(-1, round(math.log10(self._top)) + 1)]
        return [self._top * n / 5 for n in range(6)]


def picture(
    spread: Mapping[int, tuple[float, float]],
    hot: Mapping[int, tuple[float, float]],
    ceiling: Mapping[int, float],
    hot_ceiling: Mapping[int, float],
    about: str,
) -> str:
    """By connections: redeems a second and p99 in milliseconds, over many cards and on one; PostgreSQL's own beside."""
    xs = sorted({*spread, *hot, *ceiling})
    rates = [rate for rate, _ in (*spread.values(), *hot.values())] + [*ceiling.values(), *hot_ceiling.values()]
    left = Panel(0, "redeems a second", xs, _round_up(max(rates)))
    left.draw(sorted(ceiling.items()), "pgbench, many cards", "a", dashed=True)
    left.draw(sorted(hot_ceiling.items()), "pgbench, one card", "b", dashed=True)
    slowest = max(p99 for _, p99 in (*spread.values(), *hot.values()))
    top = 10.0 ** max(1, math.ceil(math.log10(slowest)))
    right = Panel(1, "p99 of a redeem, milliseconds", xs, top, by_powers=True)
    for name, found, kind in (("Kado, many cards", spread, "a"), ("Kado, one card", hot, "b")):
        left.draw([(x, rate) for x, (rate, _) in sorted(found.items())], name, kind)
        right.draw([(x, p99) for x, (_, p99) in sorted(found.items())], name, kind)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="Redeems a second and their p99 over the number of connections">\n<style>{_STYLE}</style>\n'
        f"{left.text()}\n{right.text()}\n{_legend()}\n"
        f'<text class="note" x="{_LEFT}" y="{HEIGHT - 8}">{escape(about)}</text>\n</svg>\n'
    )


def _legend() -> str:
    said, x = [], _LEFT
    for name, kind, dashed in (
        ("Kado over HTTP, many cards", "a", ""),
        ("Kado, all on one card", "b", ""),
        ("pgbench's one call, many cards", "a", " dashed"),
        ("pgbench, one card", "b", " dashed"),
    ):
        said.append(
            f'<line class="line {kind}{dashed}" x1="{x}" x2="{x + 28}" y1="20" y2="20"/>'
            f'<text x="{x + 34}" y="24">{name}</text>'
        )
        x += 60 + 7 * len(name)
    return "".join(said)


def _round_up(value: float) -> float:
    """To one of 1, 2, 2.5 and 5 times a power of ten, times five marks."""
    step = value / 5
    power = 10.0 ** math.floor(math.log10(step))
    return 5 * power * next(one for one in (1, 2, 2.5, 5, 10) if one * power >= step)
