"""Measure the posting machine by itself, without HTTP: `python bench/ledger.py [--quick] [--profile FILE] [--grow N]`.

Redeems straight at `Ledger.post`, with everything that a redeem costs there: keys, stored answers, chain, seals, audit
rows. What counts is how much of a processor each of them takes, here and in PostgreSQL: unlike the rate, that hardly
depends on what else the machine does. `--profile` writes what Python did with 32 callers, for `python -m pstats`.
`--grow 200000` begins with an empty database instead and redeems so often: what was planned then must hold to the end.
"""

import argparse
import asyncio
import cProfile
import os
import random
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import rmtree
from statistics import median
from typing import Final

import uvloop

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import cards as bench_cards  # noqa: E402

from kado.access.caller import Caller  # noqa: E402
from kado.access.permissions import Permission, Role  # noqa: E402
from kado.cards.ledger import Ledger  # noqa: E402
from kado.cards.redeem import Redeem  # noqa: E402
from kado.cards.verify import verify  # noqa: E402
from kado.crypto import Keyring  # noqa: E402
from kado.doors.api.routes.money import _render_redeemed  # noqa: E402
from kado.ids import new_id  # noqa: E402
from kado.programs import create  # noqa: E402
from kado.programs.program import NewProgram  # noqa: E402
from kado.storage import embedded  # noqa: E402
from kado.storage.database import Database  # noqa: E402
from kado.storage.migrate import migrate  # noqa: E402

WORK: Final = (
    ("one caller", 1, False),
    ("32 callers", 32, False),
    ("128 callers", 128, False),
    ("32 callers on one card", 32, True),
)
"""What is measured: how many callers, and whether all of them want the same card."""

_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """Of one measurement: postings a second, and microseconds of a processor for each."""

    rate: float
    python: float
    postgres: float
    p50: float
    """How long a caller waited, in milliseconds."""


class Bench:
    """A posting machine on a database of its own."""

    def __init__(self, ledger: Ledger, caller: Caller, cards: bench_cards.Cards, cluster: Path) -> None:
        self._ledger = ledger
        self._caller = caller
        self._cards = cards
        self._cluster = cluster
        self._keys = count()
        self._run = secrets.token_hex(6)

    async def measure(
        self, callers: int, seconds: float = 3600, *, hot: bool = False, redeems: int = sys.maxsize
    ) -> Figures:
        """Let so many callers redeem, each waiting for its answer, for so long or so often."""
        cards = self._cards.ids[:1] if hot else self._cards.ids[1:]
        waited: list[float] = []
        left, until = iter(range(redeems)), time.perf_counter() + seconds
        began, python, postgres = time.perf_counter(), time.process_time(), _processor_seconds(self._cluster)
        await asyncio.gather(*(self._call(cards, left, until, waited) for _ in range(callers)))
        took, postings = time.perf_counter() - began, len(waited)
        return Figures(
            rate=postings / took,
            python=1e6 * (time.process_time() - python) / postings,
            postgres=1e6 * (_processor_seconds(self._cluster) - postgres) / postings,
            p50=1000 * median(waited),
        )

    async def _call(self, cards: Sequence[str], left: Iterator[int], until: float, waited: list[float]) -> None:
        choose = random.Random().choice
        while (began := time.perf_counter()) < until and next(left, None) is not None:
            answer = await self._ledger.post(
                Redeem(
                    program_id=self._cards.program_id,
                    card_id=choose(cards),
                    caller=self._caller,
                    key=f"{self._run}{next(self._keys):012d}",
                    render=_render_redeemed,
                    amount=1,
                )
            )
            assert answer.status == 200, answer
            waited.append(time.perf_counter() - began)


