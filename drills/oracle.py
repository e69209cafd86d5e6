"""A refusal tells nothing: neither by a byte nor by how long it takes.

Somebody asks about two cards in turn, one that should be told from the other and one that should not, on one connection
to a server that does nothing else. Which of the two comes first is drawn for each pair. Both of a pair are of the same
age: where a card is guessed at for the third time, so is the number that no card has.

Two samples of the same thing differ a little all the same, and one comparison in a hundred looks as if they did not
come from it. So a comparison that fails is made again, with twice as many pairs: a difference that is there shows more
clearly then, and one that was chance does not come back.
"""

import asyncio
import math
import random
import statistics
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvloop

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from drills.wire import Reply, Wire  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone  # noqa: E402

PAIRS: Final = 2_000
SHARE_MAX: Final = 0.05
"""Of the standard deviation, by which the medians may differ."""
P_MIN: Final = 0.01

_A_CARD: Final = 5
"""So many wrong codes a number takes a day."""
_OFTEN_THE_SAME: Final = ("x-request-id", "date", "retry-after")

Ask = tuple[str, str, str]
"""A program, a number and a code."""


# ── statistics ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Compared:
    """How far apart two samples are: medians in shares of the standard deviation, and the chance of so much."""

    median_microseconds: tuple[float, float]
    deviation_microseconds: float
    share: float
    p: float

    @property
    def held(self) -> bool:
        return self.share < SHARE_MAX and self.p > P_MIN


