"""A transaction in two round trips: BEGIN rides along with its first statement, COMMIT with its last.

PostgreSQL works on what it is sent in order and answers when it comes to a Sync. asyncpg sends one statement and a
Sync. What is written on its connection just before therefore becomes part of the same flight: if it fails, what
follows is skipped, and asyncpg, which waits for the answer to its own statement, gets the error. It takes the
additional "done" for what it is, and leaves it aside (`_process__bind_execute` in its `coreproto.pyx`; a test notices
if that changes).
"""

import time
from collections.abc import Sequence
from struct import Struct
from typing import Final

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from kado.storage.connect import Watched
from kado.storage.database import CommitUnconfirmed, lacks_copy

_number: Final = Struct(">i").pack
_short: Final = Struct(">h").pack
_NULL: Final = _number(-1)
_MEASURE_SECONDS: Final = 1.0


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + _number(len(body) + 4) + body


def _bind(statement: str, arguments: Sequence[str | None]) -> bytes:
    """Arguments as text, for the unnamed portal."""
    parts = [b"\0", statement.encode(), b"\0", _short(0), _short(len(arguments))]
    for argument in arguments:
        if argument is None:
            parts.append(_NULL)
        else:
            said = argument.encode()
            parts += (_number(len(said)), said)
    return _message(b"B", b"".join([*parts, _short(0)]))


_EXECUTE: Final = _message(b"E", b"\0" + _number(0))
_BEGIN: Final = _message(b"P", b"\0BEGIN\0" + _short(0)) + _bind("", ()) + _EXECUTE


class Ride:
    """A connection of the caller's own, with a first and a last statement of its transactions prepared.

    The arguments of both are texts. Whatever else a transaction needs goes over `connection` in between.
    """

    def __init__(
        self,
        connection: Watched,
        first: "PreparedStatement[asyncpg.Record]",
        last: "PreparedStatement[asyncpg.Record]",
        commit: "PreparedStatement[asyncpg.Record]",
    ) -> None:
        self.connection = connection
        self._first = first
        self._last = last
        self._commit = commit
        self._measured_at = float("-inf")
        self._planned_for = 0
        self._lacks_copy = False
        connection.add_log_listener(self._hear)  # once: to listen anew to each commit takes longer than a check

    @classmethod
    async def on(cls, connection: Watched, first: str, last: str) -> "Ride":
        """Prepare both. What is prepared like this stays so for as long as the connection lives."""
        return cls(connection, *[await connection.prepare(statement) for statement in (first, last, "COMMIT")])

    async def begin(self) -> None:
        """Begin a transaction by itself, where something else comes before its first statement."""
        await self.connection.execute("BEGIN")

    async def first(self, *arguments: str | None, begins: bool) -> list[asyncpg.Record]:
        """Run the first statement, in a transaction that begins with it or has begun already."""
        if begins:
            self.connection.wire.write(_BEGIN)
        return await self._first.fetch(*arguments)

    async def last(self, *arguments: str | None) -> None:
        """Run the last statement, and stay in the transaction."""
        await self._last.fetch(*arguments)

    async def commit(self, arguments: Sequence[str | None] | None = None) -> None:
        """Commit, after running the last statement where its arguments are given. Raises what either of them says.

        Raises `CommitUnconfirmed` as `database.confirmed` does.
        """
        self._lacks_copy = False
        if arguments is not None:
            self.connection.wire.write(_bind(self._last.get_name(), arguments) + _EXECUTE)
        await self._commit.fetch()
        if self._lacks_copy:
            raise CommitUnconfirmed

    def _hear(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        self._lacks_copy |= lacks_copy(message)

    def measures(self) -> bool:
        """Whether it is time to look how large the tables are that the plans were made for; once a second."""
        now = time.monotonic()
        is_due = now - self._measured_at >= _MEASURE_SECONDS
        if is_due:
            self._measured_at = now
        return is_due

    async def plan_for(self, size: int) -> None:
        """Forget all plans, those of foreign keys too, where the tables became twice as large since they were made.

        Which of several indexes is the right one cannot be told from small tables. A plan that took another would read
        all of a program for each of its rows, later on.
        """
        if size > 2 * self._planned_for:
            self._planned_for = size
            await self.connection.execute("DISCARD PLANS")

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's own
        """Give the connection back."""
        await self.connection.close(timeout=timeout)

    def is_closed(self) -> bool:
        """Whether the connection has ended."""
        return self.connection.is_closed()
