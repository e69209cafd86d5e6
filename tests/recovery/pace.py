"""Redeems at a steady pace, whatever the server does meanwhile, and how long tables were locked for everybody."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import httpx2
from tests.serving.till import Till

_LOCKED = """
    SELECT pid, relation::regclass::text AS relation, granted FROM pg_locks
    WHERE mode = 'AccessExclusiveLock' AND relation::regclass::text IN ('card', 'card_transaction')"""


@dataclass
class Paced:
    """What became of the redeems so far."""

    outcomes: Counter[int | str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    async def more(self, count: int, seconds: float = 60) -> None:
        """Return when so many more were answered."""
        wanted = len(self.seconds) + count
        async with asyncio.timeout(seconds):
            while len(self.seconds) < wanted:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def paced(till: Till, cards: Sequence[str], per_second: int = 50) -> AsyncIterator[Paced]:
    """Inside the block a redeem begins so many times a second, whether or not the earlier ones were answered."""
    so_far, under_way = Paced(), set[asyncio.Task[None]]()

    async def one() -> None:
        began = time.monotonic()
        try:
            outcome: int | str = (await till.redeem(random.choice(cards), "0.01")).status_code
        except httpx2.TransportError as error:
            outcome = type(error).__name__
        so_far.outcomes[outcome] += 1
        so_far.seconds.append(time.monotonic() - began)

    async def begin() -> None:
        following = time.monotonic()
        while True:
            under_way.add(task := asyncio.create_task(one()))
            task.add_done_callback(under_way.discard)
            following += 1 / per_second
            await asyncio.sleep(max(0, following - time.monotonic()))

    beginning = asyncio.create_task(begin())
    try:
        yield so_far
    finally:
        beginning.cancel()
        await asyncio.gather(*under_way)


@dataclass
class Locks:
    """The longest time for which a table was held, or waited for, by somebody who wants it alone."""

    held: float = 0.0
    waited: float = 0.0
    seen: int = 0


@asynccontextmanager
async def watched_locks(url: str) -> AsyncIterator[Locks]:
    """Look at the locks on the two great tables all the time. What is not seen lasted a few milliseconds at most."""
    locks, since = Locks(), dict[tuple[int, str, bool], float]()
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(url)

    async def look() -> None:
        while True:
            rows = await connection.fetch(_LOCKED)
            now = time.monotonic()
            there = {(row["pid"], row["relation"], row["granted"]) for row in rows}
            for one in [one for one in since if one not in there]:
                del since[one]
            for one in there:
                lasted = now - since.setdefault(one, now)
                locks.seen += 1
                if one[2]:
                    locks.held = max(locks.held, lasted)
                else:
                    locks.waited = max(locks.waited, lasted)
            await asyncio.sleep(0.002)

    looking = asyncio.create_task(look())
    try:
        yield locks
    finally:
        looking.cancel()
        await asyncio.wait([looking])
        connection.terminate()
