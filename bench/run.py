"""Measure Kado against what PostgreSQL itself can do on the same machine, in one run: `python bench/run.py [--quick]`.

Rounds are interleaved, figures are medians of them; only ratios within one run mean something on a machine that others
use too. Everything stays on this machine: sockets of the file system and 127.0.0.1.
"""

import argparse
import asyncio
import json
import os
import platform
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import cards as bench_cards  # noqa: E402
from bench.ceilings import Ceiling  # noqa: E402
from tests.serving.server import Server, free_port, listens, serving, until  # noqa: E402

from kado.storage.embedded.binaries import find_binaries  # noqa: E402

CEILING: Final = "one call, 32 clients"
P1: Final = "redeem, 1 process, 32 connections"
SHOWN: Final = ("p50_ms", "p95_ms", "p99_ms", "server_cpu_ms")
"""Of an answer, as the caller sees it; the last one is what the server's processes spend on it, PostgreSQL apart. That
one hardly depends on what else the machine does."""

_CARDS: Final = 10_000
_WITH_CODES: Final = 200
_FEW: Final = 2_000


@dataclass
class Line:
    """One thing that is measured, over all rounds."""

    name: str
    rates: list[float] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(self.rates)

    def typical(self, what: str) -> float | None:
        found = [detail[what] for detail in self.details if what in detail]
        return round(median(found), 2) if found else None


class Bench:
    """The server, the scratch database, and what was measured."""

    def __init__(self, server: Server, ceiling: Ceiling, cards: bench_cards.Cards, token: str, nothing: int) -> None:
        self._server = server
        self._ceiling = ceiling
        self._nothing = nothing
        self._job = {"program": cards.program_id, "cards": cards.ids[1:], "numbers": cards.numbers, "token": token}
        self._hot = cards.ids[:1]
        self.lines: dict[str, Line] = {}
        self.memory: list[int] = []

    def round(self, seconds: int) -> None:
        """Everything once."""
        for clients in (1, 8, 32):
            self._note(f"one call, {clients} client{'s' * (clients > 1)}", self._ceiling.measure(clients, seconds))
        self._note("one call, 32 clients on one card", self._ceiling.measure(32, seconds, hot=True))
        nothing = load(
            {"port": self._nothing, "kind": "nothing", "connections": 32, "seconds": seconds, "token": "-" * 53}
        )
        self._note("nothing: generator and uvicorn alone", nothing.pop("rate"), nothing)
        self._restart(processes=1)
        for connections in (1, 32, 128):
            name = f"redeem, 1 process, {connections} connection{'s' * (connections > 1)}"
            self._load(name, "redeem", connections, seconds)
        self._load("redeem, 1 process, 32 on one card", "redeem", 32, seconds, cards=self._hot)
        self.memory.append(self._server.memory_kilobytes())
        self._load("balance check by number and code, 32", "check", 32, seconds)
        self._load("balance by token, 32", "look", 32, seconds)
        self._restart(processes=2)
        self._load("redeem, 2 processes, 32 connections", "redeem", 32, seconds)

    def _restart(self, processes: int) -> None:
        self._server.environment["KADO_PROCESSES"] = str(processes)
        self._server.stop()
        self._server.start()

    def _load(self, name: str, kind: str, connections: int, seconds: int, cards: list[str] | None = None) -> None:
        job = self._job | {"port": self._server.port, "kind": kind, "connections": connections, "seconds": seconds}
        if cards is not None:
            job["cards"] = cards
        used = self._server.processor_seconds()
        result = load(job)
        result["server_cpu_ms"] = round(1000 * (self._server.processor_seconds() - used) / result["answers"], 3)
        self._note(name, result.pop("rate"), result)

    def _note(self, name: str, rate: float, detail: dict[str, Any] | None = None) -> None:
        line = self.lines.setdefault(name, Line(name))
        line.rates.append(rate)
        if detail is not None:
            line.details.append(detail)
        print(".", end="", flush=True)


