"""One moment of the whole ledger, seen by several connections while the server goes on working."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from kado.storage.database import LONG_READ, Database

if TYPE_CHECKING:
    import asyncpg

_CONNECTIONS: Final = 3

# On several machines: one connection to each, so that all that is read there is read in one snapshot.
_ONE_EACH: Final = "SET LOCAL citus.max_adaptive_executor_pool_size = 1"
_LOOK_EVERYWHERE: Final = "SELECT count(*) FROM fraud_progress"
# Waits for postings and sealing that are under way, and lets none begin, for as long as machines are looked at: there
# is no snapshot of several machines, but all of them are at rest together.
_REST: Final = "LOCK TABLE card, seal_progress IN SHARE MODE"


@asynccontextmanager
async def one_moment(database: Database) -> AsyncIterator[list["asyncpg.Connection[asyncpg.Record]"]]:
    """Three connections that see the same moment. Raises what connecting and locking raise."""
    await database.learn()
    async with AsyncExitStack() as stack:
        async with _at_rest(database):
            connections: list[asyncpg.Connection[asyncpg.Record]] = []
            snapshot = None
            for _ in range(_CONNECTIONS):
                connection = await database.connect(LONG_READ)
                stack.callback(connection.terminate)
                await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
                if snapshot is None:
                    snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
                else:
                    await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
                if database.is_distributed:
                    await connection.execute(_ONE_EACH)
                    await connection.fetchval(_LOOK_EVERYWHERE)
                connections.append(connection)
        yield connections


@asynccontextmanager
async def _at_rest(database: Database) -> AsyncIterator[None]:
    """Where programs are spread over machines: nobody moves money meanwhile, for the moment that this takes."""
    if not database.is_distributed:
        yield
        return
    connection = await database.connect()
    try:
        async with connection.transaction():
            await connection.execute(_REST)
            yield
    finally:
        connection.terminate()
