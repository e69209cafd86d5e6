"""Connections of one's own that wait for their next list, beside the pool: as many as there are lists at a time."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import asyncpg

from kado.storage.database import AWAY


class Own(Protocol):
    """A connection, or what has one."""

    def is_closed(self) -> bool:
        """Whether it has ended."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's own
        """End it."""


C = TypeVar("C", bound=Own)


class Idle(Generic[C]):
    """Those that nobody uses at the moment."""

    def __init__(self, connect: Callable[[], Awaitable[C]]) -> None:
        self._connect = connect
        self._waiting: list[C] = []

    async def take(self) -> C:
        """One that waits and has not ended, or a new one. Raises what connecting raises."""
        while self._waiting:
            connection = self._waiting.pop()
            if not connection.is_closed():
                return connection
        return await self._connect()

    def give_back(self, connection: C) -> None:
        """It may be used again, unless it has ended meanwhile."""
        self._waiting.append(connection)

    async def close(self) -> None:
        """Give up those that wait: what one of them found out is true of all."""
        while self._waiting:
            with suppress(asyncpg.PostgresError, *AWAY):
                await self._waiting.pop().close(timeout=1)
