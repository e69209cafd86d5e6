"""What is measured over several rounds, and how it is shown."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

SHOWN: Final = ("p50_ms", "p95_ms", "p99_ms", "server_ms", "generator_us")
"""Of an answer: milliseconds as the caller sees it; then milliseconds of a processor that the server's processes spend
on it, PostgreSQL apart; then microseconds of one that the generator spends. The last two hardly depend on what else
the machine does."""

_TITLES: Final = ("p50 ms", "p95 ms", "p99 ms", "server ms", "generator µs")


@dataclass
class Line:
    """One thing that is measured, once or more in each round."""

    name: str
    rates: list[float] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The median."""
        return median(self.rates)

    def typical(self, what: str) -> float | None:
        """The median of a detail, where it was noted."""
        found = [detail[what] for detail in self.details if detail.get(what) is not None]
        return round(median(found), 3) if found else None


class Lines(dict[str, Line]):
    """All lines by their names, in the order in which they were first measured."""

    def note(self, name: str, rate: float, detail: dict[str, Any] | None = None) -> None:
        """One measurement."""
        line = self.setdefault(name, Line(name))
        line.rates.append(rate)
        line.details.append(detail or {})

    def table(self, of: str) -> str:
        """What people read; ratios to the line `of`."""
        return aligned(self.rows(of))

    def rows(self, of: str) -> list[tuple[str, ...]]:
        """The same as cells, the first row with the titles."""
        titles = ("", "a second", "least", "most", "of the ceiling", *_TITLES)
        return [titles, *(self._row(line, self[of].rate) for line in self.values())]

    def _row(self, line: Line, of: float) -> tuple[str, ...]:
        figures = (line.rate, min(line.rates), max(line.rates))
        shown = [_shown(line.typical(what)) for what in SHOWN]
        return line.name, *(f"{rate:,.0f}" for rate in figures), f"{line.rate / of:.2f}", *shown

    def members(self) -> dict[str, Any]:
        """For programs."""
        return {
            line.name: {"rates": [round(rate, 1) for rate in line.rates]}
            | {what: found for what in SHOWN if (found := line.typical(what)) is not None}
            for line in self.values()
        }


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Columns: the first one to the left, figures to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def markdown(rows: list[tuple[str, ...]]) -> str:
    """The same as a table of a page."""
    head, *body = rows
    marks = ("---", *("--:" for _ in head[1:]))
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *body))


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