def compare(first: Sequence[float], second: Sequence[float]) -> Compared:
    """Both in seconds. The standard deviation is that of both together."""
    medians = statistics.median(first), statistics.median(second)
    deviation = statistics.stdev([*first, *second])
    return Compared(
        (medians[0] * 1e6, medians[1] * 1e6),
        deviation * 1e6,
        abs(medians[0] - medians[1]) / deviation,
        mann_whitney(first, second),
    )


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sided p of the rank sum test (Mann and Whitney 1947): normal, corrected for ties and continuity."""
    n, m = len(first), len(second)
    ordered = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    ranks, ties, at = 0.0, 0, 0
    while at < n + m:
        end = at
        while end < n + m and ordered[end][0] == ordered[at][0]:
            end += 1
        rank, size = (at + end + 1) / 2, end - at
        ranks += rank * sum(1 for _, which in ordered[at:end] if which == 0)
        ties += size**3 - size
        at = end
    above = ranks - n * (n + 1) / 2
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 1.0
    distance = max(0.0, abs(above - n * m / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(distance / math.sqrt(2))


# ── a shop to ask about ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Asked:
    """Somebody who asks, each time from another address; and everything that was told."""

    wire: Wire
    told: dict[str, set[tuple[int | str, bytes, str]]] = field(default_factory=dict)
    _addresses: int = 0

    async def ask(self, sort: str, ask: Ask) -> Reply:
        program, number, code = ask
        self._addresses += 1
        where = f"10.{self._addresses >> 16 & 255}.{self._addresses >> 8 & 255}.{self._addresses & 255}"
        body = {"cardNumber": number, "securityCode": code}
        path = f"/v2/giftcards/programs/{program}/balance-check"
        reply = await self.wire.post(path, body, headers=f"X-Forwarded-For: {where}\r\n")
        lines = [line for line in reply.head.split("\r\n") if line.partition(":")[0].lower() not in _OFTEN_THE_SAME]
        self.told.setdefault(sort, set()).add((reply.outcome, reply.body, "\r\n".join(lines)))
        return reply


async def cards(till: Till, server: Server, count: int) -> list[str]:
    """Numbers of active cards that have a code."""
    made: list[str] = []

    async def some() -> None:
        while len(made) < count:
            made.append("")
            made[made.index("")] = (await till.card("5.00", customerEmail="ada@example.com"))["cardNumber"]

    await asyncio.gather(*(some() for _ in range(8)))
    superuser = await server.superuser()
    waiting = "SELECT count(*) FROM card WHERE program_id = $1 AND code_hash IS NULL"
    while await superuser.fetchval(waiting, till.program):  # noqa: ASYNC110 - it tells nobody that they were sent
        await asyncio.sleep(0.1)
    await superuser.close()
    return made[:count]


async def void_all(till: Till, server: Server) -> None:
    superuser = await server.superuser()
    ids = [row["id"] for row in await superuser.fetch("SELECT id FROM card WHERE program_id = $1", till.program)]
    await superuser.close()
    for card in ids:
        answer = await till.post(till.cards_path(card, "void"), {"reason": "lost"})
        assert answer.status_code == 200, answer.text


async def be_used_to_it(server: Server, program: str) -> None:
    """As if so many checks failed in it every day: otherwise it would be under attack after a few seconds."""
    superuser = await server.superuser()
    await superuser.execute(
        "INSERT INTO check_rate (program_id, minute, failed)"
        " VALUES ($1, date_trunc('minute', clock_timestamp() - interval '1 hour'), 100000000)",
        program,
    )
    await superuser.close()


def unknown() -> str:
    """A number that no card has, as far as anybody can tell."""
    return f"4000{random.randrange(10**12):012}"


def each_five_times(numbers: Sequence[str]) -> list[str]:
    return [number for number in numbers for _ in range(_A_CARD)]


# ── pairs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def pairs(asked: Asked, name: str, sides: Sequence[tuple[Ask, Ask]]) -> Compared:
    """Ask about both sides of each pair, in an order that is drawn, and compare how long it took."""
    times: tuple[list[float], list[float]] = ([], [])
    for pair in sides:
        for which in random.sample((0, 1), 2):
            reply = await asked.ask(f"{name} {which}", pair[which])
            assert isinstance(reply.outcome, int), reply.outcome
            times[which].append(reply.seconds)
    return compare(*times)


async def _drill(server: Server, tell: Tell, scale: float) -> list[Line]:
    merchant = await asyncio.to_thread(server.merchant, "Corner Shop")
    token = await asyncio.to_thread(server.key, "Corner Shop")
    count = max(100, round(PAIRS * scale))
    async with Till(server, token, merchant) as till, Wire(server.port) as wire:
        asked, shop = Asked(wire), Shop(till, server)
        lines = [await judged(asked, name, make, count, tell) for name, make in shop.cases()]
        lines.append(bytes_of(asked))
    return lines


Sides = list[tuple[Ask, Ask]]
Make = Callable[[int], Awaitable[Sides]]
"""Makes so many pairs of which nobody has asked before."""


@dataclass
class Shop:
    """Where the pairs come from."""

    till: Till
    server: Server

    def cases(self) -> list[tuple[str, Make]]:
        """What is compared with what."""
        return [
            ("wrong code and unknown number", self.wrong_codes),
            ("wrong code of a voided card and unknown number", self.voided),
            ("number of another program and unknown number", self.of_another_program),
            ("locked card and locked unknown number", self.locked),
        ]

    async def wrong_codes(self, count: int) -> Sides:
        return self._against_unknown(await self._opened(count))[:count]

    async def voided(self, count: int) -> Sides:
        numbers = await self._opened(count)
        await void_all(self.till, self.server)
        return self._against_unknown(numbers)[:count]

    async def of_another_program(self, count: int) -> Sides:
        numbers = await self._opened(count)
        await self._opened(0)
        return self._against_unknown(numbers)[:count]

    async def locked(self, count: int) -> Sides:
        (number,) = await self._opened(_A_CARD)
        ((known, strange), *_) = self._against_unknown([number])
        async with Wire(self.server.port) as wire:
            lock = Asked(wire, _addresses=2**23)
            for _ in range(_A_CARD):
                for one in (known, strange):
                    assert (await lock.ask("", one)).outcome == 404
        return [(known, strange)] * count

    async def _opened(self, count: int) -> list[str]:
        """A fresh program, and in it as many cards as so many wrong codes need; their numbers."""
        await self.till.open_program()
        await be_used_to_it(self.server, self.till.program)
        return await cards(self.till, self.server, -(-count // _A_CARD))

    def _against_unknown(self, numbers: Sequence[str]) -> Sides:
        known = each_five_times(numbers)
        strange = each_five_times([unknown() for _ in numbers])
        where = self.till.program
        return [((where, a, "wrong!"), (where, b, "wrong!")) for a, b in zip(known, strange, strict=True)]


async def judged(asked: Asked, name: str, make: Make, count: int, tell: Tell) -> Line:
    figures: list[str] = []
    held = False
    for size in (count, 2 * count):
        found = await pairs(asked, name, await make(size))
        one, other = found.median_microseconds
        figures.append(
            f"{size} pairs, medians {one:.0f} and {other:.0f} µs, standard deviation"
            f" {found.deviation_microseconds:.0f} µs: {found.share:.1%} of it, p = {found.p:.2f}"
        )
        tell(f"{name}: {figures[-1]}")
        held = found.held
        if held:
            break
    return Line(35, f"{name} take the same time", "; again: ".join(figures), held)


def bytes_of(asked: Asked) -> Line:
    """Whether both sides of each case, and all that are not locked, were told the same, byte for byte."""
    refused = [said for sort, said in asked.told.items() if not sort.startswith("locked")]
    locked = [said for sort, said in asked.told.items() if sort.startswith("locked")]
    kinds = [set().union(*refused), set().union(*locked)]
    answers = ", ".join(f"{len(kind)} answer of status {sorted({one[0] for one in kind})}" for kind in kinds)
    held = [sorted({one[0] for one in kind}) for kind in kinds] == [[404], [429]] and all(
        len(one) == 1 for one in kinds
    )
    return Line(35, "refusals are the same in every byte but their own name and the time", answers, held)


def drill(tell: Tell, scale: float) -> list[Line]:
    with serving(settings={"KADO_TRUSTED_PROXIES": "127.0.0.1"}) as server:
        lines = uvloop.run(_drill(server, tell, scale))
        server.stop()
    return lines


if __name__ == "__main__":
    alone.main(drill, "oracle")