def load(job: dict[str, Any]) -> dict[str, Any]:
    """Run the load generator in its own process. Ends everything when an answer was not a success."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "load.py")],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    if result["failures"]:
        raise SystemExit(f"\n{job['kind']}: {result['failures']} answers failed, the first: {result['first_failure']}")
    return result


@contextmanager
def nothing() -> Iterator[int]:
    """The app that does nothing, on a port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(ROOT / "bench" / "nothing.py"), str(port)])
    try:
        until(lambda: listens(port), 20, "the app that does nothing does not start")
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def prepare(server: Server, secret: str, count: int) -> tuple[bench_cards.Cards, str, Ceiling]:
    """A merchant, a key, a program, its cards, and the scratch database."""
    cards, token = await bench_cards.in_a_shop(server, secret, count=count, with_codes=_WITH_CODES)
    ceiling = Ceiling(server.database_url(), server.root)
    await ceiling.prepare()
    return cards, token, ceiling


def table(lines: dict[str, Line]) -> str:
    """What people read."""
    of = lines[CEILING].rate
    rows: list[tuple[str, ...]] = [
        ("", "a second", "least", "most", "of the ceiling", "p50 ms", "p95 ms", "p99 ms", "server ms", "generator")
    ]
    for line in lines.values():
        shown = [_shown(line.typical(what)) for what in SHOWN]
        busy = line.typical("generator_cpu")
        rows.append(
            (
                line.name,
                f"{line.rate:.0f}",
                f"{min(line.rates):.0f}",
                f"{max(line.rates):.0f}",
                f"{line.rate / of:.2f}",
                *shown,
                "" if busy is None else f"{busy:.0%}",
            )
        )
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def goals(lines: dict[str, Line]) -> dict[str, float]:
    """The ratios that were set as goals."""
    p1, ceiling = lines[P1].rate, lines[CEILING].rate
    quiet = lines["redeem, 1 process, 1 connection"].typical("p50_ms") or 0.0
    ratios = {
        "redeem at 32 to the ceiling (goal 1.0)": p1 / ceiling,
        "redeem at 128 to the ceiling (goal 1.5)": lines["redeem, 1 process, 128 connections"].rate / ceiling,
        "one hot card to many (goal 0.9)": lines["redeem, 1 process, 32 on one card"].rate / p1,
        "quiet redeem's p50 to one call (goal at most 2.5)": quiet * lines["one call, 1 client"].rate / 1000,
        "balance check to redeem (goal 0.5)": lines["balance check by number and code, 32"].rate / p1,
        "balance by token to redeem (goal 1.0)": lines["balance by token, 32"].rate / p1,
        "two processes to one": lines["redeem, 2 processes, 32 connections"].rate / p1,
    }
    return {name: round(ratio, 2) for name, ratio in ratios.items()}


def write_down(bench: Bench, ratios: dict[str, float], rounds: int, seconds: int, verified: float) -> Path:
    folder = ROOT / "bench" / "results"
    folder.mkdir(exist_ok=True)
    file = folder / f"{datetime.now(UTC):%Y-%m-%d}-{platform.node()}.json"
    says = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "postgres": find_binaries().version,
        },
        "rounds": rounds,
        "seconds": seconds,
        "ratios": ratios,
        "memory_kilobytes": max(bench.memory),
        "verify_seconds": round(verified, 1),
        "lines": {
            line.name: {"rates": [round(rate) for rate in line.rates]}
            | {what: line.typical(what) for what in (*SHOWN, "generator_cpu") if line.details}
            for line in bench.lines.values()
        },
    }
    file.write_text(json.dumps(says, indent=1) + "\n")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Kado against PostgreSQL's own ceiling on this machine.")
    parser.add_argument("--quick", action="store_true", help="one round of short measurements, under a minute")
    rounds, seconds, count = (1, 2, _FEW) if parser.parse_args().quick else (3, 4, _CARDS)
    secret = secrets.token_hex(32)
    with serving(settings={"KADO_SECRET_KEY": secret, "KADO_LOG_LEVEL": "info"}) as server, nothing() as port:
        cards, token, ceiling = asyncio.run(prepare(server, secret, count))
        bench = Bench(server, ceiling, cards, token, port)
        for _ in range(rounds):
            bench.round(seconds)
        began = time.monotonic()
        server.books_are_right()
        verified = time.monotonic() - began
        server.stop()
    ratios = goals(bench.lines)
    print(f"\n\n{table(bench.lines)}\n")
    for name, ratio in ratios.items():
        print(f"{name:<52}{ratio:>6.2f}")
    print(f"\nserver's memory {max(bench.memory) // 1024} MB; kado verify of everything {verified:.1f} s")
    print(f"written to {write_down(bench, ratios, rounds, seconds, verified).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