def _processor_seconds(cluster: Path) -> float:
    """What all processes of the PostgreSQL in this directory have used so far."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if (stat.parent / "cwd").readlink() == cluster:
                fields = stat.read_bytes().rpartition(b")")[2].split()
                total += (int(fields[11]) + int(fields[12])) / _TICK
        except OSError:  # it has just ended
            continue
    return total


@asynccontextmanager
async def opened(url: str, cluster: Path, count_of_cards: int) -> AsyncIterator[Bench]:
    """A posting machine on a fresh database, whose books must be right at the end."""
    await asyncio.to_thread(lambda: asyncio.run(migrate(url)))
    secret, merchant_id = secrets.token_hex(32), new_id()
    database, keyring = await Database.open(url), Keyring([secret])
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO merchant (id, name) VALUES ($1, $2)", merchant_id, "Bench")
    program = await create.create(database, merchant_id, "operator:bench", NewProgram(name="Bench"))
    first = await bench_cards.make(url, secret, merchant_id, program.id, count=2, with_codes=0)
    caller = Caller(merchant_id, "key:bench", Role.OWNER, frozenset(Permission), is_test=False)
    ledger = Ledger(database, keyring)
    # Its plans are made while there is next to nothing.
    await Bench(ledger, caller, first, cluster).measure(1, redeems=1)
    cards = await bench_cards.make(url, secret, merchant_id, program.id, count=count_of_cards, with_codes=0)
    yield Bench(ledger, caller, cards, cluster)
    await ledger.close()
    print(f"\nkado verify: {len((await verify(database, keyring)).findings)} findings")
    await database.close()


async def compare(
    url: str, cluster: Path, rounds: int, seconds: float, count_of_cards: int, profile: Path | None
) -> None:
    """Few callers and many, on many cards and on one, in turns."""
    found: dict[str, list[Figures]] = {name: [] for name, _, _ in WORK}
    async with opened(url, cluster, count_of_cards) as bench:
        await bench.measure(32, 0.5)
        for _ in range(rounds):
            for name, callers, hot in WORK:
                found[name].append(await bench.measure(callers, seconds, hot=hot))
        if profile is not None:
            with cProfile.Profile() as profiler:
                await bench.measure(32, seconds)
            profiler.dump_stats(profile)
        print(table(found))
        spread, hot_one = (median(one.rate for one in found[name]) for name in ("32 callers", "32 callers on one card"))
        print(f"\none hot card to many (goal 0.9): {hot_one / spread:.2f}")


async def grow(url: str, cluster: Path, redeems: int, count_of_cards: int) -> None:
    """The same work from the first redeem on, in tenths."""
    found: dict[str, list[Figures]] = {}
    async with opened(url, cluster, count_of_cards) as bench:
        for tenth in range(10):
            found[f"up to {(tenth + 1) * redeems // 10}"] = [await bench.measure(32, redeems=redeems // 10)]
        print(table(found))
        first, *_, last = (one.postgres for figures in found.values() for one in figures)
        print(f"\nPostgreSQL in the last tenth to the first: {last / first:.2f}")


def table(found: dict[str, list[Figures]]) -> str:
    """Medians over the rounds, for people."""
    lines = [f"{'':<24}{'a second':>10}{'python us':>11}{'postgres us':>13}{'p50 ms':>9}"]
    for name, figures in found.items():
        of = {what: median(getattr(one, what) for one in figures) for what in ("rate", "python", "postgres", "p50")}
        lines.append(f"{name:<24}{of['rate']:>10.0f}{of['python']:>11.1f}{of['postgres']:>13.1f}{of['p50']:>9.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the posting machine without HTTP.")
    parser.add_argument("--quick", action="store_true", help="one round of short measurements")
    parser.add_argument("--profile", type=Path, help="write a profile of 32 callers to this file")
    parser.add_argument("--grow", type=int, default=0, metavar="N", help="redeem so often, from an empty database on")
    options = parser.parse_args()
    rounds, seconds, cards = (1, 2.0, 1_000) if options.quick else (3, 4.0, 10_000)
    root = Path(tempfile.mkdtemp(prefix="kado-ledger-"))
    root.chmod(0o711)
    server = embedded.start(root / "data", role="server")
    try:
        cluster = (root / "data" / "postgres").resolve()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if options.grow:
                runner.run(grow(server.url, cluster, options.grow, cards))
            else:
                runner.run(compare(server.url, cluster, rounds, seconds, cards, options.profile))
    finally:
        server.stop()
        rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
