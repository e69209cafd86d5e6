"""kill -9 under load, a hundred times the server and a hundred times PostgreSQL: nothing acknowledged is lost or made
twice, what is unknown settles by its key, and it is soon there again.

Two servers are killed at the same time, one as a whole and one in its database, so that the drill takes half as long;
each waits for the other's start, which the figures include. The seed chooses what is killed and when; where in a commit
a kill falls is up to the machine.
"""

import asyncio
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from tests.serving.rush import Rush  # noqa: E402
from tests.serving.server import Server, send, serving, until  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone  # noqa: E402

KILLS: Final = 100
READY_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 5.0

_WORKERS: Final = 16
_AGAIN_SECONDS: Final = 60
_ROUNDS_TO_A_PROGRAM: Final = 25
_VALUES: Final = ("10000", "10000", "10000", "10000", "10000", "10000", "10000", "30.00")
"""What is on the cards: one is hit as often as all others together, and one is soon empty."""


@dataclass
class Damage:
    """What the kills did."""

    kills: Counter[str] = field(default_factory=Counter)
    ready: list[float] = field(default_factory=list)
    outcomes: Counter[int | str] = field(default_factory=Counter)
    sales: int = 0
    unknown: int = 0
    lost: int = 0
    doubled: int = 0
    wrong_balances: int = 0
    without_retry_after: int = 0
    slowest: float = 0.0
    """The longest that a caller waited for an answer, whichever it was."""

    @property
    def count(self) -> int:
        return sum(self.kills.values())

    def how_ready(self) -> str:
        return f"p50 {median(self.ready):.1f} s, longest {max(self.ready):.1f} s"


# ── what is killed ─────────────────────────────────────────────────────────────────────────────────────────────────


def _processes_without_database(server: Server) -> list[int]:
    return server.server_processes()


def _first_process(server: Server) -> list[int]:
    """Its HTTP processes must notice by themselves, and make room for the next start."""
    return [server.process.pid]


def _everything(server: Server) -> list[int]:
    """As when the power goes, but for the disk's cache."""
    return server.all_processes()


def _postmaster(server: Server) -> list[int]:
    return [server.postmaster()]


def _all_of_postgresql(server: Server) -> list[int]:
    return server.postgres_processes()


Victims = Callable[[Server], list[int]]
OF_THE_SERVER: Final[dict[str, Victims]] = {
    "server": _processes_without_database,
    "first process": _first_process,
    "everything": _everything,
}
OF_POSTGRESQL: Final[dict[str, Victims]] = {"postmaster": _postmaster, "all of PostgreSQL": _all_of_postgresql}


async def _start_again(server: Server, _: int) -> None:
    """What a supervisor does at once."""
    # Most starts with one process, which is there sooner, so that there is time for more of them.
    server.environment["KADO_PROCESSES"] = random.choice(("1", "1", "1", "2"))
    await asyncio.to_thread(server.start_again)


async def _comes_back(server: Server, killed: int) -> None:
    """The server restarts its database by itself, and serves."""

    def is_back() -> bool:
        return server.postmaster() not in (0, killed) and server.is_ready()

    await asyncio.to_thread(until, is_back, _AGAIN_SECONDS, "PostgreSQL was not restarted")
    assert server.process.poll() is None, "the server ended with its database"


# ── one server that is killed again and again ──────────────────────────────────────────────────────────────────────


@dataclass
class Target:
    """A server, who rushes at it, and what came of it."""

    server: Server
    till: Till
    victims: dict[str, Victims]
    back: Callable[[Server, int], Awaitable[None]]
    chance: random.Random
    damage: Damage = field(default_factory=Damage)

    async def kill(self, times: int, tell: Callable[[int], None]) -> Damage:
        for first in range(0, times, _ROUNDS_TO_A_PROGRAM):
            await self.till.open_program()
            cards = [(await self.till.card(value))["id"] for value in _VALUES]
            rush = Rush(self.till, [*cards, *([cards[0]] * len(cards))], _WORKERS)
            for at in range(first, min(times, first + _ROUNDS_TO_A_PROGRAM)):
                rush = await self._kill_once(rush)
                tell(at + 1)
            await self._reckon(rush)
        return self.damage

    async def _kill_once(self, rush: Rush) -> Rush:
        before = len(rush.sales)
        async with rush.under_way():
            await rush.sold(self.chance.randint(1, 120))
            await asyncio.sleep(self.chance.uniform(0, 0.02))  # anywhere between two answers
            name = self.chance.choice(list(self.victims))
            killed = self.server.postmaster()
            began = time.monotonic()
            for pid in self.victims[name](self.server):
                send(pid, signal.SIGKILL)
            await self.back(self.server, killed)
            self.damage.ready.append(time.monotonic() - began)
            self.damage.kills[name] += 1
            await rush.sold(10, _AGAIN_SECONDS)
        self.damage.unknown += sum(not sale.is_settled for sale in rush.sales[before:])
        self._note(rush, before)
        await rush.settle(self.till, _AGAIN_SECONDS, first=before)
        return Rush.going_on(rush)

    def _note(self, rush: Rush, before: int) -> None:
        """How the callers were treated."""
        for sale in rush.sales[before:]:
            for attempt in sale.attempts:
                self.damage.outcomes[attempt.outcome] += 1
                self.damage.slowest = max(self.damage.slowest, attempt.seconds)
                self.damage.without_retry_after += attempt.outcome == 503 and not attempt.retry_after

    async def _reckon(self, rush: Rush) -> None:
        """Compare what was acknowledged with what is in the ledger."""
        booked, wrong = await rush.booked(self.server, self.till.program)
        confirmed = rush.confirmed()
        self.damage.sales += len(rush.sales)
        self.damage.lost += sum(booked.get(entry) != sale for entry, sale in confirmed.items())
        self.damage.lost += sum(sale.status == 200 for sale in rush.sales) - len(confirmed)  # two share an entry
        self.damage.doubled += len(booked.keys() - confirmed.keys())
        self.damage.wrong_balances += len(wrong)


