"""What a run says: to whoever looks on, and under `bench/results/` to whoever comes later."""

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench import hot, plot
from bench.goals import TITLES, Goal
from bench.growth import Growth
from bench.lines import Lines, aligned, markdown

_GENERATOR: Final = (
    "The load generator spends {us:.0f} µs of a processor on an answer, and got {most:,.0f} a second out of an app that"
    " does nothing: it is not what limits the lines above."
)


def page(machine: Mapping[str, Any], lines: Lines, goals: list[Goal], notes: list[str]) -> Iterator[str]:
    """For a terminal."""
    yield f"\n{about(machine)}\n"
    if lines:
        yield lines.table(hot.CEILING)
        yield f"\n{_ceiling(lines)}\n{_generator(lines)}\n"
    yield aligned([TITLES, *(goal.row() for goal in goals)])
    if notes:
        yield "\n" + "\n".join(notes)


def about(machine: Mapping[str, Any]) -> str:
    """The machine in one line."""
    return (
        f"{machine['processor']}, {machine['coresAllowed']} of {machine['cores']} cores, {machine['memoryGb']} GB;"
        f" {machine['disk']}, {machine['fsyncsPerSecond']:,} safe writes a second; {machine['system']};"
        f" PostgreSQL {machine['postgres']}, Python {machine['python']}"
    )


def _ceiling(lines: Lines) -> str:
    rates = lines[hot.CEILING].rates
    return (
        f"The ceiling (pgbench -M prepared, fsync=on, measured {len(rates)} times between the others):"
        f" {min(rates):,.0f} to {max(rates):,.0f} a second."
    )


def _generator(lines: Lines) -> str:
    nothing = lines[hot.NOTHING]
    return _GENERATOR.format(us=nothing.typical("generator_us") or 0, most=nothing.rate)


def notes_of(found: Growth) -> list[str]:
    """What growth showed beside the redeem."""
    look, bulk = (median(found.large[name]) / median(found.small[name]) for name in ("look", "bulk issue"))
    beside = f"balance by token {look:.2f}, bulk issue {bulk:.2f} (by processor time, PostgreSQL's included)"
    notes = [f"{found.size.cards:,} cards to 10,000, beside the redeem: {beside}."]
    if found.swept:
        before, during = found.before_ms["p99_ms"], found.during_ms["p99_ms"]
        notes.append(
            f"While {found.swept:,} old answers were swept ({found.sweep_seconds:.0f} s): redeem p99 {during:.1f} ms,"
            f" {during / before:.1f} of the {before:.1f} ms before."
        )
    if found.verified is not None:
        cost = found.verified
        notes.append(
            f"kado verify of {found.size.cards:,} cards and {found.size.entries:,} entries: {cost.seconds:.0f} s,"
            f" {cost.memory_mb} MB at most. The server's process has {found.memory_mb} MB."
        )
    return notes


def members_of(found: Growth) -> dict[str, Any]:
    """The same for programs."""
    return asdict(found)


def write_down(
    folder: Path,
    machine: Mapping[str, Any],
    lines: Lines,
    goals: list[Goal],
    notes: list[str],
    beside: Mapping[str, Any],
) -> list[Path]:
    """The figures of the run under its date and machine, and the page and picture that the docs show."""
    now = datetime.now(UTC)
    name = f"{now:%Y-%m-%d}-{platform.node()}"
    figures = {
        "at": now.isoformat(timespec="seconds"),
        "machine": machine,
        "goals": [goal.members() for goal in goals],
        "lines": lines.members(),
        "beside": beside,
    }
    texts = {
        f"{name}.json": json.dumps(figures, indent=1) + "\n",
        "latest.svg": drawn(lines, about(machine)),
        "latest.md": _document(machine, lines, goals, notes, f"{now:%d %B %Y}"),
    }
    for file, text in texts.items():
        (folder / file).write_text(text)
    return [folder / file for file in texts]


def drawn(lines: Lines, note: str) -> str:
    """The picture."""

    def points(start: str) -> dict[int, tuple[float, float]]:
        of = {n: lines.get(f"{start}{n} connection{'s' * (n > 1)}") for n in hot.STEPS}
        return {n: (line.rate, line.typical("p99_ms") or 0.0) for n, line in of.items() if line is not None}

    def ceilings(start: str) -> dict[int, float]:
        of = {n: lines.get(f"{start}{n} client{'s' * (n > 1)}") for n in hot.STEPS}
        return {n: line.rate for n, line in of.items() if line is not None}

    return plot.picture(
        points("redeem, "),
        points("redeem on one card, "),
        ceilings("one call, "),
        ceilings("one call on one card, "),
        note,
    )


def _document(machine: Mapping[str, Any], lines: Lines, goals: list[Goal], notes: list[str], when: str) -> str:
    rows = lines.rows(hot.CEILING)
    return (
        "\n\n".join(
            [
                f"# Measured on {when}",
                f"{about(machine)}. Written by `make bench`; ratios are of two things measured in the same round.",
                markdown([TITLES, *(goal.row() for goal in goals)]),
                "![Redeems a second and p99 over connections](latest.svg)",
                markdown(rows),
                f"{_ceiling(lines)} {_generator(lines)}",
                *notes,
            ]
        )
        + "\n"
    )
