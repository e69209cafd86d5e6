"""Lists and figures from a copy of the database, as fresh as from the database itself, so that tills have that to
themselves.

A reader cannot write, lock or begin a transaction of its own: nothing that decides about money or rights can be done
with one. What it reads on a copy has everything that had been committed when the reader was asked, or else the database
itself answers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

import asyncpg
import structlog

from kado.errors import Unavailable
from kado.storage.database import Connection, Database

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]

_LOOK_SECONDS: Final = 0.005
_PROBE_SECONDS: Final = 1.0
# None where it is a copy itself: it has just been demoted, and the next statement finds that out.
_COMMITTED: Final = "SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn()::text END"
# None where it is no copy any more: it may have been cut off, and have a history of its own.
_HAS_IT: Final = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() >= $1::text::pg_lsn END"
_log: Final = structlog.get_logger("kado.copies")


class Reader(Protocol):
    """Reads for people. `work` only reads, and may be called twice."""

    async def listing(self, work: Work[T], *, in_order: bool) -> T:
        """What `work` makes of a connection for lists, as `Database.read_list` describes it."""
        ...

    async def looking(self, work: Work[T]) -> T:
        """What `work` makes of a connection for single statements that take moments."""
        ...


class _Behind(Exception):
    """The copy lacks something that was committed before the list was asked for."""


class Copies:
    """A reader that asks `copy`, and `database` where that lags by more than `wait_seconds` or is away.

    A copy that failed is asked again in the background, so that nobody waits for it who could have an answer.
    """

    def __init__(self, database: Database, copy: Database, wait_seconds: float) -> None:
        self._database = database
        self._copy = copy
        self._wait = wait_seconds
        self._is_good = False
        self._probing = asyncio.create_task(self._probe(), name="probe of the copy")

    async def listing(self, work: Work[T], *, in_order: bool) -> T:
        """See `Reader`."""
        return await self._asked(work, lambda source, does: source.listing(does, in_order=in_order))

    async def looking(self, work: Work[T]) -> T:
        """See `Reader`."""
        return await self._asked(work, lambda source, does: source.looking(does))

    async def close(self) -> None:
        """Give the connections to the copy back."""
        self._probing.cancel()
        await asyncio.wait([self._probing])
        await self._copy.close()

    async def _asked(self, work: Work[T], how: Callable[[Reader, Work[T]], Awaitable[T]]) -> T:
        if self._is_good:
            committed = await self._database.looking(_committed)
            try:
                return await how(self._copy, self._after(committed, work))
            except _Behind:
                self._rests("behind")
            except Unavailable as error:
                # What is too slow there would be so here too, and those that wait there are kept away from the tills.
                if error.code != "database_unavailable" or isinstance(error.__cause__, asyncpg.QueryCanceledError):
                    raise
                self._rests(type(error.__cause__).__name__)
        return await how(self._database, work)

    def _after(self, committed: str | None, work: Work[T]) -> Work[T]:
        async def does(connection: Connection) -> T:
            await self._has(connection, committed)
            return await work(connection)

        return does

    async def _has(self, connection: Connection, committed: str | None) -> None:
        """Return once the copy has all until this place in the log. Raises `_Behind` when it takes too long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._wait
        while committed is None or not (has_it := await connection.fetchval(_HAS_IT, committed)):
            if committed is None or has_it is None or loop.time() >= until:
                raise _Behind
            await asyncio.sleep(_LOOK_SECONDS)

    def _rests(self, reason: str) -> None:
        if self._is_good:
            self._is_good = False
            _log.warning("copy is not used", reason=reason)
            self._probing = asyncio.create_task(self._probe(), name="probe of the copy")

    async def _probe(self) -> None:
        while True:
            try:
                committed = await self._database.looking(_committed)
                await self._copy.looking(self._after(committed, _nothing))
            except (_Behind, Unavailable):
                await asyncio.sleep(_PROBE_SECONDS)
            else:
                self._is_good = True
                _log.info("copy is used")
                return


async def _committed(connection: Connection) -> str | None:
    """The place in the log up to which everything is safe that anybody was told of."""
    place: str | None = await connection.fetchval(_COMMITTED)
    return place


async def _nothing(_: Connection) -> None:
    return None