# ── the drill ──────────────────────────────────────────────────────────────────────────────────────────────────────


def judge(server: Damage, database: Damage) -> list[Line]:
    """The lines about both."""
    return [
        _nothing_lost(13, "server", server),
        _ready_again(13, "server", server),
        _nothing_lost(14, "PostgreSQL", database),
        _ready_again(14, "PostgreSQL", database),
        _politely(database),
    ]


def _nothing_lost(guarantee: int, what: str, damage: Damage) -> Line:
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(damage.kills.items()))
    clean = damage.lost == damage.doubled == damage.wrong_balances == damage.outcomes[500] == 0
    return Line(
        guarantee,
        f"{damage.count} times kill -9 of the {what} under load: nothing acknowledged is lost, nothing is made twice",
        f"{damage.lost} lost, {damage.doubled} doubled of {damage.sales} sales, {damage.unknown} unknown settled by key"
        f" ({kinds})",
        clean and damage.count > 0,
    )


def _ready_again(guarantee: int, what: str, damage: Damage) -> Line:
    promise = f"ready again {READY_SECONDS:.0f} s after kill -9 of the {what}"
    return Line(guarantee, promise, damage.how_ready(), max(damage.ready) <= READY_SECONDS)


def _politely(damage: Damage) -> Line:
    others = {outcome: count for outcome, count in damage.outcomes.items() if outcome not in (200, 400, 503)}
    return Line(
        14,
        f"while PostgreSQL is away callers get 503 with Retry-After within {ANSWER_SECONDS:.0f} s and nothing else",
        f"{damage.outcomes[503]} times 503, {damage.without_retry_after} without Retry-After, "
        f"others {others or 'none'}, slowest answer {damage.slowest:.1f} s",
        not others and not damage.without_retry_after and damage.slowest <= ANSWER_SECONDS,
    )


async def _drill(servers: tuple[Server, Server], seed: int, tell: Tell, times: int) -> list[Line]:
    names = ("server", "PostgreSQL")
    how: tuple[Any, ...] = ((OF_THE_SERVER, _start_again), (OF_POSTGRESQL, _comes_back))
    done = dict.fromkeys(names, 0)

    async def one(at: int) -> Damage:
        server, (victims, back) = servers[at], how[at]
        merchant = await asyncio.to_thread(server.merchant, "Flower Shop")
        key = await asyncio.to_thread(server.key, "Flower Shop")

        def progress(count: int) -> None:
            done[names[at]] = count
            if count % max(5, times // 10) == 0 or count == times:
                tell(", ".join(f"{name} killed {count} times" for name, count in done.items()))

        async with Till(server, key, merchant) as till:
            return await Target(server, till, victims, back, random.Random(f"{seed}-{at}")).kill(times, progress)

    damages = await asyncio.gather(one(0), one(1))
    await asyncio.gather(*(asyncio.to_thread(server.books_are_right) for server in servers))
    return judge(*damages)


def drill(tell: Tell, scale: float, seed: int | None = None) -> list[Line]:
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    tell(f"seed {seed}")
    random.seed(seed)
    with serving(processes=2) as one, serving(processes=2) as other:
        lines = asyncio.run(_drill((one, other), seed, tell, max(3, int(KILLS * scale))))
        one.stop()
        other.stop()
    return lines


def main() -> None:
    parser = alone.arguments("kills")
    parser.add_argument("--seed", type=int, help="kill the same, at the same moments, as an earlier run")
    asked = parser.parse_args()
    alone.show(lambda tell: drill(tell, asked.scale, asked.seed))


if __name__ == "__main__":
    main()
