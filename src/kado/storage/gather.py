"""Group commit: whatever arrives while a list is being worked on forms the next list.

No timer and no waiting on purpose: on a quiet server each list has one member and starts at once.
"""

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import Context, ContextVar
from typing import Final, Generic, TypeAlias, TypeVar

from kado.errors import Unavailable
from kado.storage.crowd import Crowd

T = TypeVar("T")
R = TypeVar("R")

PATIENCE_SECONDS: Final = 4.5
"""How long a caller waits for its outcome; then it is told that it is not known yet."""

_LEAST_SECONDS: Final = 0.5
"""What is left for the outcome, however long the caller was kept waiting before."""

_patience_since: ContextVar[float | None] = ContextVar("patience_since", default=None)


def patience_begins() -> None:
    """A caller's patience runs from now on, and not only from when an item of its request is handed in."""
    _patience_since.set(time.monotonic())


def patience() -> float:
    """For how many more seconds the caller waits."""
    since = _patience_since.get()
    return PATIENCE_SECONDS if since is None else max(_LEAST_SECONDS, since + PATIENCE_SECONDS - time.monotonic())


Outside: TypeAlias = Callable[[], AbstractAsyncContextManager[None]]
_outside: ContextVar[Outside] = ContextVar("outside", default=nullcontext)


def waits_outside(way: Outside) -> None:
    """While this request waits for somebody else, it gives up its turn in this way, and gets it back afterwards."""
    _outside.set(way)


def outside() -> AbstractAsyncContextManager[None]:
    """Around a wait for somebody else's server: whoever is next need not wait for that too."""
    return _outside.get()()


class Gatherer(Generic[T, R]):
    """Hands lists of items to `work`, one list at a time, and each result back to who asked.

    `work` returns one result or exception per item, in order; an exception that it raises goes to all of the list.
    """

    def __init__(
        self,
        work: Callable[[list[T]], Awaitable[Sequence[R | BaseException]]],
        crowd: Crowd,
        *,
        largest: int = 128,
    ) -> None:
        self._work = work
        self._crowd = crowd
        self._largest = largest
        self._numbers = itertools.count()
        self._waiting: OrderedDict[int, tuple[T, asyncio.Future[R]]] = OrderedDict()
        self._running: asyncio.Task[None] | None = None
        crowd.length = lambda: len(self._waiting)

    async def submit(self, item: T) -> R:
        """The item's result. Raises what `work` gave for it, or `Unavailable` when that takes too long.

        Whoever finds the queue full is given a moment for it to get shorter, and is turned away otherwise.
        """
        number, loop = next(self._numbers), asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        is_full = self._crowd.comes(len(self._waiting) + 1)  # raises before anything of it could be done
        self._waiting[number] = (item, future)
        if self._running is None:
            # Not as part of the request that happens to come first: the lists of this task are of many.
            self._running = asyncio.create_task(self._run(), context=Context())
        end = loop.call_later(patience(), _give_up, future)  # much less than what a block of `asyncio.timeout` takes
        try:
            if is_full:
                await asyncio.wait([future], timeout=self._crowd.moment)
                if not future.done() and self._is_behind(number):
                    raise self._crowd.turned_away(len(self._waiting))
            return await future
        finally:
            end.cancel()
            # Whoever gives up before the work began must find nothing done.
            self._waiting.pop(number, None)
            future.cancel()

    def _is_behind(self, number: int) -> bool:
        """Whether this one still waits, with a full queue before it."""
        first_behind = next(itertools.islice(self._waiting, self._crowd.places, None), None)
        return number in self._waiting and first_behind is not None and first_behind <= number

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
            _, (item, future) = self._waiting.popitem(last=False)
            if not future.done():
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


def _give_up(future: "asyncio.Future[R]") -> None:
    if not future.done():
        future.set_exception(
            Unavailable(
                "busy", "The outcome is not known yet. Send the same request again, with the same idempotency key.", 1
            )
        )
