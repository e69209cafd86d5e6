"""A worker at work in the test's own event loop, and patience for what it does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from kado.errors import Unavailable
from kado.storage.database import Database


class Runs(Protocol):
    """A worker, or one of its parts."""

    async def run(self, stop: asyncio.Event) -> None: ...


@asynccontextmanager
async def working(worker: Runs) -> AsyncIterator[asyncio.Event]:
    """The worker at work; at the end it is stopped and must come to an end."""
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(running, 20)


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 60) -> None:
    """Wait until the condition holds; fail when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)


async def back(database: Database) -> None:
    """Wait until the database is used again after its connections were cut: the pool hands each dead one out once."""

    async def answers() -> bool:
        try:
            async with database.read() as connection:
                return bool(await connection.fetchval("SELECT true"))
        except Unavailable:
            return False

    await until(answers)
