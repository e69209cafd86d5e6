"""The nine goals, each as a ratio of two things that were measured in the same run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench import hot, starts
from bench.hot import paired
from bench.lines import Lines

MEMORY_MB: Final = 150
FIRST_START_SECONDS: Final = 10
CARDS_A_CPU_SECOND: Final = 10_000


@dataclass(frozen=True, slots=True)
class Goal:
    """One of them, with what came of it in each round."""

    name: str
    what: str
    found: list[float]
    wanted: float
    is_at_most: bool = False

    @property
    def middle(self) -> float:
        """The median of the rounds."""
        return median(self.found)

    @property
    def is_met(self) -> bool:
        """By the median."""
        return self.middle <= self.wanted if self.is_at_most else self.middle >= self.wanted

    def row(self) -> tuple[str, ...]:
        """Of the table."""
        sign = "≤" if self.is_at_most else "≥"
        figures = (self.middle, min(self.found), max(self.found))
        is_met = "met" if self.is_met else "NOT MET"
        return f"{self.name} {self.what}", f"{sign} {_figure(self.wanted)}", *map(_figure, figures), is_met

    def members(self) -> dict[str, Any]:
        """For programs."""
        wanted = {"most" if self.is_at_most else "least": self.wanted}
        found = [round(one, 3) for one in self.found]
        return {"goal": self.name, "what": self.what, "found": found, "wanted": wanted, "met": self.is_met}


TITLES: Final = ("", "goal", "median", "least", "most", "")


def of_hot_path(lines: Lines, memory_mb: list[int]) -> list[Goal]:
    """P1 to P4, and the memory of P9."""
    calls = [one["p50_ms"] for one in lines[hot.ONE_CALL].details]
    quiet = [one["p50_ms"] / call for one, call in zip(lines[hot.QUIET].details, calls, strict=True)]
    return [
        Goal("P1", "redeem with 32 connections, to one call of pgbench's 32", paired(lines, hot.P1, hot.CEILING), 1.0),
        Goal("P1", "redeem with 128 connections, to the same", paired(lines, hot.CROWD, hot.CEILING), 1.5),
        Goal("P2", "one hot card to many, 32 connections", paired(lines, hot.HOT, hot.P1), 0.9),
        Goal("P3", "quiet redeem's p50, in p50 of one call", quiet, 2.5, is_at_most=True),
        Goal("P4", "balance check to redeem, 32 connections", paired(lines, hot.CHECK, hot.P1), 0.5),
        Goal("P4", "balance by token to redeem, 32 connections", paired(lines, hot.LOOK, hot.P1), 1.0),
        Goal(
            "P9", "memory of the server process under load, MB", list(map(float, memory_mb)), MEMORY_MB, is_at_most=True
        ),
    ]


def of_memory(seen: list[int]) -> Goal:
    """Whether it stays as it is."""
    what = f"memory at the end of {len(seen)} s of load, to its beginning"
    return Goal("P9", what, [hot.growth_of(seen)], 1.05, is_at_most=True)


def of_growth(grown: Iterable[float], small: Iterable[float], what: str) -> Goal:
    """P5: redeems a second with many cards and few, round by round."""
    return Goal("P5", f"redeem with {what}", [one / other for one, other in zip(grown, small, strict=True)], 0.85)


def of_bulk(told: Mapping[str, Any]) -> list[Goal]:
    """P6."""
    growth = told["memory_peak_mb"] / told["memory_early_mb"]
    return [
        Goal("P6", "bulk issue, cards a second of one core", [told["cards_per_cpu_second"]], CARDS_A_CPU_SECOND),
        Goal("P6", "memory at the end of a bulk issue, to its beginning", [growth], 1.1, is_at_most=True),
    ]


def of_verify(found: Mapping[str, list[float]]) -> Goal:
    """P7."""
    ratios = [copy / verify for copy, verify in zip(found["copy"], found["verify"], strict=True)]
    return Goal("P7", "kado verify's speed, to COPY and SHA-256", ratios, 0.5)


def of_starts(found: Mapping[str, list[float]], first: float) -> list[Goal]:
    """P8."""
    what = "start to first redeem, in starts of PostgreSQL and imports of FastAPI"
    return [
        Goal("P8", what, starts.ratios(found), 3.0, is_at_most=True),
        Goal("P8", "first start ever, seconds", [first], FIRST_START_SECONDS, is_at_most=True),
    ]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
