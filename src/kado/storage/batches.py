"""Long work in small pieces, each in a transaction of its own: nobody waits long behind it, and a stop loses little."""

from collections.abc import Awaitable, Callable

from kado.storage.database import Connection, Database


async def in_batches(database: Database, size: int, statement: str, *values: object) -> int:
    """Run a statement that takes `size` rows at most, until it finds fewer; how many rows in all."""

    async def work(connection: Connection) -> int:
        return affected(await connection.execute(statement, *values))

    return await until_fewer(size, lambda: database.repeat(work))


async def until_fewer(size: int, batch: Callable[[], Awaitable[int]]) -> int:
    """Do a batch again and again, until it does fewer than `size`; how many in all."""
    total = 0
    while True:
        done = await batch()
        total += done
        if done < size:
            return total


def affected(status: str) -> int:
    """How many rows a statement changed, from what PostgreSQL says of it ("DELETE 12")."""
    return int(status.rpartition(" ")[2])
