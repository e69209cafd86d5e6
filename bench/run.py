"""Measure Kado against what PostgreSQL itself can do on the same machine, in one run: `python bench/run.py [--quick]`.

Rounds are interleaved, figures are medians of them; only ratios within one run mean something on a machine that others
use too. Everything stays on this machine: sockets of the file system and 127.0.0.1. The million cards are made once
and kept (`bench/grown.py`).
"""

import argparse
import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import find, goals, grown, growth, hot, proof, report, starts  # noqa: E402
from bench.goals import Goal  # noqa: E402
from bench.grown import Size  # noqa: E402
from bench.lines import Lines  # noqa: E402

from kado.app.measure import machine, scratch  # noqa: E402
from kado.storage.embedded.binaries import find_binaries  # noqa: E402


@dataclass(frozen=True)
class How:
    """How much is measured."""

    rounds: int
    seconds: int
    cards: int
    flat_seconds: int
    bulk_cards: int
    ledger: Size
    large: Size
    old_keys: int
    fresh: bool


@dataclass
class Run:
    """What came of it."""

    machine: dict[str, Any]
    lines: Lines = field(default_factory=Lines)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    beside: dict[str, Any] = field(default_factory=dict)


def hot_path(run: Run, how: How) -> None:
    """P1 to P4, P8 on the data that this leaves behind, P9."""
    with scratch.folder(None) as root, hot.opened(root, how.cards) as bench:
        for _ in range(how.rounds):
            bench.round(how.seconds)
        run.lines = bench.lines
        run.goals += goals.of_hot_path(bench.lines, bench.memory_mb)
        seen = bench.memory_over(how.flat_seconds)
        run.goals.append(goals.of_memory(seen))
        run.beside["memoryMb"] = seen
        bench.server.stop()
        found = starts.measure(bench.server, bench.job(), how.rounds)
        run.goals += goals.of_starts(found, starts.first_ever(1))
        run.beside["startSeconds"] = found


def bulk_issue(run: Run, how: How) -> None:
    """P6, in a process of its own, whose memory is then its alone."""
    command = [sys.executable, str(ROOT / "bench" / "bulk.py"), "--alone", "--cards", str(how.bulk_cards)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    run.beside["bulk"] = told = json.loads(done.stdout)
    run.goals += goals.of_bulk(told)


def verification(run: Run, how: How) -> None:
    """P7."""
    found = proof.measure(how.ledger, how.rounds, fresh=how.fresh)
    run.goals.append(goals.of_verify(found))
    run.beside["verifySeconds"] = found


def many_cards(run: Run, how: How) -> None:
    """P5, and what else is different with a million cards."""
    large = how.large
    found = growth.measure(large, rounds=how.rounds, seconds=how.seconds, old_keys=how.old_keys, fresh=how.fresh)
    what = f"{large.cards:,} cards and {large.entries:,} entries, to 10,000 and none"
    run.goals.append(goals.of_growth(found.large["redeem"], found.small["redeem"], what))
    run.beside["growth"] = report.members_of(found)
    run.notes += report.notes_of(found)


def lists(_: Run, how: How) -> None:
    """Lists and searches among them, in look-ups by id."""
    of = grown.kept(how.large)
    server = grown.server(of)
    try:
        server.start()
        find.look(server, of, rounds=1, seconds=1)
    finally:
        server.stop()


PARTS: Final[dict[str, Callable[[Run, How], None]]] = {
    "hot": hot_path,
    "bulk": bulk_issue,
    "verify": verification,
    "growth": many_cards,
    "lists": lists,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Kado against PostgreSQL's own ceiling on this machine.")
    parser.add_argument("--quick", action="store_true", help="one short round with few cards; nothing is written down")
    parser.add_argument("--long", action="store_true", help="look at the memory for ten minutes instead of two")
    parser.add_argument("--fresh", action="store_true", help="make the kept databases anew")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=["hot", "bulk", "verify", "growth"], metavar="PART")
    parser.add_argument("--cards", type=int, help="how many cards the large database has (a million)")
    wanted = parser.parse_args()
    how = how_to(wanted)
    with scratch.folder(None) as root:
        run = Run(machine.describe(root, find_binaries().version))
    failed: list[str] = []
    with scratch.ends_in_order():
        for part in wanted.only:
            began = time.monotonic()
            print(f"{part} ", end="", file=sys.stderr, flush=True)
            try:
                PARTS[part](run, how)
            except Exception as error:  # noqa: BLE001 - what the others measured is not thrown away with it
                traceback.print_exc()
                failed.append(part)
                run.notes.append(f"The part {part} failed: {type(error).__name__}.")
            print(f" {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print("\n".join(report.page(run.machine, run.lines, run.goals, run.notes)))
    if not wanted.quick and wanted.only == parser.get_default("only"):
        results = ROOT / "bench" / "results"
        written = report.write_down(results, run.machine, run.lines, run.goals, run.notes, run.beside)
        print("\nwritten to " + ", ".join(str(file.relative_to(ROOT)) for file in written))
    raise SystemExit(bool(failed))


def how_to(wanted: argparse.Namespace) -> How:
    """From what was asked for."""
    if wanted.quick:
        cards = wanted.cards or 20_000
        return How(1, 2, 2_000, 10, 10_000, Size(4_000, 20_000), Size(cards, 5 * cards), 20_000, wanted.fresh)
    cards = wanted.cards or growth.LARGE.cards
    flat = 600 if wanted.long else 120
    return How(3, 4, 10_000, flat, 100_000, proof.SIZE, Size(cards, 5 * cards), 1_000_000, wanted.fresh)


if __name__ == "__main__":
    main()
