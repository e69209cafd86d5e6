"""Somebody guesses, a thousand times a second and from everywhere: whoever pays at the same time hardly notices.

Tills redeem at a steady pace, as tills do, and not as fast as the server can. In turns of a few seconds there are
guesses beside them and there are none; the two sorts of turns are compared, so that whatever else the machine does
falls on both. The guesser is a process of its own, and believed to sit behind a proxy that names a new address for
each guess: a guess that is refused for its address would cost the server less.
"""

import asyncio
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvloop

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from drills.oracle import be_used_to_it  # noqa: E402
from drills.wire import Reply, Wire  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone  # noqa: E402

GUESSES: Final = 1_000
"""A second."""
REDEEMS: Final = 50
FACTOR: Final = 2.0
SECONDS: Final = 60

_TURN_SECONDS: Final = 3.0
_WARM_SECONDS: Final = 0.5
"""The beginning of a turn belongs to the one before it."""
_GUESSERS: Final = 64
_CARDS: Final = 100


@dataclass
class Felt:
    """What the tills felt in one sort of turns."""

    seconds: list[float] = field(default_factory=list)
    outcomes: Counter[int | str] = field(default_factory=Counter)

    def note(self, reply: Reply, late: float) -> None:
        """`late` is how long the request had to wait before it was sent."""
        self.seconds.append(reply.seconds + late)
        self.outcomes[reply.outcome] += 1

    def share(self, percent: int) -> float:
        """So many percent were answered within this many milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


# ── who guesses ────────────────────────────────────────────────────────────────────────────────────────────────────


def guess(port: int, program: str, seconds: float) -> dict[int | str, int]:
    """A thousand wrong guesses a second for so long, or as many as are answered; outcome → how often."""
    return uvloop.run(_guess(port, program, seconds))


async def _guess(port: int, program: str, seconds: float) -> dict[int | str, int]:
    outcomes: Counter[int | str] = Counter()
    chance, loop = random.Random(), asyncio.get_running_loop()
    path, began = f"/v2/giftcards/programs/{program}/balance-check", loop.time()
    turns = iter(range(int(GUESSES * seconds)))

    async def guesser() -> None:
        async with Wire(port) as wire:
            for turn in turns:
                due = began + turn / GUESSES
                if loop.time() > began + seconds:
                    return
                await asyncio.sleep(max(0.0, due - loop.time()))
                number, code = f"4{chance.randrange(10**15):015}", f"{chance.randrange(10**6):06}"
                where = ".".join(str(chance.randint(1, 250)) for _ in range(4))
                body = {"cardNumber": number, "securityCode": code}
                reply = await wire.post(path, body, headers=f"X-Forwarded-For: {where}\r\n")
                outcomes[reply.outcome] += 1

    await asyncio.gather(*(guesser() for _ in range(_GUESSERS)))
    return dict(outcomes)


# ── who pays ───────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def paying(server: Server, token: str, paths: list[str], note: "list[Felt]") -> AsyncIterator[None]:
    """Tills that redeem at their pace; what they feel goes to the first of `note`, whichever that is at the moment."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    tills = 10
    began = loop.time()

    async def till(at: int) -> None:
        async with Wire(server.port, token) as wire:
            number = at
            while not over.is_set():
                due = began + number / REDEEMS
                await asyncio.sleep(max(0.0, due - loop.time()))
                late = max(0.0, loop.time() - due) if number > at else 0.0
                felt = note[0]
                reply = await wire.post(random.choice(paths), {"amount": "0.01"}, f"{began}-{number}")
                felt.note(reply, min(late, 5.0))
                number += tills

    work = [asyncio.create_task(till(at)) for at in range(tills)]
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*work)


async def _drill(server: Server, tell: Tell, scale: float) -> list[Line]:
    merchant = await asyncio.to_thread(server.merchant, "Corner Shop")
    token = await asyncio.to_thread(server.key, "Corner Shop")
    async with Till(server, token, merchant) as till:
        await till.open_program()
        paths = [till.cards_path((await till.card("100.00"))["id"], "redeem") for _ in range(_CARDS)]
        program = till.program
    await be_used_to_it(server, program)
    quiet, besieged, between = Felt(), Felt(), Felt()
    note, guesses, turns = [between], Counter[int | str](), max(2, round(SECONDS * scale / _TURN_SECONDS / 2))
    guessed_seconds = 0.0
    loop = asyncio.get_running_loop()
    tell(f"{turns} times {_TURN_SECONDS:.0f} s without guesses, then with them, {REDEEMS} redeems a second")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        await loop.run_in_executor(pool, guess, server.port, program, 1.0)  # the process starts
        async with paying(server, token, paths, note):
            await asyncio.sleep(2)
            for _ in range(turns):
                note[0] = quiet
                await asyncio.sleep(_TURN_SECONDS)
                note[0] = between
                began = time.monotonic()
                under_way = loop.run_in_executor(pool, guess, server.port, program, _WARM_SECONDS + _TURN_SECONDS)
                await asyncio.sleep(_WARM_SECONDS)
                note[0] = besieged
                await asyncio.sleep(_TURN_SECONDS)
                note[0] = between
                guesses.update(await under_way)
                guessed_seconds += time.monotonic() - began
                await asyncio.sleep(_WARM_SECONDS)
    return [judge(quiet, besieged, guesses, guessed_seconds)]


def judge(quiet: Felt, besieged: Felt, guesses: Counter[int | str], seconds: float) -> Line:
    factor = besieged.share(99) / quiet.share(99)
    rate = guesses.total() / seconds
    errors = {what: count for what, count in (quiet.outcomes + besieged.outcomes).items() if what != 200}
    answers = ", ".join(f"{count} times {outcome}" for outcome, count in sorted(guesses.items(), key=str))
    return Line(
        25,
        f"up to {GUESSES} wrong guesses a second move a redeem's p99 by a factor of {FACTOR:.0f} at most",
        f"p99 {quiet.share(99):.0f} ms without, {besieged.share(99):.0f} ms with {rate:.0f} guesses a second"
        f" ({answers}): factor {factor:.1f}; p50 {quiet.share(50):.0f} and {besieged.share(50):.0f} ms;"
        f" {len(quiet.seconds) + len(besieged.seconds)} redeems, {errors or 'none'} failed",
        factor <= FACTOR and not errors and 500 not in guesses,
    )


def drill(tell: Tell, scale: float) -> list[Line]:
    with serving(processes=2, settings={"KADO_TRUSTED_PROXIES": "127.0.0.1"}) as server:
        lines = uvloop.run(_drill(server, tell, scale))
        server.books_are_right()
        server.stop()
    return lines


if __name__ == "__main__":
    alone.main(drill, "guesses")
