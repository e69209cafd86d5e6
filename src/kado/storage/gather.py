"""Group commit: whatever arrives while a list is being worked on forms the next list.

No timer and no waiting on purpose: on a quiet server each list has one member and starts at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from kado.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")

PATIENCE_SECONDS: Final = 4.5
"""How long a caller waits for its outcome; then it is told that it is not known yet."""


class Gatherer(Generic[T, R]):
    """Hands lists of items to `work`, one list at a time, and each result back to who asked.

    `work` returns one result or exception per item, in order; an exception that it raises goes to all of the list.
    """

    def __init__(
        self,
        work: Callable[[list[T]], Awaitable[Sequence[R | BaseException]]],
        *,
        largest: int = 128,
        waiting: int = 4000,
    ) -> None:
        self._work = work
        self._largest = largest
        self._most_waiting = waiting
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """The item's result. Raises what `work` gave for it, or `Unavailable` when that takes too long."""
        if len(self._waiting) >= self._most_waiting:
            raise _busy()
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await future
        except TimeoutError:
            raise _busy() from None

    async def drained(self) -> None:
        """Return when nothing is under way any more."""
        while (running := self._running) is not None:
            await asyncio.wait([running])

    async def _run(self) -> None:
        try:
            while batch := self._next_list():
                await self._run_list(batch)
        finally:
            self._running = None

    def _next_list(self) -> list[tuple[T, asyncio.Future[R]]]:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        while self._waiting and len(batch) < self._largest:
            item, future = self._waiting.popleft()
            if not future.done():  # whoever gave up before the work began must find nothing done
                batch.append((item, future))
        return batch

    async def _run_list(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        results: Sequence[R | BaseException]
        try:
            results = await self._work([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, whatever it is
            results = [error] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)


def _busy() -> Unavailable:
    return Unavailable(
        "busy", "The outcome is not known yet. Send the same request again, with the same idempotency key.", 1
    )
