"""A lane of their own for requests of people who have proved nothing about themselves.

When somebody guesses there are a thousand of them a second, and each costs about as much as a redeem does. Side by side
they would come between any two steps of a redeem; in the lane a few are looked at at once, however many wait, and one
after another while tills are busy.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from kado.storage.crowd import PLACES, Crowd
from kado.storage.gather import patience, patience_begins, waits_outside

WIDE: Final = 32
"""So many at once fill the lists in which balance checks are settled."""

NARROW: Final = 1
"""With 2 the slowest redeems beside a flood took up to 2.8 times as long, with 16 eight times (`drills/guesses.py`)."""

REST_SECONDS: Final = 0.003
"""Between two beside tills. Without a rest, since a check is quick, 500 of them a second more than doubled the p99 of a
redeem (14 ms to 6)."""

_BUSY_NANOSECONDS: Final = 500_000_000
"""For so long after a request outside the lane the next one is expected."""


class Lane:
    """Lets a few in at once and keeps the others waiting, in their order, as far as a queue has places."""

    def __init__(self, paths: re.Pattern[str], places: int = PLACES, rest_seconds: float = REST_SECONDS) -> None:
        """`paths`: what has to take the lane."""
        self._rest_seconds = rest_seconds
        self._paths = paths
        self._crowd = Crowd("balance_check_lane", places, lambda: len(self._waiting))
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._inside = 0
        self._others = 0
        self._others_until = 0
        self._rests = False

    @asynccontextmanager
    async def passage(self, path: str) -> AsyncIterator[None]:
        """Wait for one's turn, where the path is one of the lane's. Raises `Unavailable` where too many wait."""
        if self._paths.fullmatch(path) is None:
            self.other_begins()
            try:
                yield
            finally:
                self.other_ends()
            return
        turn = _Turn(self)
        await turn.take()
        waits_outside(turn.given_up)
        try:
            yield
        finally:
            turn.end()

    def other_begins(self) -> None:
        """A request that need not take the lane is looked at; whoever does makes room. `other_ends` follows."""
        self._others += 1

    def other_ends(self) -> None:
        """It is answered."""
        self._others -= 1
        self._others_until = time.monotonic_ns() + _BUSY_NANOSECONDS

    async def turn(self) -> None:
        """Wait for one's turn. Raises `Unavailable` where too many wait, or for too long."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            is_full = self._crowd.comes(len(self._waiting))
            self._let_in()
            async with asyncio.timeout(self._crowd.moment if is_full else patience()):
                await turn
        except BaseException as error:
            with suppress(ValueError):
                self._waiting.remove(turn)
            if turn.done() and not turn.cancelled():  # it came to its turn, and left in the same moment
                self.leave()
            if isinstance(error, TimeoutError):
                raise self._crowd.turned_away(len(self._waiting)) from None
            raise

    def leave(self) -> None:
        """One's turn is over."""
        self._inside -= 1
        if self._is_busy():
            self._rests = True
            asyncio.get_running_loop().call_later(self._rest_seconds, self._goes_on)
        else:
            self._let_in()

    def _goes_on(self) -> None:
        self._rests = False
        self._let_in()

    def _is_busy(self) -> bool:
        return self._others > 0 or time.monotonic_ns() < self._others_until

    def _let_in(self) -> None:
        is_busy = self._is_busy()
        if is_busy and self._rests:
            return
        while self._waiting and self._inside < (NARROW if is_busy else WIDE):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._inside += 1


class _Turn:
    """One request's turn in the lane, which it may give up for a while and take again."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._has_it = False

    async def take(self) -> None:
        """Wait for it. Raises `Unavailable` where too many wait."""
        await self._lane.turn()
        self._has_it = True

    def end(self) -> None:
        """Give it to the next one, unless that has happened already."""
        if self._has_it:
            self._has_it = False
            self._lane.leave()

    @asynccontextmanager
    async def given_up(self) -> AsyncIterator[None]:
        """The next one has its turn meanwhile; afterwards this request waits for one anew."""
        self.end()
        yield
        patience_begins()
        await self.take()
